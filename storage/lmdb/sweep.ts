// The sweep of the LMDB store: finds what is past its retention by the due marks, oldest first, without a scan of the rest.
// Reads only; the store deletes what it finds, in one transaction with the marks that are done with.
import { DAY_MS, RETENTION } from '../retention.ts';
import type { LogId } from '../store.ts';
import { afterPrefix, Bytes, countDown, DUE, entryOfKey, logKey, PART, ROW_DELETED, TAG } from './keys.ts';
import { type Reads, ROW_HEADER_BYTES } from './reads.ts';

export interface Sweep {
  readonly keys: Buffer[];
  /** As many as keys; null deletes. */
  readonly values: (Buffer | null)[];
  /** How many things of the seam it deletes: marks and heads are not counted. */
  found: number;
}

const DUE_PREFIX_BYTES = 6;
const MARKS_MAX = 4_096;

export function findExpired(reads: Reads, wallNow: number, limit: number): Sweep {
  const sweep: Sweep = { keys: [], values: [], found: 0 };
  const today = Math.floor(wallNow / DAY_MS);
  const low = new Bytes(8).start().u8(TAG.due).u32(0).taken();
  const high = new Bytes(8)
    .start()
    .u8(TAG.due)
    .u32(today + 1)
    .taken();
  for (const { key } of reads.range(low, high, Math.min(limit, MARKS_MAX))) {
    const left = limit - sweep.found;
    if (left <= 0) break;
    const rest = key.subarray(DUE_PREFIX_BYTES);
    const what = key[DUE_PREFIX_BYTES - 1];
    const log = rest.toString() as LogId;
    let done = true;
    if (what === DUE.entries) done = expireEntries(reads, sweep, log, wallNow, left);
    else if (what === DUE.sent) done = expireSent(reads, sweep, log, key.readUInt32BE(1), left);
    else if (what === DUE.tombstone) expireTombstone(reads, sweep, rest, today);
    if (done) remove(sweep, key);
  }
  return sweep;
}

/** False: more is left than the limit allows. Entries lie in the order of their numbers, so of their times. */
function expireEntries(reads: Reads, sweep: Sweep, log: LogId, wallNow: number, limit: number): boolean {
  const prefix = logKey(new Bytes(1_024), log, PART.entries).taken();
  const seconds = Math.floor((wallNow - RETENTION.inboxMs) / 1_000);
  let last = 0;
  let count = 0;
  let emptied = true;
  for (const { key, value } of reads.range(prefix, afterPrefix(prefix))) {
    if (value.readUInt32BE(0) > seconds) {
      emptied = false;
      break;
    }
    if (count === limit) return false;
    count++;
    remove(sweep, key);
    sweep.found++;
    last = entryOfKey(key).n;
  }
  // A log's numbers never start anew: devices hold cursors on them.
  if (emptied && last > 0) {
    sweep.keys.push(logKey(new Bytes(1_024), log, PART.head).taken());
    sweep.values.push(new Bytes(8).start().u48(last).taken());
  }
  return true;
}

function expireSent(reads: Reads, sweep: Sweep, log: LogId, due: number, limit: number): boolean {
  // Of every day whose things were due by then: the index counts days down, so the range starts at the newest of them.
  const newest = due - 1 - RETENTION.sentMs / DAY_MS;
  const start = logKey(new Bytes(1_024), log, PART.sent).u16(countDown(newest)).taken();
  const end = logKey(new Bytes(1_024), log, PART.end).taken();
  let count = 0;
  for (const { key } of reads.range(start, end, limit + 1)) {
    if (count === limit) return false;
    count++;
    remove(sweep, key);
    sweep.found++;
  }
  return true;
}

/** The row may have been put again since, or deleted again later: then it has another mark, or needs none. */
function expireTombstone(reads: Reads, sweep: Sweep, row: Buffer, today: number): void {
  const value = reads.db.get(row);
  if (value === undefined || value[0] !== ROW_DELETED || value.readUInt32BE(ROW_HEADER_BYTES) > today) return;
  remove(sweep, row);
  sweep.found++;
}

function remove(sweep: Sweep, key: Buffer): void {
  sweep.keys.push(key);
  sweep.values.push(null);
}
