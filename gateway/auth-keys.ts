// The keys that may have signed a token, each bound to its one algorithm: a public key can never be taken for a shared secret, and
// a header's `alg` only chooses among keys that we have. Knows nothing of claims.
import { createLocalJWKSet, createRemoteJWKSet, importSPKI, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

export const ALGORITHMS = ['HS256', 'EdDSA', 'ES256', 'RS256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];
export const SECRET_BYTES_MIN = 32;

export type KeySpec =
  /** A shared secret of at least 32 bytes; HS256. */
  | { readonly is: 'secret'; readonly secret: Uint8Array }
  /** A public key as PEM (SPKI). */
  | { readonly is: 'pem'; readonly algorithm: Exclude<Algorithm, 'HS256'>; readonly pem: string }
  /** A key set as JSON, chosen from by `kid`. */
  | { readonly is: 'jwks'; readonly jwks: JSONWebKeySet }
  /** A key set behind a URL, fetched when needed, again when a token names an unknown `kid` (at most each 30 s). */
  | { readonly is: 'jwksUrl'; readonly url: string };

export interface VerifyKey {
  readonly algorithms: readonly Algorithm[];
  readonly key: Uint8Array | CryptoKey | JWTVerifyGetKey;
}

const JWKS_TIMEOUT_MS = 5_000;
const JWKS_COOLDOWN_MS = 30_000;
const JWKS_MAX_AGE_MS = 600_000;

/** Rejects with a TypeError that names the key by its place, never by its content. */
export async function loadKeys(
  specs: readonly KeySpec[],
  allowed: readonly Algorithm[],
): Promise<readonly VerifyKey[]> {
  const keys: VerifyKey[] = [];
  for (const [at, spec] of specs.entries()) {
    const key = await loadKey(spec, allowed).catch((error: unknown) => {
      throw new TypeError(`auth key ${at + 1} (${spec.is}): ${error instanceof Error ? error.message : 'unusable'}`);
    });
    if (key.algorithms.length > 0) keys.push(key);
  }
  return keys;
}

async function loadKey(spec: KeySpec, allowed: readonly Algorithm[]): Promise<VerifyKey> {
  const asymmetric = allowed.filter((algorithm) => algorithm !== 'HS256');
  switch (spec.is) {
    case 'secret':
      if (spec.secret.length < SECRET_BYTES_MIN) throw new TypeError(`a secret needs ${SECRET_BYTES_MIN} bytes`);
      return { algorithms: allowed.filter((algorithm) => algorithm === 'HS256'), key: spec.secret };
    case 'pem':
      return {
        algorithms: allowed.filter((algorithm) => algorithm === spec.algorithm),
        key: await importSPKI(spec.pem, spec.algorithm),
      };
    case 'jwks':
      return { algorithms: asymmetric, key: createLocalJWKSet(spec.jwks) };
    case 'jwksUrl': {
      const url = new URL(spec.url);
      if (url.protocol !== 'https:' && !LOOPBACK_HOSTS.has(url.hostname))
        throw new TypeError('a key set is fetched over https only');
      return {
        algorithms: asymmetric,
        key: createRemoteJWKSet(url, {
          timeoutDuration: JWKS_TIMEOUT_MS,
          cooldownDuration: JWKS_COOLDOWN_MS,
          cacheMaxAge: JWKS_MAX_AGE_MS,
        }),
      };
    }
  }
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
