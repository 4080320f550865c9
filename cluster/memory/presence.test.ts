// The presence store in memory: the contract, and the faults that it can play.
import { expect, test } from 'vitest';
import { decodePresence, decodeSession } from '../presence.ts';
import { offline, online, presenceContract } from '../presence-contract.ts';
import { createMemoryPresence, type MemoryPresence } from './index.ts';

presenceContract('memory', () => {
  let now = 0;
  let wipe = (): void => {};
  let ttls = (): ReadonlyMap<string, number> => new Map();
  let shared: MemoryPresence | null = null;
  return Promise.resolve({
    open(times) {
      // Handles of different times on one map are not there in memory: the first is all of it.
      if (times === undefined && shared !== null) {
        const first = shared;
        return { ...first, up: true, close: () => Promise.resolve() };
      }
      const store = createMemoryPresence({ now: () => now, ...times });
      shared = store;
      wipe = store.wipe;
      ttls = store.ttls;
      return store;
    },
    ttls: () => Promise.resolve(ttls()),
    wipe: () => Promise.resolve(wipe()),
    pass: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    discard: () => Promise.resolve(),
  });
});

test('lost, it answers unknown; back, it has what it had', async () => {
  const store = createMemoryPresence({ now: () => 0 });
  await store.write([online('ann')]);
  store.lost = true;
  expect([await store.write([offline('ann', 1)]), store.up]).toEqual([false, false]);
  expect(await store.read(['ann'])).toEqual(['unknown']);
  store.lost = false;
  expect(await store.read(['ann'])).toMatchObject([{ online: true }]);
});

test('beyond its bound the oldest is dropped', async () => {
  const store = createMemoryPresence({ now: () => 0, keysMax: 2 });
  await store.write([offline('a', 1), offline('b', 2)]);
  await store.write([offline('a', 3)]);
  await store.write([offline('c', 4)]);
  expect(await store.read(['a', 'b', 'c'])).toMatchObject([{ lastSeen: 3 }, 'none', { lastSeen: 4 }]);
});

test('what somebody else wrote is unknown, never a fault', () => {
  for (const text of ['', 'x', '[2,1,null,1]', '{}', '[1,1,"x",1]']) expect(decodePresence(text)).toBe('unknown');
  expect(decodeSession('[1,2,3]')).toBe('unknown');
  expect(decodePresence(null)).toBe('none');
});
