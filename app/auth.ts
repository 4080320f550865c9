// From the configuration to the keys of the token verifier: reads key files, and refuses what is no protection. `serve` starts only
// with a real key; the demo keys of `dev` name themselves, so that they are known again.
import type { AuthOptions, KeySpec } from '../gateway/index.ts';
import { SECRET_BYTES_MIN } from '../gateway/index.ts';
import type { Config } from './config.ts';
import type { ConfigProblem } from './config-load.ts';

/** How every demo key begins. */
export const DEMO_KEY_PREFIX = 'parley-demo-';

export interface AuthFiles {
  /** Throws when the file cannot be read. */
  readText(path: string): string;
}

export type AuthFromConfig =
  | { readonly ok: true; readonly options: AuthOptions; readonly secret: Uint8Array | null }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export function authFromConfig(
  auth: Config['auth'],
  mode: { readonly files: AuthFiles; readonly demoAllowed: boolean; readonly wallNow: () => number },
): AuthFromConfig {
  const problems: ConfigProblem[] = [];
  const problem = (path: string, about: string): void =>
    void problems.push({ path: path === '' ? 'auth' : `auth.${path}`, about, from: 'auth' });
  const read = (path: string, file: string): string => {
    try {
      return mode.files.readText(file);
    } catch (error) {
      problem(path, `cannot read ${file}: ${error instanceof Error ? error.message : 'unknown'}`);
      return '';
    }
  };

  const keys: KeySpec[] = [];
  if (auth.secret !== null && auth.secretFile !== null) problem('secretFile', 'set either secret or secretFile');
  const text = auth.secret ?? (auth.secretFile === null ? null : read('secretFile', auth.secretFile).trim());
  const secret = text === null ? null : Buffer.from(text, 'utf8');
  if (text !== null && secret !== null) {
    const path = auth.secret === null ? 'secretFile' : 'secret';
    if (secret.length < SECRET_BYTES_MIN) problem(path, `a secret needs ${SECRET_BYTES_MIN} bytes or more`);
    else if (!mode.demoAllowed && text.startsWith(DEMO_KEY_PREFIX))
      problem(path, 'this is a demo key; anybody may know it');
    keys.push({ is: 'secret', secret });
  }
  for (const [at, key] of auth.publicKeys.entries()) {
    keys.push({ is: 'pem', algorithm: key.algorithm, pem: read(`publicKeys.${at}`, key.file) });
  }
  if (auth.jwksUrl !== null) keys.push({ is: 'jwksUrl', url: auth.jwksUrl });
  if (keys.length === 0) problem('', 'no key: set secretFile, publicKeys or jwksUrl, so that tokens can be checked');

  if (problems.length > 0) return { ok: false, problems };
  const { audience, issuer, leewaySeconds, requireExpiry, cachedTokensMax, algorithms } = auth;
  const { wallNow } = mode;
  return {
    ok: true,
    secret,
    options: { keys, algorithms, audience, issuer, leewaySeconds, requireExpiry, cachedTokensMax, wallNow },
  };
}
