// Which configurations of keys a node starts with.
import { expect, test } from 'vitest';
import { authFromConfig, DEMO_KEY_PREFIX } from './auth.ts';
import { configSchema } from './config.ts';

const real = 'k'.repeat(32);
const files = {
  readText: (path: string) => {
    if (path === 'missing') throw new Error('ENOENT');
    return `${real}\n`;
  },
};
const from = (auth: object, demoAllowed = false) =>
  authFromConfig(configSchema.parse({ auth }).auth, { files, demoAllowed, wallNow: () => 0 });

test('a real secret is taken, from the configuration or from a file', () => {
  expect(from({ secret: real })).toMatchObject({ ok: true, options: { keys: [{ is: 'secret' }] } });
  const file = from({ secretFile: 'key' });
  expect(file.ok && Buffer.from(file.secret ?? []).toString()).toBe(real);
});

test('public keys and key sets need no secret', () => {
  const auth = from({ publicKeys: [{ algorithm: 'ES256', file: 'k.pem' }], jwksUrl: 'https://keys.example/jwks' });
  expect(auth).toMatchObject({ ok: true, secret: null, options: { keys: [{ is: 'pem' }, { is: 'jwksUrl' }] } });
});

test.each([
  ['no key at all', {}, 'no key'],
  ['a short secret', { secret: 'short' }, '32 bytes'],
  ['a demo key', { secret: DEMO_KEY_PREFIX + real }, 'demo key'],
  ['two secrets', { secret: real, secretFile: 'key' }, 'either'],
  ['a file that is not there', { secretFile: 'missing' }, 'ENOENT'],
])('refused: %s', (_what, auth, about) => {
  const result = from(auth);
  expect(result.ok).toBe(false);
  expect(!result.ok && result.problems.map((problem) => problem.about).join()).toContain(about);
});

test('dev may use a demo key', () => {
  expect(from({ secret: DEMO_KEY_PREFIX + real }, true).ok).toBe(true);
});
