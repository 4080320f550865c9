// Presence on a real Redis: the contract of the seam, what a dead, paused or wiped Redis costs, passwords, and a Redis Cluster.
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis } from '#services';
import { offline, online, presenceContract } from '../../cluster/presence-contract.ts';
import { createRedisPresence, type RedisPresenceOptions, redisAddress } from '../../cluster/redis/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { describeUnless } from './describe-unless.ts';
import { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { ownName, type Servers, sharedRedis, theServers, whyNot, whyNotOurs } from './servers.ts';

const redis = await sharedRedis();
const env = createRealEnv(silentLog);
const addressesOf = (servers: Servers) => servers.addresses.map((text) => redisAddress(text) ?? { host: '', port: 0 });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A user's own view of the server: every key below a prefix. */
async function ttlsOf(client: Redis, prefix: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1_000 }))
    for (const key of keys as string[]) found.set(key.slice(prefix.length), await client.pttl(key));
  return found;
}

describeUnless(whyNot(redis), 'one server', () => {
  presenceContract('redis', async () => {
    const servers = theServers(redis);
    const prefix = `${ownName('contract')}${Math.random()}:`;
    const client = new Redis(servers.url);
    const wipe = async () => {
      const keys = [...(await ttlsOf(client, prefix)).keys()].map((key) => prefix + key);
      if (keys.length > 0) await client.del(keys);
    };
    return {
      open: (times) =>
        createRedisPresence({ env, addresses: addressesOf(servers), prefix, deadlineMs: 5_000, ...times }),
      ttls: () => ttlsOf(client, prefix),
      wipe,
      pass: async (ms) => void (await sleep(ms)),
      discard: async () => {
        await wipe();
        client.disconnect();
      },
    };
  });
});

describeUnless(whyNotOurs(redis), 'a Redis in trouble', () => {
  const DEADLINE_MS = 1_000;
  let own: Servers;
  const open = (more: Partial<RedisPresenceOptions> = {}) =>
    createRedisPresence({ env, addresses: addressesOf(own), deadlineMs: DEADLINE_MS, ...more });
  const timed = async <T>(what: () => Promise<T>): Promise<{ value: T; ms: number }> => {
    const begin = performance.now();
    const value = await what();
    return { value, ms: performance.now() - begin };
  };
  beforeAll(async () => {
    own = theServers(await startRedis());
  });
  afterAll(() => own.dispose());

  test('nothing is connected before the first call', async () => {
    const client = new Redis(own.url);
    const store = open({ name: 'lazy-one' });
    expect(await client.client('LIST')).not.toContain('lazy-one');
    await store.read(['ann']);
    expect(await client.client('LIST')).toContain('lazy-one');
    await store.close();
    await expect.poll(() => client.client('LIST')).not.toContain('lazy-one');
    client.disconnect();
  });

  test('dead: unknown at once, tried again now and then, and back by itself', async () => {
    const outcomes: string[] = [];
    const store = open({ observer: { batch: (_op, _users, _ms, outcome) => outcomes.push(outcome) } });
    expect(await store.write([online('ann')])).toBe(true);
    await own.kill();
    for (let i = 0; i < 20; i++) {
      const { value, ms } = await timed(() => store.read(['ann', 'bob']));
      expect(value).toEqual(['unknown', 'unknown']);
      expect(ms).toBeLessThan(2.5 * DEADLINE_MS);
    }
    expect(store.up).toBe(false);
    expect(await store.write([online('ann')])).toBe(false);
    expect(outcomes.filter((outcome) => outcome === 'failed').length).toBeLessThanOrEqual(4);
    expect(outcomes.filter((outcome) => outcome === 'refused').length).toBeGreaterThanOrEqual(15);
    await own.start();
    // It kept nothing on a disk: wiped, too.
    await expect.poll(() => store.read(['ann']), { timeout: 10_000, interval: 100 }).toEqual(['none']);
    expect(store.up).toBe(true);
    expect(await store.write([online('ann')])).toBe(true);
    expect(await store.read(['ann'])).toMatchObject([{ online: true }]);
    await store.close();
  });

  test('paused: unknown within the deadline, and no call waits for it after', async () => {
    const store = open();
    await store.write([offline('bob', 1)]);
    own.pause();
    const many = Array.from({ length: 2_500 }, (_, i) => `u${i}`);
    const first = await timed(() => store.read(many));
    expect(first.value.every((answer) => answer === 'unknown')).toBe(true);
    // Three pipelines, and one deadline for all.
    expect(first.ms).toBeLessThan(2.5 * DEADLINE_MS);
    expect((await timed(() => store.write([online('eve')]))).value).toBe(false);
    own.resume();
    await expect.poll(() => store.read(['bob']), { timeout: 10_000, interval: 100 }).toMatchObject([{ lastSeen: 1 }]);
    await store.close();
  });

  test('a wrong password is an unknown presence, the right one of the right user is let in', async () => {
    const admin = new Redis(own.url);
    await admin.acl('SETUSER', 'parley', 'on', '>of a test', '~p:*', '+@all');
    const wrong = open({ username: 'parley', password: 'wrong' });
    expect(await wrong.read(['ann'])).toEqual(['unknown']);
    const right = open({ username: 'parley', password: 'of a test', prefix: 'p:', db: 3 });
    expect(await right.write([online('ann')])).toBe(true);
    await admin.select(3);
    expect([...(await ttlsOf(admin, 'p:')).keys()].sort()).toEqual(['presence:{ann}', 'session:{ann}']);
    // The ACL lets it touch nothing else: what is refused key by key is unknown as well.
    const elsewhere = open({ username: 'parley', password: 'of a test', prefix: 'q:' });
    expect(await elsewhere.write([online('ann')])).toBe(false);
    for (const store of [wrong, right, elsewhere]) await store.close();
    admin.disconnect();
  });
});

describeUnless(whyNotOurs(redis), 'a Redis Cluster', () => {
  let cluster: RedisCluster | undefined;
  beforeAll(async () => {
    cluster = await startRedisCluster(3);
  });
  afterAll(() => cluster?.stop());

  test('keys of a user share a slot, calls go to all nodes at once, and a dead node costs its own users only', async () => {
    if (cluster === undefined) throw new Error('no cluster');
    const store = createRedisPresence({ env, addresses: cluster.addresses, cluster: true, deadlineMs: 5_000 });
    const users = Array.from({ length: 2_000 }, (_, i) => `u${i}`);
    expect(await store.write(users.map((user) => online(user)))).toBe(true);
    const answers = await store.read([...users, 'nobody']);
    expect(answers.slice(0, -1).every((answer) => typeof answer === 'object' && answer.online)).toBe(true);
    expect(answers.at(-1)).toBe('none');
    const keys = await cluster.keys();
    expect(keys.every((list) => list.length > 500)).toBe(true);
    for (const list of keys)
      for (const key of list)
        expect(list).toContain(
          key.replace(/presence|session/, (what) => (what === 'session' ? 'presence' : 'session')),
        );

    await cluster.kill(2);
    await expect
      .poll(
        async () => {
          const after = await store.read(users);
          const unknown = after.filter((answer) => answer === 'unknown').length;
          return unknown > 300 && unknown < 1_000;
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe(true);
    await store.close();
  });
});
