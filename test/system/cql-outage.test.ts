// The store over a server that is killed and started again in the middle: the contract holds for whoever repeats what is unknown, as
// writers do, and nothing that was acknowledged is missing.
import { afterAll, expect, test } from 'vitest';
import { storeContract } from '../../storage/contract.ts';
import { type Store, StoreError } from '../../storage/index.ts';
import { entry, faultOf, put, sent } from '../../storage/testing/writes.ts';
import { createKeyspace, type Keyspace, withNamespace } from './cql.ts';
import { describeUnless } from './describe-unless.ts';
import { type Servers, sharedCassandra, theServers, whyNotOurs } from './servers.ts';

const cassandra = await sharedCassandra();
/** A server that somebody else runs is not ours to kill. */
const why = whyNotOurs(cassandra);
const PAUSE_MS = 100;
/** Every so many tests of the contract. */
const KILL_EVERY = 8;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Until it is known, as a writer does; what is not the server's trouble goes through. */
async function untilKnown<T>(work: () => Promise<T>, goesOn = () => true): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault === 'fenced' || !goesOn()) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

function patient(store: Store): Store {
  let open = true;
  const known = <T>(work: () => Promise<T>): Promise<T> => untilKnown(work, () => open);
  return {
    name: store.name,
    transactional: store.transactional,
    commit: (writes) => known(() => store.commit(writes)),
    readLog: (log, from, to, limit, back) => known(() => store.readLog(log, from, to, limit, back)),
    lastOf: (log, from) => known(() => store.lastOf(log, from)),
    findSent: (chat, sender, device, id) => known(() => store.findSent(chat, sender, device, id)),
    readRow: (table, partition, key) => known(() => store.readRow(table, partition, key)),
    readRows: (table, partition, after, limit) => known(() => store.readRows(table, partition, after, limit)),
    takeFence: (shard, owner, epoch) => known(() => store.takeFence(shard, owner, epoch)),
    fences: () => known(() => store.fences()),
    expire: (wallNow, limit) => store.expire(wallNow, limit),
    close: async () => {
      open = false;
      await store.close();
    },
  };
}

async function openPatiently(keyspace: Keyspace): Promise<Store> {
  for (let tries = 0; ; tries++) {
    try {
      return await keyspace.open();
    } catch (error) {
      if (tries > 600) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

describeUnless(why, 'Cassandra, stopped and started in the middle', async () => {
  if (why !== null) return;
  const servers: Servers = theServers(cassandra);
  const keyspace = await createKeyspace(servers, 'outage');
  let restarting: Promise<void> = Promise.resolve();
  const killAndStart = () => {
    restarting = restarting.then(() => servers.kill()).then(() => servers.start());
    return restarting;
  };
  afterAll(async () => {
    await restarting;
    await keyspace.drop();
  });

  let space = 0;
  storeContract(
    'cql, while its server dies',
    async () => {
      const mine = ++space;
      // Not waited for: the test begins while the server dies, or is away, or comes back.
      if (mine % KILL_EVERY === KILL_EVERY - 1) void killAndStart();
      return { open: async () => withNamespace(patient(await openPatiently(keyspace)), mine), discard: async () => {} };
    },
    { sweeps: false, fencesAll: false },
  );

  test('a server that says nothing costs no more than the deadline, and then nothing until it is back', async () => {
    await restarting;
    const limits = { requestMs: 300, commitMs: 500, readMs: 500, breakAfter: 4, breakMs: 5_000 };
    const store = await keyspace.open({ limits });
    await untilKnown(() => store.commit([entry('c:silent', 1)]));
    const timed = async (work: () => Promise<unknown>): Promise<[fault: string, ms: number]> => {
      const begin = performance.now();
      return [await faultOf(work()), performance.now() - begin];
    };
    servers.pause();
    try {
      const first = await Promise.all([
        ...Array.from({ length: 4 }, (_, i) => timed(() => store.commit([entry('c:silent', 2 + i)]))),
        ...Array.from({ length: 4 }, () => timed(() => store.lastOf('c:silent'))),
      ]);
      expect(first.map(([fault]) => fault)).toEqual([...Array(4).fill('unknown'), ...Array(4).fill('failed')]);
      for (const [, ms] of first) expect(ms).toBeLessThan(5_000);
      // The breaker is open: nothing is sent, so it has failed for sure.
      expect(await faultOf(store.commit([entry('c:silent', 6)]))).toBe('failed');
    } finally {
      servers.resume();
    }
    await untilKnown(() => store.commit([1, 2, 3, 4, 5, 6].map((n) => entry('c:silent', n))));
    expect(await untilKnown(() => store.lastOf('c:silent'))).toBe(6);
    await store.close();
  });

  test('what was acknowledged is there, read at once and in the end, over two SIGKILLs', async () => {
    await restarting;
    const store = patient(await keyspace.open());
    const acked = new Map<number, number>();
    let stop = false;
    let missing = 0;
    let reads = 0;
    const write = async (chat: number) => {
      for (let n = 1; !stop; n++) {
        await store.commit([
          entry(`c:w${chat}`, n, `m${n}`),
          sent(`w${chat}`, 'ann', 'd', `m${n}`, n),
          put('chat', `w${chat}`, '', n, `at ${n}`),
        ]);
        acked.set(chat, n);
      }
    };
    const read = async (chat: number) => {
      while (!stop) {
        const n = acked.get(chat) ?? 0;
        if (n > 0) {
          const found = await store.readLog(`c:w${chat}`, n, n, { entries: 2, bytes: 1_000 }, false);
          const stamp = (await store.readRow('chat', `w${chat}`, ''))?.stamp ?? 0;
          if (found.length !== 1 || stamp < n || (await store.lastOf(`c:w${chat}`, n)) < n) missing++;
          reads++;
        }
        await sleep(5);
      }
    };
    const chats = Array.from({ length: 16 }, (_, i) => i);
    const work = [...chats.map(write), ...chats.map(read)];
    for (let round = 0; round < 2; round++) {
      await sleep(3_000);
      await killAndStart();
    }
    await sleep(3_000);
    stop = true;
    await Promise.all(work);
    let total = 0;
    for (const [chat, last] of acked) {
      total += last;
      const log = await store.readLog(`c:w${chat}`, 1, last, { entries: last, bytes: 1e9 }, false);
      expect(log.map(({ n }) => n)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
      for (let n = 1; n <= last; n += 7) expect(await store.findSent(`w${chat}`, 'ann', 'd', `m${n}`)).toBe(n);
    }
    expect(missing).toBe(0);
    console.log(`${total} commits of three rows acknowledged, ${reads} reads between, nothing missing`);
    await store.close();
  });
});
