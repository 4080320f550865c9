// What a store that sweeps forgets, and when. A part of storage/contract.ts.
import { describe, expect, test } from 'vitest';
import { DAY_MS, RETENTION } from '../retention.ts';
import type { Write } from '../store.ts';
import { ALL, EVER, numbers, START, type StoreTraits, type TestBed } from './test-bed.ts';
import { del, entry, put, sent } from './writes.ts';

export function retentionContract(bed: TestBed, traits: StoreTraits): void {
  // Not on a store with TTLs: its server forgets by itself, after real days.
  describe.runIf(traits.sweeps ?? true)('retention', () => {
    const later = (ms: number) => {
      bed.now = START + ms;
      return bed.now;
    };

    test('nothing goes before its time', async () => {
      await bed.store.commit([
        entry('i:u', 1),
        entry('c:a', 1),
        sent('a', 'ann', 'd', 'm', 1),
        put('user', 'u', '', 1, 'x'),
      ]);
      expect(await bed.store.expire(later(RETENTION.sentMs - 60_000), 100)).toBe(0);
      expect(await bed.store.findSent('a', 'ann', 'd', 'm')).toBe(1);
      await bed.store.expire(later(RETENTION.inboxMs - 60_000), 100);
      expect(await bed.store.lastOf('i:u')).toBe(1);
      expect((await bed.store.readLog('i:u', 1, 1, ALL, false)).length).toBe(1);
    });

    test('a sent id goes after its two weeks, a newer one stays', async () => {
      await bed.store.commit([sent('a', 'ann', 'd', 'm1', 1), sent('b', 'ann', 'd', 'm1', 1)]);
      later(3 * DAY_MS);
      await bed.store.commit([sent('a', 'ann', 'd', 'm2', 2)]);
      expect(await bed.store.expire(later(RETENTION.sentMs + DAY_MS), 100)).toBe(2);
      expect(await bed.store.findSent('a', 'ann', 'd', 'm1')).toBeNull();
      expect(await bed.store.findSent('b', 'ann', 'd', 'm1')).toBeNull();
      expect(await bed.store.findSent('a', 'ann', 'd', 'm2')).toBe(2);
      expect(await bed.store.expire(later(RETENTION.sentMs + 4 * DAY_MS), 100)).toBe(1);
      expect(await bed.store.findSent('a', 'ann', 'd', 'm2')).toBeNull();
      expect(await bed.store.expire(bed.now, 100)).toBe(0);
    });

    test('inbox entries go after their month, a chat’s stay', async () => {
      await bed.store.commit([entry('i:u', 1), entry('i:u', 2), entry('c:a', 1)]);
      later(DAY_MS * 2);
      await bed.store.commit([entry('i:u', 3)]);
      expect(await bed.store.expire(later(RETENTION.inboxMs + DAY_MS), 100)).toBe(2);
      expect(numbers(await bed.store.readLog('i:u', 1, EVER, ALL, false))).toEqual([3]);
      expect(numbers(await bed.store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1]);
    });

    test('the numbers of an emptied log go on', async () => {
      await bed.store.commit([entry('i:u', 1), entry('i:u', 2)]);
      expect(await bed.store.expire(later(RETENTION.inboxMs + DAY_MS), 100)).toBe(2);
      expect(await bed.store.lastOf('i:u')).toBe(2);
      await bed.store.commit([entry('i:u', 3)]);
      expect(await bed.store.lastOf('i:u')).toBe(3);
      expect(numbers(await bed.store.readLog('i:u', 1, EVER, ALL, true))).toEqual([3]);
    });

    test('a sweep takes no more than its limit, and the rest next time', async () => {
      const writes: Write[] = [];
      for (let n = 1; n <= 10; n++) writes.push(entry('i:u', n), sent('a', 'ann', 'd', `m${n}`, n));
      await bed.store.commit(writes);
      later(RETENTION.inboxMs + DAY_MS);
      const took: number[] = [];
      for (let i = 0; i < 6; i++) took.push(await bed.store.expire(bed.now, 6));
      expect(took.every((count) => count <= 6)).toBe(true);
      expect(took.reduce((sum, count) => sum + count, 0)).toBe(20);
      expect(await bed.store.lastOf('i:u')).toBe(10);
    });

    test('the stamp of a deleted row is forgotten in the end, that of one put again is not', async () => {
      await bed.store.commit([del('dirty', '1', 'gone', 5), del('dirty', '1', 'back', 5)]);
      await bed.store.commit([put('dirty', '1', 'back', 6, 'x')]);
      expect(await bed.store.expire(later(RETENTION.tombstoneMs + DAY_MS), 100)).toBe(1);
      expect(await bed.text('dirty', '1', 'back')).toBe('6 x');
      await bed.store.commit([put('dirty', '1', 'gone', 1, 'y')]);
      expect(await bed.text('dirty', '1', 'gone')).toBe('1 y');
    });
  });
}
