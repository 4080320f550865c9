// A certificate for servers of tests that talk TLS. Needs openssl.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Unavailable } from './fetch.mjs';

const DAYS = 30;
/** Of the key store, which lies beside the key that it holds. */
export const STORE_PASSWORD = 'parley';

/** For 127.0.0.1 and localhost, signed by itself, so that it is also what clients trust. PEM files. */
export function makeCertificate(folder) {
  const pair = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const asked = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const about = ['-days', String(DAYS), '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  mkdirSync(folder, { recursive: true });
  openssl([...asked, ...about, ...names, '-keyout', pair.key, '-out', pair.cert]);
  return pair;
}

/** The same, and the PKCS 12 file that a JVM reads. */
export function makeKeyStore(folder) {
  const pair = makeCertificate(folder);
  const store = join(folder, 'keystore.p12');
  const from = ['-in', pair.cert, '-inkey', pair.key, '-name', 'parley'];
  openssl(['pkcs12', '-export', ...from, '-out', store, '-passout', `pass:${STORE_PASSWORD}`]);
  return { ...pair, store };
}

function openssl(words) {
  const made = spawnSync('openssl', words, { encoding: 'utf8' });
  if (made.error !== undefined) throw new Unavailable('TLS: openssl is not here to make a certificate');
  if (made.status !== 0) throw new Error(`openssl ${words[0]}: ${made.stderr}`);
}
