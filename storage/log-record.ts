// The record of a fenced log, pure: which owner's rows count from which number on. Rule 2 of the fenced log (docs/decisions.md): entry `n`
// belongs to the last segment that starts at or before `n`, and only a row of that segment's fence is the entry, whatever else is there.
// Knows no store; fenced-log.ts reads and writes it.
import { Packr } from 'msgpackr';
import type { Entry } from './store.ts';

/** From `first` on the rows of `fence` count, until the next segment starts. */
export type Segment = readonly [fence: number, first: number];

export interface LogRecord {
  /** Its writer's: the newest fence wins the record, whole. */
  readonly fence: number;
  /** Ascending by fence and by number. A segment without any entry is not kept, so there are no more than owners that wrote. */
  readonly starts: readonly Segment[];
  /** Everything up to here is durable: a lower bound of the log's end, stored lazily. */
  readonly head: number;
}

export const NO_RECORD: LogRecord = { fence: 0, starts: [], head: 0 };

const packr = new Packr({ useRecords: false });
const FORMAT = 1;

export function encodeRecord(record: LogRecord): Uint8Array {
  return packr.pack([FORMAT, record.fence, record.head, record.starts.flat()]);
}

export function decodeRecord(bytes: Uint8Array): LogRecord {
  const value = packr.unpack(bytes) as [number, number, number, number[]];
  if (value[0] !== FORMAT) throw new Error(`a log's record has format ${value[0]}, which this version does not know`);
  const [, fence, head, flat] = value;
  const starts: Segment[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) starts.push([flat[i] ?? 0, flat[i + 1] ?? 0]);
  return { fence, starts, head };
}

/** The fence whose row is entry `n`; 0: nobody's is. */
export function fenceAt(starts: readonly Segment[], n: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle]?.[1] ?? Number.POSITIVE_INFINITY) <= n) low = middle + 1;
    else high = middle;
  }
  return starts[low - 1]?.[0] ?? 0;
}

/** Of raw rows, those that are the log's entries, in their order. */
export function counting(rows: readonly Entry[], starts: readonly Segment[]): Entry[] {
  return rows.filter((row) => fenceAt(starts, row.n) === row.fence);
}

/** The record as `fence` writes it when it opens a log that ends at `end`. Segments beyond the end, or without an entry, go. */
export function succeed(record: LogRecord, fence: number, end: number): LogRecord {
  if (fence <= record.fence) throw new Error(`fence ${fence} does not follow ${record.fence}`);
  const kept = record.starts.filter(([, first]) => first <= end);
  return { fence, starts: [...kept, [fence, end + 1]], head: record.head };
}
