import { type Client, errors, types } from 'cassandra-driver';
import { expect, test } from 'vitest';
import type { Log } from '../../runtime/index.ts';
import { testEnv } from '../testing/test-env.ts';
import { checkServers } from './boot-check.ts';
import { newestMigration } from './migrations/index.ts';
import type { CqlOptions } from './options.ts';

const invalid = new errors.ResponseError(types.responseErrorCodes.invalid, 'no such table');
/** Servers by their address: what each says of its commit log, null for one that does not tell. */
function setUp(servers: Readonly<Record<string, string | null>>, schema: number | null = newestMigration) {
  const warnings: object[] = [];
  const log: Log = { debug: () => {}, info: () => {}, error: () => {}, warn: (fields) => warnings.push(fields) };
  const hosts = new Map(Object.keys(servers).map((address) => [address, { address, isUp: () => true }]));
  const execute = async (query: string, _params: unknown, options: { host?: { address: string } }) => {
    if (query.includes('schema_migrations')) {
      if (schema === null) throw invalid;
      return { rows: Array.from({ length: schema }, (_, i) => ({ id: i + 1, name: 'x', digest: 'x' })) };
    }
    const value = servers[options.host?.address ?? ''];
    if (value === null) throw invalid;
    return { first: () => ({ value }) };
  };
  const client = { hosts, execute } as unknown as Client;
  const check = (commitLog?: CqlOptions['commitLog']) => {
    const env = { ...testEnv().env, log };
    const options = { env, keyspace: 'k', contactPoints: [], localDataCenter: 'd' };
    return checkServers(client, commitLog === undefined ? options : { ...options, commitLog });
  };
  return { check, warnings };
}

test('a server that acknowledges before it is on disk is told, or refused', async () => {
  const mixed = setUp({ a: 'batch', b: 'periodic', c: 'group' });
  await mixed.check();
  expect(mixed.warnings).toEqual([{ servers: 'b' }]);
  await expect(mixed.check('refuse')).rejects.toThrow(/periodic.*\(b\)/);
  await mixed.check('ignore');
  expect(mixed.warnings.length).toBe(1);
});

test('one that does not tell is taken', async () => {
  const { check, warnings } = setUp({ a: null, b: 'batch' });
  await check('refuse');
  expect(warnings).toEqual([]);
});

test('an older schema is refused, a newer one is not', async () => {
  await expect(setUp({}, null).check()).rejects.toThrow(/schema 0.*parley migrate/);
  await expect(setUp({}, newestMigration - 1).check()).rejects.toThrow(/parley migrate/);
  await setUp({}, newestMigration + 1).check();
});
