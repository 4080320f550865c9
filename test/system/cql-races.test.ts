// What only several handles on one database show: fences under a race, late writes, migrators side by side, servers that are not there.
import { afterAll, expect, test } from 'vitest';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { createClient, migrate, openCqlStore } from '../../storage/cql/index.ts';
import { del, faultOf, put, sent, textOf } from '../../storage/testing/writes.ts';
import { createKeyspace } from './cql.ts';
import { describeUnless } from './describe-unless.ts';
import { isSkipped, ownName, sharedCassandra, theServers, whyNot } from './servers.ts';

const cassandra = await sharedCassandra();

describeUnless(whyNot(cassandra), 'CQL', async () => {
  if (isSkipped(cassandra)) return;
  const servers = theServers(cassandra);
  const keyspace = await createKeyspace(servers, 'races');
  const where = { contactPoints: servers.addresses, localDataCenter: servers.facts.dataCenter ?? 'datacenter1' };
  afterAll(() => keyspace.drop());

  test('two that race for a fence 200 times never get the same one', async () => {
    const [one, two] = [await keyspace.open(), await keyspace.open()];
    const taken: { fence: number; owner: string }[] = [];
    const race = async (store: typeof one, owner: string) => {
      for (let i = 0; i < 200; i++) taken.push({ fence: await store.takeFence(3, owner, i), owner });
    };
    await Promise.all([race(one, 'n1#a'), race(two, 'n2#b')]);
    expect(taken.length).toBe(400);
    expect(new Set(taken.map(({ fence }) => fence)).size).toBe(400);
    for (const owner of ['n1#a', 'n2#b']) {
      const mine = taken.filter((each) => each.owner === owner).map(({ fence }) => fence);
      expect(mine).toEqual([...mine].sort((a, b) => a - b));
    }
    const newest = taken.reduce((a, b) => (a.fence > b.fence ? a : b));
    expect(await one.fences()).toEqual([{ shard: 3, ...newest, epoch: 199 }]);
    await one.close();
    await two.close();
  });

  test('a late write of an old stamp never wins, in whatever order they land', async () => {
    const store = await keyspace.open();
    // The newest first, then all the others at once, over many connections.
    for (let round = 0; round < 20; round++) {
      const part = `late${round}`;
      await store.commit([
        put('log', part, '', 2 ** 33 + round, 'newest'),
        put('cursor', part, 'ann', 1_000, 'newest'),
      ]);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          store.commit([
            put('log', part, '', 2 ** 33 + round - 1 - i, 'late'),
            ...(i % 2 === 0 ? [put('cursor', part, 'ann', i, 'late')] : [del('cursor', part, 'ann', i)]),
          ]),
        ),
      );
      expect(textOf((await store.readRow('log', part, ''))?.bytes ?? new Uint8Array())).toBe('newest');
      expect(textOf((await store.readRow('cursor', part, 'ann'))?.bytes ?? new Uint8Array())).toBe('newest');
    }
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.commit([sent('late', 'ann', 'd', 'm', i, i + 1)])));
    expect(await store.findSent('late', 'ann', 'd', 'm')).toBe(19);
    await store.close();
  });

  test('migrators side by side make one schema, and none takes a newer one for its own', async () => {
    const env = createRealEnv(silentLog);
    const name = ownName('side');
    const clients = [createClient(where, null), createClient(where, null), createClient(where, null)];
    const options = { env, keyspace: name, replication: { [where.localDataCenter]: 1 } };
    const [first] = clients;
    if (first === undefined) throw new Error('no client');
    await expect(openCqlStore({ ...where, env, keyspace: name })).rejects.toThrow();
    expect(await migrate(first, { ...options, dryRun: true })).toEqual({ applied: ['001-first'], version: 1 });
    const done = await Promise.all(clients.map((client) => migrate(client, options)));
    expect(done.flatMap(({ applied }) => applied)).toEqual(['001-first']);
    expect(await migrate(first, options)).toEqual({ applied: [], version: 1 });
    const store = await openCqlStore({ ...where, env, keyspace: name });
    await store.commit([put('chat', 'a', '', 1, 'x')]);
    await store.close();
    const newer = `INSERT INTO ${name}.schema_migrations (scope, id, name, digest) VALUES ('parley', 2, 'newer', 'x') IF NOT EXISTS`;
    await first.execute(newer, [], { isIdempotent: false });
    await expect(migrate(first, options)).rejects.toThrow(/schema 2 \(newer\)/);
    // Nodes go on beside a newer one.
    await (await openCqlStore({ ...where, env, keyspace: name })).close();
    await first.execute(`DROP KEYSPACE ${name}`, [], { prepare: false, readTimeout: 30_000 });
    for (const client of clients) await client.shutdown();
  });

  test('a schema that is older than needed, or none, is refused with words', async () => {
    const env = createRealEnv(silentLog);
    const name = ownName('none');
    const client = createClient(where, null);
    await expect(openCqlStore({ ...where, env, keyspace: name })).rejects.toThrow(/is not there: run parley migrate/);
    await client.execute(
      `CREATE KEYSPACE ${name} WITH replication = {'class': 'NetworkTopologyStrategy', '${where.localDataCenter}': 1}`,
      [],
      { prepare: false },
    );
    await expect(openCqlStore({ ...where, env, keyspace: name })).rejects.toThrow(/run parley migrate/);
    await expect(migrate(client, { env, keyspace: 'No Name', replication: null })).rejects.toThrow(/named by/);
    await client.execute(`DROP KEYSPACE ${name}`, [], { prepare: false, readTimeout: 30_000 });
    await client.shutdown();
  });

  test('a write that no server takes is refused at once, and nothing else with it', async () => {
    const store = await keyspace.open();
    const noKey = put('chat', '', '', 1, 'x');
    await expect(store.commit([noKey])).rejects.toThrow(/empty/i);
    expect(await faultOf(store.commit([put('chat', 'a', '', 1, 'x')]))).toBe('none');
    await store.close();
  });
});
