// Bearer tokens: who a client is, by a JWT that the application's own server signed. Checks with `jose` under an allowlist of
// algorithms; what is wrong with a token is a value. Never logs a token, and never repeats one in an answer.
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose';
import type { Identity, TokenVerifier } from '../actors/index.ts';
import { isDeviceId, isUserId, LIMITS } from '../protocol/index.ts';
import { VerifiedTokens } from './auth-cache.ts';
import { ALGORITHMS, type Algorithm, type KeySpec, loadKeys, SECRET_BYTES_MIN, type VerifyKey } from './auth-keys.ts';

export interface AuthOptions {
  readonly keys: readonly KeySpec[];
  /** Default: all that we know. */
  readonly algorithms?: readonly Algorithm[];
  /** `aud` must hold it; null: not checked. */
  readonly audience: string | null;
  /** `iss` must be it; null: not checked. */
  readonly issuer: string | null;
  /** How far clocks may be apart. */
  readonly leewaySeconds: number;
  /** Refuse tokens without `exp`. */
  readonly requireExpiry: boolean;
  readonly cachedTokensMax: number;
  /** Milliseconds since 1970. */
  readonly wallNow: () => number;
}

type Refusal = Exclude<Awaited<ReturnType<TokenVerifier['verify']>>, Identity>;
const refused = (about: string): Refusal => ({ refused: 'unauthenticated', about });

// A token that brings or points to its own key. We would not use it; whoever sends one means harm, or is badly misconfigured.
const FOREIGN_KEY_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit'] as const;
const KEYS_TRIED_MAX = 4;

/**
 * `verify` rejects only when keys could not be fetched (`TokenKeysUnavailable`): the token may be right, and its client should
 * come again. Everything else is a value.
 */
export async function createTokenVerifier(options: AuthOptions): Promise<TokenVerifier> {
  const keys = await loadKeys(options.keys, options.algorithms ?? ALGORITHMS);
  if (keys.length === 0) throw new TypeError('auth: no key that an allowed algorithm could use');
  const cache = new VerifiedTokens(options.cachedTokensMax);
  return {
    async verify(token) {
      if (token.length === 0 || token.length > LIMITS.tokenCharsMax) return refused('The token is empty or too long.');
      const seen = cache.get(token, options.wallNow());
      if (seen !== null) return seen;
      const payload = await verifySignature(token, keys, options);
      if ('refused' in payload) return payload;
      const identity = readIdentity(payload.claims);
      if (!('refused' in identity)) cache.put(token, identity);
      return identity;
    },
  };
}

export class TokenKeysUnavailable extends Error {}

async function verifySignature(
  token: string,
  keys: readonly VerifyKey[],
  options: AuthOptions,
): Promise<{ readonly claims: JWTPayload } | Refusal> {
  const algorithm = readAlgorithm(token);
  if (typeof algorithm !== 'string') return algorithm;
  const fitting = keys.filter((key) => key.algorithms.includes(algorithm)).slice(0, KEYS_TRIED_MAX);
  if (fitting.length === 0) return refused('No key here for the algorithm of this token.');
  const rules: JWTVerifyOptions = {
    algorithms: [algorithm],
    clockTolerance: options.leewaySeconds,
    currentDate: new Date(options.wallNow()),
    requiredClaims: options.requireExpiry ? ['sub', 'exp'] : ['sub'],
    ...(options.audience === null ? {} : { audience: options.audience }),
    ...(options.issuer === null ? {} : { issuer: options.issuer }),
  };
  let last = refused('The signature does not fit.');
  for (const { key } of fitting) {
    try {
      const { payload } =
        typeof key === 'function' ? await jwtVerify(token, key, rules) : await jwtVerify(token, key, rules);
      return { claims: payload };
    } catch (error) {
      last = readFault(error);
      if (!(error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey)) break;
    }
  }
  return last;
}

function readAlgorithm(token: string): Algorithm | Refusal {
  try {
    const header = decodeProtectedHeader(token);
    for (const name of FOREIGN_KEY_HEADERS)
      if (header[name] !== undefined) return refused(`The header may not hold ${name}.`);
    const found = ALGORITHMS.find((known) => known === header.alg);
    return found ?? refused('The algorithm of the token is not allowed.');
  } catch {
    return refused('This is not a token.');
  }
}

// The server of the keys did not answer, or not with keys. Generic is how `jose` says that it answered with an error.
const KEY_SET_FAULTS: ReadonlySet<string> = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

function readFault(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return { refused: 'token_expired', about: 'The token has expired.' };
  if (error instanceof errors.JWTClaimValidationFailed) return refused(`The claim ${error.claim} is missing or wrong.`);
  if (error instanceof errors.JWSSignatureVerificationFailed) return refused('The signature does not fit.');
  if (error instanceof errors.JWKSNoMatchingKey) return refused('No key here is named in the token.');
  if (!(error instanceof errors.JOSEError) || KEY_SET_FAULTS.has(error.code)) {
    throw new TokenKeysUnavailable('The keys for tokens could not be fetched.', { cause: error });
  }
  return refused('The token is malformed.');
}

function readIdentity(claims: JWTPayload): Identity | Refusal {
  const { sub, exp, device } = claims;
  if (!isUserId(sub)) return refused('The claim sub is not a user id.');
  if (device !== undefined && device !== null && !isDeviceId(device))
    return refused('The claim device is not a device id.');
  return { user: sub, expires: exp === undefined ? null : exp * 1_000, device: isDeviceId(device) ? device : null };
}

export interface IssueOptions {
  readonly secret: Uint8Array;
  readonly user: string;
  readonly device?: string | null;
  readonly ttlSeconds: number;
  readonly audience?: string | null;
  readonly issuer?: string | null;
  readonly wallNow: number;
}

/** Signs a token with the shared secret: for development, tests and `parley token new`. */
export async function issueToken(options: IssueOptions): Promise<string> {
  if (!isUserId(options.user)) throw new TypeError('token: not a user id');
  if (options.device != null && !isDeviceId(options.device)) throw new TypeError('token: not a device id');
  if (options.secret.length < SECRET_BYTES_MIN) throw new TypeError(`token: a secret needs ${SECRET_BYTES_MIN} bytes`);
  const now = Math.floor(options.wallNow / 1_000);
  const jwt = new SignJWT(options.device == null ? {} : { device: options.device })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(options.user)
    .setIssuedAt(now)
    .setExpirationTime(now + options.ttlSeconds);
  if (options.audience != null) jwt.setAudience(options.audience);
  if (options.issuer != null) jwt.setIssuer(options.issuer);
  return await jwt.sign(options.secret);
}
