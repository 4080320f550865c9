import { describe, expect, test } from 'vitest';
import { type FaultPlan, faultPlan, withFaults } from './faults.ts';
import { createMemoryDisk } from './memory/disk.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import type { Store, Write } from './store.ts';
import { StoreError } from './store.ts';
import { ServiceBench } from './testing/service-bench.ts';
import { testEnv } from './testing/test-env.ts';
import { entry, faultOf, put } from './testing/writes.ts';
import { type LoadedMail, type WriterMail, type WriterObserver, type WrittenMail, writerKind } from './writer.ts';
import type { FlushReason, WriterLimits } from './writer-state.ts';

const ann = { kind: 'chat', key: 'ann' };
const bob = { kind: 'chat', key: 'bob' };
const ALL = { entries: 10_000, bytes: 100_000_000 };

async function setUp(plan: Partial<FaultPlan> = {}, limits: Partial<WriterLimits> = {}) {
  const clock = testEnv();
  const disk = createMemoryDisk();
  const memory = openMemoryStore(disk, { env: clock.env, commitDelayMs: 3 });
  const faults = faultPlan(plan);
  const inner = withFaults(memory, faults, clock.env);
  const commits: (readonly Write[])[] = [];
  const store: Store = {
    ...inner,
    commit: (writes) => {
      commits.push(writes);
      return inner.commit(writes);
    },
  };
  const flushes: { reason: FlushReason; mails: number }[] = [];
  const failures: string[] = [];
  let queued = 0;
  const observer: WriterObserver = {
    flushed: (reason, mails) => flushes.push({ reason, mails }),
    committed: () => {},
    failed: (fault) => failures.push(fault),
    queued: (writes) => {
      queued = writes;
    },
  };
  const kind = writerKind({ store, name: 'writer-0', limits, observer });
  const bench = await new ServiceBench(kind, clock).start();
  const write = (from: typeof ann, token: number, ...writes: Write[]) =>
    bench.tell(from, { t: 'write', token, partition: from.key, writes } satisfies WriterMail);
  const results = (from: typeof ann) =>
    bench.take(from).flatMap((mail) => ('results' in mail ? (mail as WrittenMail).results : []));
  const log = async (name: `c:${string}`) => (await memory.readLog(name, 1, 1e9, ALL, false)).map((each) => each.n);
  return {
    clock,
    memory,
    disk,
    faults,
    commits,
    flushes,
    failures,
    queued: () => queued,
    bench,
    write,
    results,
    log,
    kind,
  };
}

const oks = (tokens: number[]) => tokens.map((token) => ({ token, ok: true, fault: null }));

describe('a writer', () => {
  test('answers each item once it is durable, one mail a sender and batch', async () => {
    const { clock, bench, write, results, memory } = await setUp();
    write(ann, 1, entry('c:ann', 1));
    write(bob, 7, entry('c:bob', 1));
    write(ann, 2, entry('c:ann', 2));
    await clock.advance(2);
    expect(bench.answers).toEqual([]);
    await clock.advance(1);
    expect(await memory.lastOf('c:ann')).toBe(2);
    expect(bench.answers.length).toBe(2);
    expect(results(ann)).toEqual(oks([1, 2]));
    expect(results(bob)).toEqual(oks([7]));
  });

  test('gathers what comes while a commit is in flight, and says why it flushed', async () => {
    const { clock, write, commits, flushes } = await setUp();
    write(ann, 1, entry('c:ann', 1));
    await clock.advance(1);
    for (let n = 2; n <= 9; n++) write(ann, n, entry('c:ann', n));
    await clock.advance(10);
    expect(commits.map((writes) => writes.length)).toEqual([1, 8]);
    expect(flushes).toEqual([
      { reason: 'idle', mails: 1 },
      { reason: 'age', mails: 8 },
    ]);
  });

  test('holds the first write for company when told to', async () => {
    const { clock, write, commits, flushes } = await setUp({}, { holdMs: 5 });
    write(ann, 1, entry('c:ann', 1));
    await clock.advance(4);
    write(bob, 1, entry('c:bob', 1));
    expect(commits.length).toBe(0);
    await clock.advance(1);
    expect(commits.map((writes) => writes.length)).toEqual([2]);
    expect(flushes).toEqual([{ reason: 'age', mails: 2 }]);
  });

  test('closes a batch at its bounds of writes and of bytes', async () => {
    const { clock, write, commits, flushes } = await setUp({}, { batchWritesMax: 4, batchBytesMax: 1_000 });
    for (let n = 1; n <= 6; n++) write(ann, n, entry('c:ann', n));
    write(ann, 7, entry('c:ann', 7, 'x'.repeat(5_000)));
    write(ann, 8, entry('c:ann', 8));
    await clock.advance(50);
    expect(commits.map((writes) => writes.length)).toEqual([4, 2, 1, 1]);
    expect(flushes.map((flush) => flush.reason)).toEqual(['size', 'size', 'size', 'age']);
  });

  test('keeps the order of a partition, through a store that fails every tenth commit', async () => {
    const { clock, write, results, log, failures } = await setUp({ failEvery: 10 }, { batchWritesMax: 2 });
    const tokens: number[] = [];
    for (let n = 1; n <= 100; n++) {
      // Each puts the row with its own number as the stamp: lost or late writes would show.
      expect(write(ann, n, entry('c:ann', n), put('chat', 'ann', '', n, `${n}`))).toBe(true);
      tokens.push(n);
      if (n % 10 === 0) await clock.advance(500);
    }
    await clock.advance(2_000);
    expect(results(ann)).toEqual(oks(tokens));
    expect(await log('c:ann')).toEqual(tokens);
    expect(failures.length).toBeGreaterThan(8);
  });

  test('writes the same rows again while their outcome is unknown, applied or not', async () => {
    let draw = 0;
    const { clock, write, results, log, commits } = await setUp({
      unknownEvery: 2,
      unknownApplies: () => draw++ % 2 === 0,
    });
    for (let n = 1; n <= 10; n++) {
      write(ann, n, entry('c:ann', n));
      await clock.advance(200);
    }
    expect(results(ann).map((result) => result.token)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await log('c:ann')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(commits[1]).toEqual(commits[2]);
  });

  test('waits longer and longer between tries, with chance in it, up to a second', async () => {
    const { clock, write, commits, faults } = await setUp({ failEvery: 1 });
    write(ann, 1, entry('c:ann', 1));
    const counts: number[] = [];
    for (let i = 0; i < 8; i++) {
      await clock.advance(100);
      counts.push(commits.length);
    }
    await clock.advance(10_000);
    const before = commits.length;
    await clock.advance(10_000);
    expect(counts[0]).toBeGreaterThanOrEqual(4);
    expect(commits.length - before).toBeGreaterThanOrEqual(9);
    expect(commits.length - before).toBeLessThanOrEqual(21);
    faults.failEvery = 0;
    await clock.advance(1_000);
    expect(commits.length).toBeGreaterThan(before);
  });

  test('refuses at the door while the store fails, with one batch probing, and opens again', async () => {
    const { clock, bench, write, results, commits, faults } = await setUp({ failEvery: 1 });
    write(ann, 1, entry('c:ann', 1));
    await clock.advance(30);
    expect(write(bob, 1, entry('c:bob', 1))).toBe(false);
    expect(new Set(commits.map((writes) => JSON.stringify(writes))).size).toBe(1);
    faults.failEvery = 0;
    await clock.advance(1_000);
    expect(results(ann)).toEqual(oks([1]));
    expect(bench.accepting).toBe(true);
    expect(write(bob, 1, entry('c:bob', 1))).toBe(true);
  });

  test('rides out a full disk: refuses, then stores what it had when room is made', async () => {
    const { clock, write, results, log, faults, failures } = await setUp();
    faults.full = true;
    write(ann, 1, entry('c:ann', 1));
    await clock.advance(5_000);
    expect(results(ann)).toEqual([]);
    expect(await log('c:ann')).toEqual([]);
    expect(new Set(failures)).toEqual(new Set(['full']));
    expect(write(ann, 2, entry('c:ann', 2))).toBe(false);
    faults.full = false;
    await clock.advance(1_100);
    expect(results(ann)).toEqual(oks([1]));
    expect(write(ann, 2, entry('c:ann', 2))).toBe(true);
    await clock.advance(10);
    expect(await log('c:ann')).toEqual([1, 2]);
  });

  test('a slow store fills the queue to its bound, is refused then, and taken again at half', async () => {
    const { clock, bench, write, results, log, queued } = await setUp(
      { slowMs: 2_000 },
      { queueWritesMax: 100, batchWritesMax: 10 },
    );
    let taken = 0;
    const offer = async (count: number) => {
      for (let i = 0; i < count; i++) {
        if (write(ann, taken + 1, entry('c:ann', taken + 1))) taken++;
        await clock.advance(0);
      }
    };
    await offer(300);
    expect(taken).toBe(100);
    expect(queued()).toBe(100);
    await clock.advance(2_003 * 3);
    expect(bench.accepting).toBe(false);
    await clock.advance(2_003 * 3);
    expect(bench.accepting).toBe(true);
    await offer(20);
    await clock.advance(2_003 * 20);
    expect(taken).toBe(120);
    expect(queued()).toBe(0);
    expect(results(ann)).toEqual(oks(Array.from({ length: 120 }, (_, i) => i + 1)));
    expect((await log('c:ann')).length).toBe(120);
  });

  test('bounds its queue by bytes too', async () => {
    const { clock, bench, write } = await setUp({ slowMs: 50 }, { queueBytesMax: 10_000 });
    write(ann, 1, entry('c:ann', 1, 'x'.repeat(6_000)));
    await clock.advance(0);
    expect(bench.accepting).toBe(true);
    write(ann, 2, entry('c:ann', 2, 'x'.repeat(6_000)));
    await clock.advance(0);
    expect(bench.accepting).toBe(false);
    await clock.advance(200);
    expect(bench.accepting).toBe(true);
  });

  test('says fenced and does not try again, but for those whose fence still holds', async () => {
    const { clock, write, results, log, memory } = await setUp();
    const taken = memory.takeFence(0, 'n1');
    await clock.advance(3);
    const again = memory.takeFence(0, 'n1');
    await clock.advance(3);
    expect([await taken, await again]).toEqual([1, 2]);
    write(ann, 1, entry('c:ann', 1, 'x', 2));
    write(bob, 1, entry('c:bob', 1, 'x', 1));
    write(ann, 2, entry('c:ann', 2, 'x', 2));
    await clock.advance(100);
    expect(results(ann)).toEqual(oks([1, 2]));
    expect(results(bob)).toEqual([{ token: 1, ok: false, fault: 'fenced' }]);
    expect(await log('c:bob')).toEqual([]);
  });

  test('once another process has taken over, everything is fenced, each once', async () => {
    const { clock, disk, write, results, bench } = await setUp();
    const heir = openMemoryStore(disk, { env: clock.env });
    const taken = heir.takeFence(0, 'heir');
    await clock.advance(1);
    await taken;
    for (let n = 1; n <= 5; n++) write(ann, n, entry('c:ann', n));
    await clock.advance(100);
    expect(results(ann)).toEqual([1, 2, 3, 4, 5].map((token) => ({ token, ok: false, fault: 'fenced' })));
    expect(bench.accepting).toBe(true);
  });

  test('a write that no store takes fails alone', async () => {
    const { clock, write, results } = await setUp();
    const kind = writerKind({
      name: 'w',
      store: {
        ...({} as Store),
        commit: async (writes) => {
          if (writes.some((each) => each.t === 'entry' && each.n === 13)) throw new RangeError('13');
        },
      },
    });
    const bench = await new ServiceBench(kind, clock).start();
    for (const n of [12, 13, 14]) bench.tell(ann, { t: 'write', token: n, partition: 'a', writes: [entry('c:a', n)] });
    await clock.advance(10);
    const [mail] = bench.take(ann) as WrittenMail[];
    expect(mail?.results).toEqual([
      { token: 12, ok: true, fault: null },
      { token: 13, ok: false, fault: 'failed' },
      { token: 14, ok: true, fault: null },
    ]);
    expect(write(ann, 1)).toBe(true);
    expect(results(ann)).toEqual([]);
  });
});

describe('a load', () => {
  const load = (token: number, partition: string): WriterMail => ({
    t: 'load',
    token,
    partition,
    reads: [
      { kind: 'last', log: `c:${partition}` },
      { kind: 'row', table: 'chat', partition, key: '' },
    ],
  });

  test('comes after every earlier write of its partition, however often that is retried', async () => {
    const { clock, bench, write, faults } = await setUp();
    faults.full = true;
    write(ann, 1, entry('c:ann', 1));
    write(ann, 2, entry('c:ann', 2));
    bench.tell(bob, load(9, 'ann'));
    await clock.advance(3_000);
    expect(bench.take(bob)).toEqual([]);
    faults.full = false;
    await clock.advance(1_100);
    const [loaded] = bench.take(bob) as LoadedMail[];
    expect(loaded).toEqual({ t: 'loaded', token: 9, ok: true, values: [2, null], fault: null });
  });

  test('of another partition does not wait', async () => {
    const { clock, bench, write } = await setUp({ slowMs: 1_000 });
    write(ann, 1, entry('c:ann', 1));
    bench.tell(bob, load(1, 'bob'));
    await clock.advance(1);
    expect(bench.take(bob).length).toBe(1);
  });

  test('waits for writes before it, not for those after it', async () => {
    const { clock, bench, write } = await setUp({ slowMs: 100 }, { batchWritesMax: 1 });
    write(ann, 1, entry('c:ann', 1));
    bench.tell(bob, load(1, 'ann'));
    write(ann, 2, entry('c:ann', 2));
    await clock.advance(110);
    expect((bench.take(bob) as LoadedMail[])[0]?.values[0]).toBe(1);
  });

  test('that the store fails is answered with its fault', async () => {
    const { clock, bench } = await setUp({ failReadEvery: 1 });
    bench.tell(bob, load(4, 'ann'));
    await clock.advance(1);
    expect(bench.take(bob)).toEqual([{ t: 'loaded', token: 4, ok: false, values: [], fault: 'failed' }]);
  });
});

describe('a writer that stops', () => {
  test('stores what it has, and takes nothing new', async () => {
    const { clock, bench, write, results, flushes } = await setUp({}, { holdMs: 1_000 });
    write(ann, 1, entry('c:ann', 1));
    await clock.advance(1);
    write(ann, 2, entry('c:ann', 2));
    await clock.advance(1);
    const stopped = bench.stop();
    expect(write(ann, 3, entry('c:ann', 3))).toBe(false);
    await clock.advance(1_010);
    await stopped;
    expect(results(ann)).toEqual(oks([1, 2]));
    expect(flushes).toEqual([{ reason: 'drain', mails: 2 }]);
    expect(bench.accepting).toBe(false);
  });

  test('leaves no write of unknown outcome to its successor’s loads', async () => {
    const { clock, bench, write, kind, faults } = await setUp();
    faults.full = true;
    write(ann, 1, entry('c:ann', 1));
    await clock.advance(10);
    // Crashed, not stopped: its commit is still being tried.
    const successor = new ServiceBench(kind, clock);
    let started = false;
    const starting = successor.start().then(() => {
      started = true;
    });
    await clock.advance(500);
    expect(started).toBe(false);
    faults.full = false;
    await clock.advance(1_100);
    await starting;
    successor.tell(bob, { t: 'load', token: 1, partition: 'ann', reads: [{ kind: 'last', log: 'c:ann' }] });
    await clock.advance(1);
    expect((successor.take(bob) as LoadedMail[])[0]?.values).toEqual([1]);
    expect(bench.accepting).toBe(true);
  });
});

test('planned faults are of the seam’s kinds', async () => {
  const { clock, memory } = await setUp();
  const plan = faultPlan({ failEvery: 3, unknownEvery: 2 });
  const store = withFaults(memory, plan, clock.env);
  const faults: Promise<string>[] = [];
  for (let n = 1; n <= 6; n++) faults.push(faultOf(store.commit([entry('c:f', n)])));
  await clock.advance(100);
  expect(await Promise.all(faults)).toEqual(['none', 'unknown', 'failed', 'unknown', 'none', 'failed']);
  expect(new StoreError('full', 'x').fault).toBe('full');
});
