// What every store keeps of logs: order, pages, numbers, bytes. A part of storage/contract.ts.
import { describe, expect, test } from 'vitest';
import { ALL, EVER, numbers, type TestBed } from './test-bed.ts';
import { bytesOf, entry, textOf } from './writes.ts';

export function logsContract(bed: TestBed): void {
  describe('logs', () => {
    test('what was committed is read, ascending and back', async () => {
      await bed.store.commit([1, 2, 3, 4, 5].map((n) => entry('c:a', n)));
      const up = await bed.store.readLog('c:a', 2, 4, ALL, false);
      expect(up.map((each) => [each.n, each.fence, textOf(each.bytes)])).toEqual([
        [2, 1, 'm2'],
        [3, 1, 'm3'],
        [4, 1, 'm4'],
      ]);
      expect(numbers(await bed.store.readLog('c:a', 2, 4, ALL, true))).toEqual([4, 3, 2]);
      expect(numbers(await bed.store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1, 2, 3, 4, 5]);
      expect(numbers(await bed.store.readLog('c:a', 0, EVER, ALL, true))).toEqual([5, 4, 3, 2, 1]);
      expect(await bed.store.readLog('c:a', 6, EVER, ALL, false)).toEqual([]);
      expect(await bed.store.readLog('c:a', 4, 3, ALL, false)).toEqual([]);
    });

    test('a page ends at its limits, and always has one entry', async () => {
      await bed.store.commit([1, 2, 3, 4].map((n) => entry('c:a', n, 'x'.repeat(10))));
      const page = async (entries: number, bytes: number, back: boolean) =>
        numbers(await bed.store.readLog('c:a', 1, EVER, { entries, bytes }, back));
      expect(await page(2, 1_000, false)).toEqual([1, 2]);
      expect(await page(2, 1_000, true)).toEqual([4, 3]);
      expect(await page(9, 30, false)).toEqual([1, 2, 3]);
      expect(await page(9, 29, true)).toEqual([4, 3]);
      expect(await page(9, 1, false)).toEqual([1]);
    });

    test('the last number is known, and 0 for an empty log', async () => {
      await bed.store.commit([entry('c:a', 1), entry('c:a', 2), entry('i:a', 1)]);
      expect(await bed.store.lastOf('c:a')).toBe(2);
      expect(await bed.store.lastOf('i:a')).toBe(1);
      expect(await bed.store.lastOf('c:none')).toBe(0);
    });

    test('the last number is found from any number that the log has reached', async () => {
      await bed.store.commit([1, 2, 3, 4, 5].map((n) => entry('c:a', n)));
      for (const from of [0, 1, 3, 5]) expect(await bed.store.lastOf('c:a', from)).toBe(5);
      // What has expired was there: the answer is never less than what the caller knows.
      expect(await bed.store.lastOf('i:gone', 9)).toBe(9);
    });

    test('a log goes on over many thousands, up and back', async () => {
      const last = 9_000;
      for (let n = 1; n <= last; n += 1_000) {
        await bed.store.commit(Array.from({ length: 1_000 }, (_, i) => entry('c:a', n + i)));
      }
      const page = async (from: number, to: number, entries: number, back: boolean) =>
        numbers(await bed.store.readLog('c:a', from, to, { entries, bytes: 1_000_000 }, back));
      expect(await page(4_094, EVER, 4, false)).toEqual([4_094, 4_095, 4_096, 4_097]);
      expect(await page(1, 8_193, 4, true)).toEqual([8_193, 8_192, 8_191, 8_190]);
      expect(await page(0, EVER, 2, true)).toEqual([last, last - 1]);
      expect((await page(1, EVER, 20_000, false)).length).toBe(last);
      expect((await page(4_000, 8_500, 20_000, true)).length).toBe(4_501);
      for (const from of [undefined, 0, 1, 4_095, 4_096, 8_999, 9_000]) {
        expect(await bed.store.lastOf('c:a', from)).toBe(last);
      }
    });

    test('logs of like names are apart', async () => {
      await bed.store.commit([
        entry('c:a', 1),
        entry('c:aa', 7),
        entry('c:a\u0001', 8),
        entry('i:a', 9),
        entry('c:', 3),
      ]);
      expect(numbers(await bed.store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1]);
      expect(numbers(await bed.store.readLog('c:aa', 1, EVER, ALL, true))).toEqual([7]);
      expect(await bed.store.lastOf('c:')).toBe(3);
    });

    test('the same entry again is one entry', async () => {
      await bed.store.commit([entry('c:a', 1), entry('c:a', 1)]);
      await bed.store.commit([entry('c:a', 1)]);
      expect(numbers(await bed.store.readLog('c:a', 1, EVER, ALL, false))).toEqual([1]);
    });

    test('entries of one number and two fences are told apart', async () => {
      await bed.store.commit([entry('c:a', 1, 'new', 5), entry('c:a', 1, 'old', 4)]);
      const both = await bed.store.readLog('c:a', 1, 1, ALL, false);
      expect(both.map((each) => [each.n, each.fence, textOf(each.bytes)])).toEqual([
        [1, 4, 'old'],
        [1, 5, 'new'],
      ]);
    });

    test('numbers beyond 2^32, no bytes, many bytes and names of any script are kept', async () => {
      const large = new Uint8Array(65_536).fill(7);
      await bed.store.commit([
        entry('c:größe-群-🦜', 2 ** 40, ''),
        { t: 'entry', log: 'i:a', n: 1, fence: 1, bytes: new Uint8Array(0) },
        { t: 'entry', log: 'i:a', n: 2, fence: 1, bytes: large },
      ]);
      const [odd] = await bed.store.readLog('c:größe-群-🦜', 2 ** 40, EVER, ALL, false);
      expect(odd?.n).toBe(2 ** 40);
      const inbox = await bed.store.readLog('i:a', 1, 2, ALL, false);
      expect(inbox.map((each) => each.bytes.length)).toEqual([0, 65_536]);
      expect(new Uint8Array(inbox[1]?.bytes ?? [])).toEqual(large);
    });

    test('what was acked does not change with its sender’s buffer, nor with a reader’s', async () => {
      const bytes = bytesOf('mine');
      await bed.store.commit([{ t: 'entry', log: 'c:a', n: 1, fence: 1, bytes }]);
      bytes.fill(0);
      const [first] = await bed.store.readLog('c:a', 1, 1, ALL, false);
      first?.bytes.fill(0);
      const [again] = await bed.store.readLog('c:a', 1, 1, ALL, false);
      expect(textOf(again?.bytes ?? bytes)).toBe('mine');
    });
  });
}
