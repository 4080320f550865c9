import { expect, test } from 'vitest';
import type { LogId, Write } from '../store.ts';
import { del, entry, put, sent } from '../testing/writes.ts';
import { batchesOf } from './batches.ts';
import { bucketOf, endOf, stampOf, timestampOf } from './keys.ts';

const LIMITS = { batchRowsMax: 10, batchBytesMax: 2_000 };
const sizes = (writes: readonly Write[]) => batchesOf(writes, LIMITS).map((batch) => batch.length);

test('rows of one partition go together, those of two never', () => {
  expect(sizes([entry('c:a', 1), entry('c:b', 1), entry('c:a', 2), entry('i:a', 2)])).toEqual([2, 1, 1]);
  // The end of a bucket is the end of a partition.
  expect(sizes([entry('c:a', 4_095), entry('c:a', 4_096), entry('c:a', 4_097)])).toEqual([1, 2]);
  expect(
    sizes([sent('c', 'ann', 'd1', 'm1', 1), sent('c', 'ann', 'd1', 'm2', 2), sent('c', 'ann', 'd2', 'm1', 3)]),
  ).toEqual([2, 1]);
  expect(sizes([put('dirty', '7', 'a', 1, ''), del('dirty', '7', 'b', 2), put('cursor', '7', 'a', 1, '')])).toEqual([
    2, 1,
  ]);
  const tables = ['chat', 'cursor', 'dirty', 'user', 'device', 'userChat', 'log'] as const;
  expect(sizes(tables.map((table) => put(table, 'x', '', 1, '')))).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test('a batch ends at its rows and at its bytes; a large row goes alone', () => {
  const many = (count: number, text: string) => Array.from({ length: count }, (_, i) => entry('c:a', i + 1, text));
  expect(sizes(many(25, ''))).toEqual([10, 10, 5]);
  expect(sizes(many(5, 'x'.repeat(600)))).toEqual([2, 2, 1]);
  expect(sizes([...many(1, 'x'.repeat(9_000)), entry('c:a', 2)])).toEqual([1, 1]);
});

test('what is no write is refused before anything is sent', () => {
  for (const n of [-1, 0.5, Number.NaN, 2 ** 48]) expect(() => sizes([entry('c:a', n)])).toThrow(RangeError);
  expect(() => sizes([entry('c:a', 1, 'x', -1)])).toThrow(RangeError);
  expect(() => sizes([put('chat', 'a', '', 2 ** 53, 'x')])).toThrow(RangeError);
  expect(() => sizes([del('chat', 'a', '', 0.5)])).toThrow(RangeError);
});

test('bytes are taken as they are, also from the middle of a buffer', () => {
  const whole = new Uint8Array([1, 2, 3, 4]);
  const write: Write = { t: 'entry', log: 'c:a' as LogId, n: 1, fence: 1, bytes: whole.subarray(1, 3) };
  const [batch] = batchesOf([write], LIMITS);
  expect(batch?.[0]?.params.at(-1)).toEqual(Buffer.of(2, 3));
});

test('timestamps keep the order of stamps and come back, below every clock', () => {
  const stamps = [0, 1, 2 ** 32, 8_000 * 2 ** 40 + 1, Number.MAX_SAFE_INTEGER];
  for (const stamp of stamps) {
    expect(stampOf(timestampOf(stamp))).toBe(stamp);
    expect(timestampOf(stamp)).toBeLessThan(0);
  }
  const timestamps = stamps.map(timestampOf);
  expect([...timestamps].sort((a, b) => a - b)).toEqual(timestamps);
});

test('numbers of a bucket end where the next begins', () => {
  expect([bucketOf(0), bucketOf(4_095), bucketOf(4_096), bucketOf(2 ** 40)]).toEqual([0, 0, 1, 2 ** 28]);
  expect(bucketOf(endOf(7))).toBe(7);
  expect(bucketOf(endOf(7) + 1)).toBe(8);
});
