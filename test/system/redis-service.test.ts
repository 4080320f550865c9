// The presence service on a real Redis: what refreshing ten thousand users costs it, and what clients of a whole node see when it dies.
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startRedis } from '#services';
import { presenceService } from '../../actors/index.ts';
import { createRedisPresence, redisAddress } from '../../cluster/redis/index.ts';
import { OP } from '../../protocol/index.ts';
import { createKernel, createRealEnv, silentLog, startService } from '../../runtime/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from '../actors/harness.ts';
import { describeUnless } from './describe-unless.ts';
import { type Servers, sharedRedis, theServers, whyNotOurs } from './servers.ts';

const shared = await sharedRedis();
const env = createRealEnv(silentLog);
/** A tenth of those in use, so that a test takes seconds. */
const TTL_MS = 3_000;
const LIMITS = { tickMs: 50, refreshMs: 1_000, spreadMs: 800, pollMs: 500 };

describeUnless(whyNotOurs(shared), 'the presence service on Redis', () => {
  let own: Servers;
  let client: Redis;
  const ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    own = theServers(await startRedis());
    client = new Redis(own.url, { retryStrategy: () => 50 });
    client.on('error', () => {});
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await client.flushall();
  });
  afterAll(async () => {
    client.disconnect();
    await own.dispose();
  });

  const open = (batches: string[] = [], times: { onlineTtlMs?: number; deadlineMs?: number } = {}) => {
    const address = redisAddress(own.addresses[0] ?? '');
    if (address === null) throw new Error('no address');
    const store = createRedisPresence({
      env,
      addresses: [address],
      onlineTtlMs: TTL_MS,
      deadlineMs: 400,
      observer: { batch: (op, users, _ms, outcome) => void batches.push(`${op} ${users} ${outcome}`) },
      ...times,
    });
    ends.push(() => store.close());
    return store;
  };
  const calls = async (): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const [, name, count] of (await client.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g))
      found[name ?? ''] = Number(count);
    return found;
  };

  test('refreshes 10,000 users by a few dozen pipelines, and each key has its TTL', async () => {
    const batches: string[] = [];
    // Long ones: what is looked at here is what refreshing costs, on a machine that may stand still for a second.
    const store = open(batches, { onlineTtlMs: 10 * TTL_MS, deadlineMs: 10_000 });
    const kernel = createKernel({ env, node: 'n1' });
    ends.unshift(() => kernel.shutdown());
    const kind = presenceService({ store, self: () => 'n1#a', isHere: () => true, limits: LIMITS });
    const service = startService(kernel, kind);
    await service.ready;
    const users = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
    const say = (user: string) => ({ t: 'say', user, online: true, lastSeen: null, open: true, nodes: [''] });
    for (const user of users) expect(kernel.send(service.ref, say(user))).toBeNull();
    await until('all written', () => kind.state.counts.pending === 0 && kind.state.counts.online === 10_000, 10_000);
    await until('the first refresh', () => batches.length > 40, 10_000);

    await client.config('RESETSTAT');
    batches.length = 0;
    const begin = performance.now();
    // Heartbeats and the like change nothing, and cost nothing.
    for (const user of users) kernel.send(service.ref, say(user));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await expect.poll(async () => (await calls()).set ?? 0, { timeout: 20_000 }).toBeGreaterThanOrEqual(40_000);
    const periods = (performance.now() - begin) / LIMITS.refreshMs;
    const { set = 0, get = 0, del = 0 } = await calls();
    const reads = Number(/total_reads_processed:(\d+)/.exec(await client.info('stats'))?.[1]);
    console.info(
      `${periods.toFixed(1)} periods: ${set} SET in ${batches.length} pipelines, ${reads} reads of the server`,
    );
    expect(batches.every((batch) => batch.startsWith('write') && batch.endsWith(' ok'))).toBe(true);
    expect([get, del]).toEqual([0, 0]);
    // Two keys a user, each once a period at the most.
    expect(set).toBeLessThanOrEqual(20_000 * periods);
    expect(batches.length).toBeLessThanOrEqual(45 * periods);

    const keys = await client.keys('parley:*');
    expect(keys).toHaveLength(20_000);
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.pttl(key);
    const ttls = ((await pipeline.exec()) ?? []).map(([, ttl]) => Number(ttl));
    expect(Math.min(...ttls)).toBeGreaterThan(0);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(10 * TTL_MS);
  });

  async function startNode(onlineTtlMs = TTL_MS): Promise<TestNode> {
    const node = await startTestNode({ presence: { store: open([], { onlineTtlMs }), limits: LIMITS } });
    ends.unshift(() => node.stop());
    return node;
  }
  async function signedIn(node: TestNode, user: string): Promise<TestDevice> {
    const device = node.device(user);
    await device.signIn();
    return device;
  }
  const written = (user: string) => expect.poll(() => client.exists(`parley:session:{${user}}`), { timeout: 10_000 });
  const watch = (device: TestDevice, user: string) => device.send({ op: OP.WATCH_PRESENCE, users: [user], on: true });

  test('killed, it costs presence of who is away on other nodes, and is right within two TTLs of its restart', async () => {
    // Its pauses are those in use, and the server has to start: a tenth would be little.
    const ttlMs = 9_000;
    const node = await startNode(ttlMs);
    const [alice, bob] = [await signedIn(node, 'alice'), await signedIn(node, 'bob')];
    await written('bob').toBe(1);
    await own.kill();
    // Messages and presence go on: sessions ask each other.
    const chat = await alice.direct('bob');
    alice.text(chat, 'hello');
    await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'hello');
    await alice.next('SENT', (f) => f.id === 'hello');
    watch(alice, 'bob');
    await alice.next('PRESENCE', (f) => f.user === 'bob' && f.online);
    watch(alice, 'carol');
    await alice.next('PRESENCE', (f) => f.user === 'carol' && !f.online);
    bob.hangUp();
    await alice.next('PRESENCE', (f) => f.user === 'bob' && !f.online);

    const begin = performance.now();
    await own.start();
    await written('alice').toBe(1);
    expect(performance.now() - begin).toBeLessThan(2 * ttlMs);
    expect(await client.exists('parley:session:{bob}')).toBe(0);
    expect(node.errors).toEqual([]);
  });

  test('wiped, it is whole again by refreshing', async () => {
    const node = await startNode();
    for (const user of ['ann', 'eve', 'joe']) await signedIn(node, user);
    await written('joe').toBe(1);
    await client.flushall();
    await expect.poll(() => client.keys('parley:session:*'), { timeout: 2 * TTL_MS }).toHaveLength(3);
  });

  test('who is away is known to another node, and not woken by it', async () => {
    const first = await startNode();
    const bob = await signedIn(first, 'bob');
    await written('bob').toBe(1);
    bob.hangUp();
    await written('bob').toBe(0);
    const second = await startNode();
    const alice = await signedIn(second, 'alice');
    watch(alice, 'bob');
    expect((await alice.next('PRESENCE', (f) => f.user === 'bob')).lastSeen).toBeGreaterThan(1_600_000_000_000);
    expect(second.node.kernel.whereis('session', 'bob')).toBeNull();
  });
});
