import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  counting,
  decodeRecord,
  encodeRecord,
  fenceAt,
  type LogRecord,
  NO_RECORD,
  type Segment,
  succeed,
} from './log-record.ts';

const NONE = new Uint8Array(0);
const row = (n: number, fence: number) => ({ n, fence, bytes: NONE });
/** Owners one after the other, each of which finds the log to end there. */
const owners = fc.array(fc.record({ skip: fc.integer({ min: 1, max: 3 }), end: fc.nat(20) }), { maxLength: 8 });
const recordOf = (list: readonly { readonly skip: number; readonly end: number }[]): LogRecord =>
  list.reduce((record, { skip, end }) => succeed(record, record.fence + skip, Math.max(end, record.head)), NO_RECORD);

describe('whose row counts', () => {
  test('that of the last segment that starts at or before it', () => {
    const starts: Segment[] = [
      [2, 1],
      [5, 4],
      [9, 4],
      [11, 7],
    ];
    expect([0, 1, 3, 4, 6, 7, 99].map((n) => fenceAt(starts, n))).toEqual([0, 2, 2, 9, 9, 11, 11]);
    expect(fenceAt([], 1)).toBe(0);
  });

  test('each of any record, as the rule says it word for word', () => {
    fc.assert(
      fc.property(owners, fc.nat(30), (list, n) => {
        const { starts } = recordOf(list);
        expect(fenceAt(starts, n)).toBe(starts.filter(([, first]) => first <= n).at(-1)?.[0] ?? 0);
      }),
    );
  });

  test('of many rows of a number one at the most', () => {
    const rows = [row(1, 1), row(1, 2), row(2, 1), row(2, 2), row(3, 2)];
    expect(
      counting(rows, [
        [1, 1],
        [2, 2],
      ]),
    ).toEqual([row(1, 1), row(2, 2), row(3, 2)]);
    expect(counting(rows, [])).toEqual([]);
  });
});

describe('a successor', () => {
  test('leaves out segments beyond the end that it found', () => {
    const record: LogRecord = {
      fence: 3,
      starts: [
        [1, 1],
        [2, 5],
        [3, 8],
      ],
      head: 2,
    };
    expect(succeed(record, 7, 4)).toEqual({
      fence: 7,
      starts: [
        [1, 1],
        [7, 5],
      ],
      head: 2,
    });
    expect(succeed(record, 7, 5).starts).toEqual([
      [1, 1],
      [2, 5],
      [7, 6],
    ]);
    expect(succeed(NO_RECORD, 1, 0)).toEqual({ fence: 1, starts: [[1, 1]], head: 0 });
  });

  test('of the same or a newer owner is a fault of the caller', () => {
    expect(() => succeed({ fence: 3, starts: [], head: 0 }, 3, 0)).toThrow();
    expect(() => succeed({ fence: 3, starts: [], head: 0 }, 2, 0)).toThrow();
  });

  test('changes nothing up to the end, and owns all that follows', () => {
    fc.assert(
      fc.property(owners, fc.nat(20), (list, end) => {
        const before = recordOf(list);
        const after = succeed(before, before.fence + 1, end);
        for (let n = 1; n <= end; n++) expect(fenceAt(after.starts, n)).toBe(fenceAt(before.starts, n));
        for (let n = end + 1; n < end + 5; n++) expect(fenceAt(after.starts, n)).toBe(after.fence);
        expect(after.head).toBe(before.head);
      }),
    );
  });

  test('keeps segments ascending, by fence and by number, and no more than there were owners', () => {
    fc.assert(
      fc.property(owners, (list) => {
        const { starts } = recordOf(list);
        expect(starts.length).toBeLessThanOrEqual(list.length);
        for (let i = 1; i < starts.length; i++) {
          expect(starts[i]?.[0]).toBeGreaterThan(starts[i - 1]?.[0] ?? 0);
          expect(starts[i]?.[1]).toBeGreaterThan(starts[i - 1]?.[1] ?? 0);
        }
      }),
    );
  });
});

test('what is stored comes back, and another format is refused', () => {
  fc.assert(
    fc.property(owners, fc.nat(), (list, head) => {
      const record = { ...recordOf(list), head };
      expect(decodeRecord(encodeRecord(record))).toEqual(record);
    }),
  );
  const other = encodeRecord(NO_RECORD).slice();
  other[1] = 2;
  expect(() => decodeRecord(other)).toThrow('format 2');
});
