// What every store keeps of sent ids, rows and whole commits. A part of storage/contract.ts.
import { describe, expect, test } from 'vitest';
import { DAY_MS } from '../retention.ts';
import type { Write } from '../store.ts';
import { ALL, EVER, START, type TestBed } from './test-bed.ts';
import { del, entry, faultOf, put, sent, textOf } from './writes.ts';

export function rowsContract(bed: TestBed): void {
  test('a sent id is found under its chat, sender, device and id together', async () => {
    await bed.store.commit([
      sent('c', 'ann', 'd1', 'm1', 41),
      sent('c', 'ann', 'd2', 'm1', 42),
      sent('cc', 'ann', 'd1', 'm1', 43),
    ]);
    expect(await bed.store.findSent('c', 'ann', 'd1', 'm1')).toBe(41);
    expect(await bed.store.findSent('c', 'ann', 'd2', 'm1')).toBe(42);
    expect(await bed.store.findSent('cc', 'ann', 'd1', 'm1')).toBe(43);
    expect(await bed.store.findSent('c', 'ann', 'd1', 'm2')).toBeNull();
    expect(await bed.store.findSent('c', 'annd', '1', 'm1')).toBeNull();
    expect(await bed.store.findSent('none', 'ann', 'd1', 'm1')).toBeNull();
  });

  test('a sent id is found on every day of its two weeks, also when the clock went back', async () => {
    for (let day = 0; day < 14; day++) {
      bed.now = START + day * DAY_MS;
      await bed.store.commit([sent('c', 'ann', 'd1', `m${day}`, day)]);
    }
    bed.now = START - 3 * DAY_MS;
    await bed.store.commit([sent('c', 'ann', 'd1', 'back', 99)]);
    for (let day = 0; day < 14; day++) expect(await bed.store.findSent('c', 'ann', 'd1', `m${day}`)).toBe(day);
    expect(await bed.store.findSent('c', 'ann', 'd1', 'back')).toBe(99);
    expect(await bed.store.findSent('c', 'ann', 'd1', 'm14')).toBeNull();
  });

  describe('rows', () => {
    test('a row is read by its key, and in the order of keys', async () => {
      await bed.store.commit([
        put('cursor', 'c', 'bob', 1, 'B'),
        put('cursor', 'c', 'ann', 1, 'A'),
        put('cursor', 'c', 'cid', 1, 'C'),
      ]);
      expect(await bed.text('cursor', 'c', 'bob')).toBe('1 B');
      expect(await bed.text('cursor', 'c', 'dan')).toBeNull();
      const keys = async (after: string, limit: number) =>
        (await bed.store.readRows('cursor', 'c', after, limit)).map((row) => row.key);
      expect(await keys('', 10)).toEqual(['ann', 'bob', 'cid']);
      expect(await keys('', 2)).toEqual(['ann', 'bob']);
      expect(await keys('bob', 10)).toEqual(['cid']);
      expect(await keys('an', 1)).toEqual(['ann']);
      expect(await keys('cid', 10)).toEqual([]);
    });

    test('partitions and tables of like names are apart', async () => {
      await bed.store.commit([
        put('chat', 'a', '', 1, 'own'),
        put('chat', 'ab', '', 1, 'x'),
        put('user', 'a', '', 1, 'y'),
        put('chat', 'a', 'b', 1, 'z'),
      ]);
      expect(await bed.text('chat', 'a', '')).toBe('1 own');
      expect((await bed.store.readRows('chat', 'a', '', 10)).map((row) => textOf(row.bytes))).toEqual(['own', 'z']);
      expect((await bed.store.readRows('chat', 'ab', '', 10)).length).toBe(1);
    });

    test('the highest stamp wins, whatever came last', async () => {
      await bed.store.commit([put('user', 'a', '', 5, 'five')]);
      await bed.store.commit([put('user', 'a', '', 4, 'four')]);
      expect(await bed.text('user', 'a', '')).toBe('5 five');
      await bed.store.commit([del('user', 'a', '', 4)]);
      expect(await bed.text('user', 'a', '')).toBe('5 five');
      await bed.store.commit([put('user', 'a', '', 6, 'six')]);
      expect(await bed.text('user', 'a', '')).toBe('6 six');
      await bed.store.commit([put('user', 'a', '', 9, 'nine'), put('user', 'a', '', 8, 'eight')]);
      expect(await bed.text('user', 'a', '')).toBe('9 nine');
    });

    test('a deleted row stays deleted until a higher stamp', async () => {
      await bed.store.commit([put('dirty', '7', 'c', 1, '')]);
      await bed.store.commit([del('dirty', '7', 'c', 3)]);
      await bed.store.commit([put('dirty', '7', 'c', 2, '')]);
      expect(await bed.store.readRows('dirty', '7', '', 10)).toEqual([]);
      expect(await bed.text('dirty', '7', 'c')).toBeNull();
      await bed.store.commit([put('dirty', '7', 'c', 4, '')]);
      expect(await bed.text('dirty', '7', 'c')).toBe('4 ');
    });

    test('the record of a log is a row like others, under the log’s own name', async () => {
      await bed.store.commit([put('log', 'c:a', '', 1, 'chat'), put('log', 'i:a', '', 2 ** 33, 'inbox')]);
      expect(await bed.text('log', 'c:a', '')).toBe('1 chat');
      expect(await bed.text('log', 'i:a', '')).toBe(`${2 ** 33} inbox`);
      await bed.store.commit([put('log', 'i:a', '', 2 ** 33 - 1, 'late')]);
      expect(await bed.text('log', 'i:a', '')).toBe(`${2 ** 33} inbox`);
    });

    test('a stamp of a fence and a counter keeps all its bits', async () => {
      const stamp = 8_000 * 2 ** 40 + 12_345;
      await bed.store.commit([put('chat', 'a', '', stamp + 1, 'new')]);
      await bed.store.commit([put('chat', 'a', '', stamp, 'old')]);
      expect(await bed.text('chat', 'a', '')).toBe(`${stamp + 1} new`);
    });
  });

  describe('commits', () => {
    test('none is as good as one', async () => {
      await bed.store.commit([]);
    });

    test('many at once all land, in order', async () => {
      const commits: Promise<void>[] = [];
      for (let n = 1; n <= 50; n++)
        commits.push(bed.store.commit([entry('c:a', n), put('chat', 'a', '', n, `at ${n}`)]));
      await Promise.all(commits);
      expect(await bed.store.lastOf('c:a')).toBe(50);
      expect((await bed.store.readLog('c:a', 1, EVER, ALL, false)).length).toBe(50);
      expect(await bed.text('chat', 'a', '')).toBe('50 at 50');
    });

    test('one of 1,024 writes is taken', async () => {
      const writes: Write[] = [];
      for (let n = 1; n <= 512; n++) writes.push(entry('c:a', n, 'x'.repeat(500)), sent('a', 'ann', 'd', `m${n}`, n));
      await bed.store.commit(writes);
      expect(await bed.store.lastOf('c:a')).toBe(512);
      expect(await bed.store.findSent('a', 'ann', 'd', 'm512')).toBe(512);
    });

    test('an acked commit is there for who opens the store next', async () => {
      await bed.store.commit([entry('c:a', 1), sent('a', 'ann', 'd', 'm', 1), put('chat', 'a', '', 1, 'x')]);
      await bed.store.close();
      bed.store = await bed.open();
      expect(await bed.store.lastOf('c:a')).toBe(1);
      expect(await bed.store.findSent('a', 'ann', 'd', 'm')).toBe(1);
      expect(await bed.text('chat', 'a', '')).toBe('1 x');
    });

    test('after close, nothing is taken', async () => {
      await bed.store.close();
      expect(await faultOf(bed.store.commit([entry('c:a', 1)]))).toBe('failed');
      expect(await faultOf(bed.store.lastOf('c:a'))).toBe('failed');
    });

    test('a close lets what is in flight finish', async () => {
      const commit = bed.store.commit([entry('c:a', 1)]);
      await bed.store.close();
      await commit;
      bed.store = await bed.open();
      expect(await bed.store.lastOf('c:a')).toBe(1);
    });
  });
}
