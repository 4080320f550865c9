// Tokens: the tricks that are known, and the rules of the claims.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TokenVerifier } from '../actors/index.ts';
import { type AuthOptions, createTokenVerifier, issueToken, TokenKeysUnavailable } from './auth.ts';

const secret = Buffer.from('0123456789abcdef0123456789abcdef');
let now = 1_800_000_000_000;
const seconds = () => Math.floor(now / 1_000);
const base: AuthOptions = {
  keys: [{ is: 'secret', secret }],
  audience: 'parley',
  issuer: 'https://app.example',
  leewaySeconds: 5,
  requireExpiry: true,
  cachedTokensMax: 100,
  wallNow: () => now,
};
const issue = (more: object = {}) =>
  issueToken({
    secret,
    user: 'alice',
    ttlSeconds: 60,
    audience: 'parley',
    issuer: 'https://app.example',
    wallNow: now,
    ...more,
  });
const b64 = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const claims = () => ({ sub: 'alice', aud: 'parley', iss: 'https://app.example', exp: seconds() + 60 });
/** Signed by hand, so that anything can stand in the header. */
function forge(header: object, payload: object, key: Buffer | string | null = secret): string {
  const body = `${b64(header)}.${b64(payload)}`;
  return `${body}.${key === null ? '' : createHmac('sha256', key).update(body).digest('base64url')}`;
}

let verifier: TokenVerifier;
beforeAll(async () => {
  verifier = await createTokenVerifier(base);
});

test('a right token tells who, for which device, and until when', async () => {
  expect(await verifier.verify(await issue())).toEqual({
    user: 'alice',
    expires: (seconds() + 60) * 1_000,
    device: null,
  });
  expect(await verifier.verify(await issue({ device: 'phone' }))).toMatchObject({ device: 'phone' });
});

describe('refused as unauthenticated', () => {
  const cases: [string, () => string | Promise<string>][] = [
    ['nothing', () => ''],
    ['something else', () => 'kaputt.kaputt'],
    ['alg none', () => forge({ alg: 'none' }, claims(), null)],
    ['alg nOnE', () => forge({ alg: 'nOnE' }, claims(), null)],
    ['no signature', () => `${forge({ alg: 'HS256' }, claims()).split('.').slice(0, 2).join('.')}.`],
    ['HS512, which is not on the list', () => forge({ alg: 'HS512' }, claims())],
    ['a key inside (jwk)', () => forge({ alg: 'HS256', jwk: { kty: 'oct', k: b64('x') } }, claims())],
    ['a key elsewhere (jku)', () => forge({ alg: 'HS256', jku: 'https://evil.example/keys' }, claims())],
    ['a certificate elsewhere (x5u)', () => forge({ alg: 'HS256', x5u: 'https://evil.example/c' }, claims())],
    ['critical extensions', () => forge({ alg: 'HS256', crit: ['b64'], b64: false }, claims())],
    ['another secret', () => forge({ alg: 'HS256' }, claims(), 'x'.repeat(32))],
    ['a changed payload', async () => (await issue()).replace(/\.[^.]+\./, `.${b64({ ...claims(), sub: 'root' })}.`)],
    ['another audience', () => issue({ audience: 'other' })],
    ['no audience', () => issue({ audience: null })],
    ['another issuer', () => issue({ issuer: 'https://evil.example' })],
    ['not yet valid', () => forge({ alg: 'HS256' }, { ...claims(), nbf: seconds() + 60 })],
    ['no expiry', () => forge({ alg: 'HS256' }, { ...claims(), exp: undefined })],
    ['no user', () => forge({ alg: 'HS256' }, { ...claims(), sub: undefined })],
    ['a user that is no id', () => forge({ alg: 'HS256' }, { ...claims(), sub: 'a b' })],
    ['a user that is a number', () => forge({ alg: 'HS256' }, { ...claims(), sub: 7 })],
    ['a device that is no id', () => forge({ alg: 'HS256' }, { ...claims(), device: '../x' })],
    ['more than a token may be', () => `${'a'.repeat(9_000)}.b.c`],
  ];
  for (const [what, make] of cases) {
    test(what, async () => {
      const token = await make();
      const answer = await verifier.verify(token);
      expect(answer).toMatchObject({ refused: 'unauthenticated' });
      if (token.length > 8 && 'about' in answer) expect(answer.about).not.toContain(token.slice(0, 8));
    });
  }
});

test('an expired token is told apart, after a leeway, also when it was seen before', async () => {
  const token = await issue();
  expect(await verifier.verify(token)).toMatchObject({ user: 'alice' });
  now += 66_000;
  expect(await verifier.verify(token)).toMatchObject({ refused: 'token_expired' });
  now -= 66_000;
});

test('a public key is never taken for a secret (RS256 to HS256)', async () => {
  const { publicKey } = await generateKeyPair('RS256', { extractable: true });
  const pem = await exportSPKI(publicKey);
  const rsa = await createTokenVerifier({ ...base, keys: [{ is: 'pem', algorithm: 'RS256', pem }] });
  expect(await rsa.verify(forge({ alg: 'HS256' }, claims(), pem))).toMatchObject({ refused: 'unauthenticated' });
});

for (const algorithm of ['EdDSA', 'ES256', 'RS256'] as const) {
  test(`${algorithm} by PEM, and not when the allowlist leaves it out`, async () => {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const keys = [{ is: 'pem', algorithm, pem: await exportSPKI(publicKey) } as const];
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: algorithm }).sign(privateKey);
    const mine = await createTokenVerifier({ ...base, keys });
    expect(await mine.verify(token)).toMatchObject({ user: 'alice' });
    await expect(createTokenVerifier({ ...base, keys, algorithms: ['HS256'] })).rejects.toThrow('no key');
    const other = await createTokenVerifier({ ...base, keys: [...keys, ...base.keys], algorithms: ['HS256'] });
    expect(await other.verify(token)).toMatchObject({ refused: 'unauthenticated' });
  });
}

test('two secrets at once, while one is changed for the other', async () => {
  const old = Buffer.from('old-old-old-old-old-old-old-old-');
  const both = await createTokenVerifier({ ...base, keys: [...base.keys, { is: 'secret', secret: old }] });
  expect(await both.verify(await issue({ secret: old }))).toMatchObject({ user: 'alice' });
  expect(await both.verify(await issue())).toMatchObject({ user: 'alice' });
});

test('a key set behind a URL is fetched, chosen from by kid, and its absence is no fault of the token', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
  let up = true;
  let fetched = 0;
  const server = createServer((_request, response) => {
    fetched += 1;
    response.writeHead(up ? 200 : 503, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  const sign = (kid: string) => new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  const mine = await createTokenVerifier({ ...base, keys: [{ is: 'jwksUrl', url }], cachedTokensMax: 0 });
  expect(await mine.verify(await sign('k1'))).toMatchObject({ user: 'alice' });
  expect(await mine.verify(await sign('k2'))).toMatchObject({ refused: 'unauthenticated' });
  expect(fetched).toBe(1); // an unknown kid soon after does not make us ask again
  up = false;
  const cold = await createTokenVerifier({ ...base, keys: [{ is: 'jwksUrl', url }] });
  await expect(cold.verify(await sign('k1'))).rejects.toBeInstanceOf(TokenKeysUnavailable);
  server.close();
});

test('keys that are too weak or come over an open line are refused at the start', async () => {
  const weak = createTokenVerifier({ ...base, keys: [{ is: 'secret', secret: Buffer.alloc(31) }] });
  await expect(weak).rejects.toThrow('32 bytes');
  const open = createTokenVerifier({ ...base, keys: [{ is: 'jwksUrl', url: 'http://keys.example/' }] });
  await expect(open).rejects.toThrow('https');
  await expect(createTokenVerifier({ ...base, keys: [] })).rejects.toThrow('no key');
});

test('the cache is bounded and only remembers what was right', async () => {
  const small = await createTokenVerifier({ ...base, cachedTokensMax: 2 });
  const tokens = await Promise.all(['a', 'b', 'c'].map((user) => issue({ user })));
  for (const token of [...tokens, ...tokens]) expect(await small.verify(token)).toMatchObject({ device: null });
  const wrong = await issue({ audience: 'other' });
  for (let i = 0; i < 2; i++) expect(await small.verify(wrong)).toMatchObject({ refused: 'unauthenticated' });
});

test('tokens are not issued for what is no id, nor with a weak secret', async () => {
  await expect(issue({ user: 'a b' })).rejects.toThrow('user id');
  await expect(issue({ device: '' })).rejects.toThrow('device id');
  await expect(issue({ secret: Buffer.alloc(8) })).rejects.toThrow('32 bytes');
});
