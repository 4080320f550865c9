// The contract of the store seam, run against every store: `storeContract('lmdb', make)` inside a vitest file of the store.
// Knows the seam only. A store that passes is one that writers and chats can rely on.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, RETENTION } from './retention.ts';
import type { Entry, Store, Table, Write } from './store.ts';
import { bytesOf, del, entry, faultOf, put, sent, textOf } from './testing/writes.ts';

/** One set of durable data, and the means to open it. */
export interface StoreUnderTest {
  /** A handle on the data, as of a process of its own. `wallNow` is asked for the time of writes. */
  open(wallNow: () => number): Promise<Store>;
  /** Everything is closed already; remove the data. */
  discard(): Promise<void>;
}

export interface StoreTraits {
  /** Deletes through `expire`; a store with TTLs does not. Default true. */
  readonly sweeps?: boolean;
  /** A second handle's fence fences the first at once, whatever it writes. Default true. */
  readonly fencesAll?: boolean;
}

const START = Date.UTC(2026, 0, 1, 12);
const ALL = { entries: 1_000, bytes: 1_000_000 };
const EVER = Number.MAX_SAFE_INTEGER;

const numbers = (entries: readonly Entry[]) => entries.map((each) => each.n);

export function storeContract(name: string, make: () => Promise<StoreUnderTest>, traits: StoreTraits = {}): void {
  describe(`${name} keeps the contract of a store`, () => {
    let data: StoreUnderTest;
    let store: Store;
    let now: number;
    const opened: Store[] = [];
    const open = async () => {
      const handle = await data.open(() => now);
      opened.push(handle);
      return handle;
    };
    const text = async (table: Table, partition: string, key: string) => {
      const row = await store.readRow(table, partition, key);
      return row === null ? null : `${row.stamp} ${textOf(row.bytes)}`;
    };

    beforeEach(async () => {
      now = START;
      data = await make();
      store = await open();
    });
    afterEach(async () => {
      for (const handle of opened.splice(0)) await handle.close();
      await data.discard();
    });

    describe('logs', () => {
      test('what was committed is read, ascending and back', async () => {
        await store.commit([1, 2, 3, 4, 5].map((n) => entry('c:a', n)));
        const up = await store.readLog('c:a', 2, 4, ALL, false);
        expect(up.map((each) => [each.n, each.fence, textOf(each.bytes)])).toEqual([
          [2, 1, 'm2'],
          [3, 1, 'm3'],
          [4, 1, 'm4'],
        ]);
        expect(numbers(await store.readLog('c:a', 2, 4, ALL, true))).toEqual([4, 3, 2]);
        expect(numbers(await store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1, 2, 3, 4, 5]);
        expect(numbers(await store.readLog('c:a', 0, EVER, ALL, true))).toEqual([5, 4, 3, 2, 1]);
        expect(await store.readLog('c:a', 6, EVER, ALL, false)).toEqual([]);
        expect(await store.readLog('c:a', 4, 3, ALL, false)).toEqual([]);
      });

      test('a page ends at its limits, and always has one entry', async () => {
        await store.commit([1, 2, 3, 4].map((n) => entry('c:a', n, 'x'.repeat(10))));
        const page = async (entries: number, bytes: number, back: boolean) =>
          numbers(await store.readLog('c:a', 1, EVER, { entries, bytes }, back));
        expect(await page(2, 1_000, false)).toEqual([1, 2]);
        expect(await page(2, 1_000, true)).toEqual([4, 3]);
        expect(await page(9, 30, false)).toEqual([1, 2, 3]);
        expect(await page(9, 29, true)).toEqual([4, 3]);
        expect(await page(9, 1, false)).toEqual([1]);
      });

      test('the last number is known, and 0 for an empty log', async () => {
        await store.commit([entry('c:a', 1), entry('c:a', 2), entry('i:a', 1)]);
        expect(await store.lastOf('c:a')).toBe(2);
        expect(await store.lastOf('i:a')).toBe(1);
        expect(await store.lastOf('c:none')).toBe(0);
      });

      test('logs of like names are apart', async () => {
        await store.commit([entry('c:a', 1), entry('c:aa', 7), entry('c:a\u0001', 8), entry('i:a', 9), entry('c:', 3)]);
        expect(numbers(await store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1]);
        expect(numbers(await store.readLog('c:aa', 1, EVER, ALL, true))).toEqual([7]);
        expect(await store.lastOf('c:')).toBe(3);
      });

      test('the same entry again is one entry', async () => {
        await store.commit([entry('c:a', 1), entry('c:a', 1)]);
        await store.commit([entry('c:a', 1)]);
        expect(numbers(await store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1]);
      });

      test('entries of one number and two fences are told apart', async () => {
        await store.commit([entry('c:a', 1, 'new', 5), entry('c:a', 1, 'old', 4)]);
        const both = await store.readLog('c:a', 1, 1, ALL, false);
        expect(both.map((each) => [each.n, each.fence, textOf(each.bytes)])).toEqual([
          [1, 4, 'old'],
          [1, 5, 'new'],
        ]);
      });

      test('numbers beyond 2^32, no bytes, many bytes and names of any script are kept', async () => {
        const large = new Uint8Array(65_536).fill(7);
        await store.commit([
          entry('c:größe-群-🦜', 2 ** 40, ''),
          { t: 'entry', log: 'i:a', n: 1, fence: 1, bytes: new Uint8Array(0) },
          { t: 'entry', log: 'i:a', n: 2, fence: 1, bytes: large },
        ]);
        const [odd] = await store.readLog('c:größe-群-🦜', 1, EVER, ALL, false);
        expect(odd?.n).toBe(2 ** 40);
        const inbox = await store.readLog('i:a', 1, 2, ALL, false);
        expect(inbox.map((each) => each.bytes.length)).toEqual([0, 65_536]);
        expect(new Uint8Array(inbox[1]?.bytes ?? [])).toEqual(large);
      });

      test('what was acked does not change with its sender’s buffer, nor with a reader’s', async () => {
        const bytes = bytesOf('mine');
        await store.commit([{ t: 'entry', log: 'c:a', n: 1, fence: 1, bytes }]);
        bytes.fill(0);
        const [first] = await store.readLog('c:a', 1, 1, ALL, false);
        first?.bytes.fill(0);
        const [again] = await store.readLog('c:a', 1, 1, ALL, false);
        expect(textOf(again?.bytes ?? bytes)).toBe('mine');
      });
    });

    test('a sent id is found under its chat, sender, device and id together', async () => {
      await store.commit([
        sent('c', 'ann', 'd1', 'm1', 41),
        sent('c', 'ann', 'd2', 'm1', 42),
        sent('cc', 'ann', 'd1', 'm1', 43),
      ]);
      expect(await store.findSent('c', 'ann', 'd1', 'm1')).toBe(41);
      expect(await store.findSent('c', 'ann', 'd2', 'm1')).toBe(42);
      expect(await store.findSent('cc', 'ann', 'd1', 'm1')).toBe(43);
      expect(await store.findSent('c', 'ann', 'd1', 'm2')).toBeNull();
      expect(await store.findSent('c', 'annd', '1', 'm1')).toBeNull();
      expect(await store.findSent('none', 'ann', 'd1', 'm1')).toBeNull();
    });

    test('a sent id is found on every day of its two weeks, also when the clock went back', async () => {
      for (let day = 0; day < 14; day++) {
        now = START + day * DAY_MS;
        await store.commit([sent('c', 'ann', 'd1', `m${day}`, day)]);
      }
      now = START - 3 * DAY_MS;
      await store.commit([sent('c', 'ann', 'd1', 'back', 99)]);
      for (let day = 0; day < 14; day++) expect(await store.findSent('c', 'ann', 'd1', `m${day}`)).toBe(day);
      expect(await store.findSent('c', 'ann', 'd1', 'back')).toBe(99);
      expect(await store.findSent('c', 'ann', 'd1', 'm14')).toBeNull();
    });

    describe('rows', () => {
      test('a row is read by its key, and in the order of keys', async () => {
        await store.commit([
          put('cursor', 'c', 'bob', 1, 'B'),
          put('cursor', 'c', 'ann', 1, 'A'),
          put('cursor', 'c', 'cid', 1, 'C'),
        ]);
        expect(await text('cursor', 'c', 'bob')).toBe('1 B');
        expect(await text('cursor', 'c', 'dan')).toBeNull();
        const keys = async (after: string, limit: number) =>
          (await store.readRows('cursor', 'c', after, limit)).map((row) => row.key);
        expect(await keys('', 10)).toEqual(['ann', 'bob', 'cid']);
        expect(await keys('', 2)).toEqual(['ann', 'bob']);
        expect(await keys('bob', 10)).toEqual(['cid']);
        expect(await keys('an', 1)).toEqual(['ann']);
        expect(await keys('cid', 10)).toEqual([]);
      });

      test('partitions and tables of like names are apart', async () => {
        await store.commit([
          put('chat', 'a', '', 1, 'own'),
          put('chat', 'ab', '', 1, 'x'),
          put('user', 'a', '', 1, 'y'),
          put('chat', 'a', 'b', 1, 'z'),
        ]);
        expect(await text('chat', 'a', '')).toBe('1 own');
        expect((await store.readRows('chat', 'a', '', 10)).map((row) => textOf(row.bytes))).toEqual(['own', 'z']);
        expect((await store.readRows('chat', 'ab', '', 10)).length).toBe(1);
      });

      test('the highest stamp wins, whatever came last', async () => {
        await store.commit([put('user', 'a', '', 5, 'five')]);
        await store.commit([put('user', 'a', '', 4, 'four')]);
        expect(await text('user', 'a', '')).toBe('5 five');
        await store.commit([del('user', 'a', '', 4)]);
        expect(await text('user', 'a', '')).toBe('5 five');
        await store.commit([put('user', 'a', '', 6, 'six')]);
        expect(await text('user', 'a', '')).toBe('6 six');
        await store.commit([put('user', 'a', '', 9, 'nine'), put('user', 'a', '', 8, 'eight')]);
        expect(await text('user', 'a', '')).toBe('9 nine');
      });

      test('a deleted row stays deleted until a higher stamp', async () => {
        await store.commit([put('dirty', '7', 'c', 1, '')]);
        await store.commit([del('dirty', '7', 'c', 3)]);
        await store.commit([put('dirty', '7', 'c', 2, '')]);
        expect(await store.readRows('dirty', '7', '', 10)).toEqual([]);
        expect(await text('dirty', '7', 'c')).toBeNull();
        await store.commit([put('dirty', '7', 'c', 4, '')]);
        expect(await text('dirty', '7', 'c')).toBe('4 ');
      });

      test('a stamp of a fence and a counter keeps all its bits', async () => {
        const stamp = 8_000 * 2 ** 40 + 12_345;
        await store.commit([put('chat', 'a', '', stamp + 1, 'new')]);
        await store.commit([put('chat', 'a', '', stamp, 'old')]);
        expect(await text('chat', 'a', '')).toBe(`${stamp + 1} new`);
      });
    });

    describe('commits', () => {
      test('none is as good as one', async () => {
        await store.commit([]);
      });

      test('many at once all land, in order', async () => {
        const commits: Promise<void>[] = [];
        for (let n = 1; n <= 50; n++) commits.push(store.commit([entry('c:a', n), put('chat', 'a', '', n, `at ${n}`)]));
        await Promise.all(commits);
        expect(await store.lastOf('c:a')).toBe(50);
        expect((await store.readLog('c:a', 1, EVER, ALL, false)).length).toBe(50);
        expect(await text('chat', 'a', '')).toBe('50 at 50');
      });

      test('one of 1,024 writes is taken', async () => {
        const writes: Write[] = [];
        for (let n = 1; n <= 512; n++) writes.push(entry('c:a', n, 'x'.repeat(500)), sent('a', 'ann', 'd', `m${n}`, n));
        await store.commit(writes);
        expect(await store.lastOf('c:a')).toBe(512);
        expect(await store.findSent('a', 'ann', 'd', 'm512')).toBe(512);
      });

      test('an acked commit is there for who opens the store next', async () => {
        await store.commit([entry('c:a', 1), sent('a', 'ann', 'd', 'm', 1), put('chat', 'a', '', 1, 'x')]);
        await store.close();
        store = await open();
        expect(await store.lastOf('c:a')).toBe(1);
        expect(await store.findSent('a', 'ann', 'd', 'm')).toBe(1);
        expect(await text('chat', 'a', '')).toBe('1 x');
      });

      test('after close, nothing is taken', async () => {
        await store.close();
        expect(await faultOf(store.commit([entry('c:a', 1)]))).toBe('failed');
        expect(await faultOf(store.lastOf('c:a'))).toBe('failed');
      });

      test('a close lets what is in flight finish', async () => {
        const commit = store.commit([entry('c:a', 1)]);
        await store.close();
        await commit;
        store = await open();
        expect(await store.lastOf('c:a')).toBe(1);
      });
    });

    describe('fences', () => {
      test('each taking gets a higher one, over restarts too', async () => {
        const first = await store.takeFence(1, 'n1');
        const second = await store.takeFence(1, 'n1');
        expect(second).toBeGreaterThan(first);
        await store.close();
        store = await open();
        expect(await store.takeFence(1, 'n1')).toBeGreaterThan(second);
      });

      test('an owner may take it for many shards and write under each', async () => {
        const fences: number[] = [];
        for (let shard = 0; shard < 4; shard++) fences.push(await store.takeFence(shard, 'n1'));
        await store.commit(fences.map((fence, i) => entry('c:a', i + 1, 'x', fence)));
        expect(await store.lastOf('c:a')).toBe(4);
      });

      test('writes of an entry under an older fence are void, all of the commit', async () => {
        const old = await store.takeFence(1, 'n1');
        const fence = await store.takeFence(1, 'n1');
        expect(await faultOf(store.commit([entry('c:a', 1, 'x', fence), entry('c:b', 1, 'x', old)]))).toBe('fenced');
        expect(await store.lastOf('c:a')).toBe(0);
        await store.commit([entry('c:a', 1, 'x', fence)]);
      });

      test.runIf(traits.fencesAll ?? true)('who is taken over from can write nothing more', async () => {
        const mine = await store.takeFence(1, 'n1');
        await store.commit([entry('c:a', 1, 'mine', mine)]);
        const other = await open();
        const theirs = await other.takeFence(1, 'n2');
        expect(theirs).toBeGreaterThan(mine);
        expect(await faultOf(store.commit([entry('c:a', 2, 'late', mine)]))).toBe('fenced');
        expect(await faultOf(store.commit([put('chat', 'a', '', 9, 'late')]))).toBe('fenced');
        expect(await faultOf(store.commit([sent('a', 'ann', 'd', 'm', 2)]))).toBe('fenced');
        await other.commit([entry('c:a', 2, 'theirs', theirs)]);
        const log = await other.readLog('c:a', 1, EVER, ALL, false);
        expect(log.map((each) => textOf(each.bytes))).toEqual(['mine', 'theirs']);
        expect(await other.readRow('chat', 'a', '')).toBeNull();
        expect(await other.findSent('a', 'ann', 'd', 'm')).toBeNull();
      });

      test.runIf(traits.fencesAll ?? true)(
        'a commit that races a take-over is there for the new owner, or refused',
        async () => {
          const mine = await store.takeFence(1, 'n1');
          const other = await open();
          const racing = [1, 2, 3].map((n) => faultOf(store.commit([entry('c:a', n, 'mine', mine)])));
          await other.takeFence(1, 'n2');
          const seen = numbers(await other.readLog('c:a', 1, EVER, ALL, false));
          const faults = await Promise.all(racing);
          expect(seen).toEqual([1, 2, 3].filter((n) => faults[n - 1] === 'none'));
          expect(faults.every((fault) => fault === 'none' || fault === 'fenced')).toBe(true);
        },
      );
    });

    describe.runIf(traits.sweeps ?? true)('retention', () => {
      const later = (ms: number) => {
        now = START + ms;
        return now;
      };

      test('nothing goes before its time', async () => {
        await store.commit([
          entry('i:u', 1),
          entry('c:a', 1),
          sent('a', 'ann', 'd', 'm', 1),
          put('user', 'u', '', 1, 'x'),
        ]);
        expect(await store.expire(later(RETENTION.sentMs - 60_000), 100)).toBe(0);
        expect(await store.findSent('a', 'ann', 'd', 'm')).toBe(1);
        await store.expire(later(RETENTION.inboxMs - 60_000), 100);
        expect(await store.lastOf('i:u')).toBe(1);
        expect((await store.readLog('i:u', 1, 1, ALL, false)).length).toBe(1);
      });

      test('a sent id goes after its two weeks, a newer one stays', async () => {
        await store.commit([sent('a', 'ann', 'd', 'm1', 1), sent('b', 'ann', 'd', 'm1', 1)]);
        later(3 * DAY_MS);
        await store.commit([sent('a', 'ann', 'd', 'm2', 2)]);
        expect(await store.expire(later(RETENTION.sentMs + DAY_MS), 100)).toBe(2);
        expect(await store.findSent('a', 'ann', 'd', 'm1')).toBeNull();
        expect(await store.findSent('b', 'ann', 'd', 'm1')).toBeNull();
        expect(await store.findSent('a', 'ann', 'd', 'm2')).toBe(2);
        expect(await store.expire(later(RETENTION.sentMs + 4 * DAY_MS), 100)).toBe(1);
        expect(await store.findSent('a', 'ann', 'd', 'm2')).toBeNull();
        expect(await store.expire(now, 100)).toBe(0);
      });

      test('inbox entries go after their month, a chat’s stay', async () => {
        await store.commit([entry('i:u', 1), entry('i:u', 2), entry('c:a', 1)]);
        later(DAY_MS * 2);
        await store.commit([entry('i:u', 3)]);
        expect(await store.expire(later(RETENTION.inboxMs + DAY_MS), 100)).toBe(2);
        expect(numbers(await store.readLog('i:u', 1, EVER, ALL, false))).toEqual([3]);
        expect(numbers(await store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1]);
      });

      test('the numbers of an emptied log go on', async () => {
        await store.commit([entry('i:u', 1), entry('i:u', 2)]);
        expect(await store.expire(later(RETENTION.inboxMs + DAY_MS), 100)).toBe(2);
        expect(await store.lastOf('i:u')).toBe(2);
        await store.commit([entry('i:u', 3)]);
        expect(await store.lastOf('i:u')).toBe(3);
        expect(numbers(await store.readLog('i:u', 1, EVER, ALL, true))).toEqual([3]);
      });

      test('a sweep takes no more than its limit, and the rest next time', async () => {
        const writes: Write[] = [];
        for (let n = 1; n <= 10; n++) writes.push(entry('i:u', n), sent('a', 'ann', 'd', `m${n}`, n));
        await store.commit(writes);
        later(RETENTION.inboxMs + DAY_MS);
        const took: number[] = [];
        for (let i = 0; i < 6; i++) took.push(await store.expire(now, 6));
        expect(took.every((count) => count <= 6)).toBe(true);
        expect(took.reduce((sum, count) => sum + count, 0)).toBe(20);
        expect(await store.lastOf('i:u')).toBe(10);
      });

      test('the stamp of a deleted row is forgotten in the end, that of one put again is not', async () => {
        await store.commit([del('dirty', '1', 'gone', 5), del('dirty', '1', 'back', 5)]);
        await store.commit([put('dirty', '1', 'back', 6, 'x')]);
        expect(await store.expire(later(RETENTION.tombstoneMs + DAY_MS), 100)).toBe(1);
        expect(await text('dirty', '1', 'back')).toBe('6 x');
        await store.commit([put('dirty', '1', 'gone', 1, 'y')]);
        expect(await text('dirty', '1', 'gone')).toBe('1 y');
      });
    });
  });
}
