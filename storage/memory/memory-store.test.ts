import { describe, expect, test } from 'vitest';
import { storeContract } from '../contract.ts';
import { testEnv } from '../testing/test-env.ts';
import { entry, faultOf } from '../testing/writes.ts';
import { createMemoryDisk } from './disk.ts';
import { openMemoryStore } from './memory-store.ts';

storeContract('memory', async () => {
  const disk = createMemoryDisk();
  return {
    open: async (wallNow) => openMemoryStore(disk, { env: { ...testEnv({ auto: true }).env, wallNow } }),
    discard: async () => {},
  };
});

const ALL = { entries: 100, bytes: 10_000 };

describe('a crash of the memory disk', () => {
  test('an unflushed commit is not readable, a flushed one is', async () => {
    const { env, advance } = testEnv();
    const store = openMemoryStore(createMemoryDisk(), { env, commitDelayMs: 5 });
    const commit = store.commit([entry('c:a', 1)]);
    expect(await store.lastOf('c:a')).toBe(0);
    await advance(5);
    await commit;
    expect(await store.lastOf('c:a')).toBe(1);
  });

  test('keeps what was acked, and of the rest whole commits only, none without its predecessors', async () => {
    const kept = new Set<number>();
    for (let draw = 0; draw < 20; draw++) {
      const { env, advance } = testEnv();
      const disk = createMemoryDisk();
      const store = openMemoryStore(disk, { env, commitDelayMs: 5 });
      const acked = store.commit([entry('c:a', 1)]);
      await advance(5);
      await acked;
      for (const n of [2, 4, 6]) void store.commit([entry('c:a', n), entry('c:a', n + 1)]);
      disk.crash(() => draw / 20);
      const after = openMemoryStore(disk, { env });
      const found = await after.readLog('c:a', 1, 99, ALL, false);
      expect(found.map((each) => each.n)).toEqual([1, 2, 3, 4, 5, 6, 7].slice(0, found.length));
      expect(found.length % 2).toBe(1);
      kept.add(found.length);
    }
    expect([...kept].sort()).toEqual([1, 3, 5, 7]);
  });

  test('nothing that the dead process began is answered, or lands later', async () => {
    const { env, advance } = testEnv();
    const disk = createMemoryDisk();
    const store = openMemoryStore(disk, { env, commitDelayMs: 5 });
    let settled = false;
    const note = () => {
      settled = true;
    };
    store.commit([entry('c:a', 1)]).then(note, note);
    disk.crash(() => 0);
    store.commit([entry('c:a', 2)]).then(note, note);
    store.lastOf('c:a').then(note, note);
    await advance(100);
    expect(settled).toBe(false);
    expect(await openMemoryStore(disk, { env }).lastOf('c:a')).toBe(0);
  });

  test('of two processes on one disk, one may crash alone', async () => {
    const { env, advance } = testEnv();
    const disk = createMemoryDisk();
    const one = openMemoryStore(disk, { env, commitDelayMs: 5 });
    const two = openMemoryStore(disk, { env, commitDelayMs: 5 });
    void one.commit([entry('c:a', 1)]);
    const survives = two.commit([entry('c:b', 1)]);
    one.crash(() => 0);
    await advance(5);
    await survives;
    expect(await two.lastOf('c:a')).toBe(0);
    expect(await two.lastOf('c:b')).toBe(1);
  });

  test('a commit whose flush comes after a take-over is refused', async () => {
    const { env, advance } = testEnv();
    const disk = createMemoryDisk();
    const old = openMemoryStore(disk, { env, commitDelayMs: 10 });
    const heir = openMemoryStore(disk, { env, commitDelayMs: 1 });
    const late = faultOf(old.commit([entry('c:a', 1)]));
    const taken = heir.takeFence(0, 'heir');
    await advance(10);
    expect(await taken).toBe(1);
    expect(await late).toBe('fenced');
  });
});
