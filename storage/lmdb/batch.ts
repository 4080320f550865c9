// Turns writes into the puts of one transaction: keys and values in one buffer, stamps compared, due marks added.
// Knows the layout, not the database: a row's stored stamp comes through `storedStamp`. Filled by lmdb-store.ts.
import { DAY_MS, RETENTION } from '../retention.ts';
import type { LogId, Write } from '../store.ts';
import { Bytes, DUE, dueKey, entryKey, N_MAX, ROW_DELETED, ROW_LIVE, rowKey, sentKey } from './keys.ts';

/** Names in a key, their length bytes, tags, and a value's header, times the two keys that a write can have. */
const OVERHEAD_BYTES = 128;
const DUE_SEEN_MAX = 65_536;

export interface Batch {
  readonly keys: Buffer[];
  /** As many as keys; null deletes. */
  readonly values: (Buffer | null)[];
  /** To remember when the batch is stored: due marks that need not be written again. */
  readonly marked: ReadonlySet<string>;
  /** What it may add to the file, roughly. */
  readonly bytes: number;
}

/** Due marks known to be stored: one a log and day is enough, so a busy log pays for it once. */
export class DueMarks {
  private readonly seen = new Set<string>();

  has(mark: string): boolean {
    return this.seen.has(mark);
  }

  remember(marks: Iterable<string>): void {
    if (this.seen.size > DUE_SEEN_MAX) this.seen.clear();
    for (const mark of marks) this.seen.add(mark);
  }

  forget(): void {
    this.seen.clear();
  }
}

export function buildBatch(
  writes: readonly Write[],
  wallNow: number,
  dueMarks: DueMarks,
  storedStamp: (key: Buffer) => number | null,
): Batch {
  const to = new Bytes(sizeOf(writes));
  const keys: Buffer[] = [];
  const values: (Buffer | null)[] = [];
  const marked = new Set<string>();
  const stamps = new Map<string, number>();
  const day = Math.floor(wallNow / DAY_MS);

  const put = (key: Buffer, value: Buffer | null) => {
    keys.push(key);
    values.push(value);
  };
  const markLog = (log: LogId, what: number, keptMs: number) => {
    const due = dueDay(wallNow, keptMs);
    const mark = `${due}${log}`;
    if (dueMarks.has(mark) || marked.has(mark)) return;
    marked.add(mark);
    put(dueKey(to, due, what, Buffer.from(log)), to.start().taken());
  };

  for (const write of writes) {
    if (write.t === 'entry') {
      checkNumber(write.n);
      const key = entryKey(to, write.log, write.n, write.fence);
      to.start();
      if (write.log.startsWith('i:')) {
        to.u32(Math.floor(wallNow / 1_000));
        put(key, to.raw(write.bytes).taken());
        markLog(write.log, DUE.entries, RETENTION.inboxMs);
      } else {
        put(key, to.raw(write.bytes).taken());
      }
    } else if (write.t === 'sent') {
      checkNumber(write.n);
      const key = sentKey(to, write.chat, day, write.sender, write.device, write.id);
      put(key, to.start().u48(write.n).taken());
      markLog(`c:${write.chat}`, DUE.sent, RETENTION.sentMs);
    } else {
      const key = rowKey(to, write.table, write.partition, write.key);
      const name = key.toString('latin1');
      const stored = stamps.get(name) ?? storedStamp(key);
      if (stored !== null && stored > write.stamp) continue;
      stamps.set(name, write.stamp);
      to.start();
      if (write.t === 'put') {
        put(key, to.u8(ROW_LIVE).f64(write.stamp).raw(write.bytes).taken());
      } else {
        const due = dueDay(wallNow, RETENTION.tombstoneMs);
        put(key, to.u8(ROW_DELETED).f64(write.stamp).u32(due).taken());
        put(dueKey(to, due, DUE.tombstone, key), to.start().taken());
      }
    }
  }
  return { keys, values, marked, bytes: to.at };
}

/** The first day on which all that was written on `wallNow`'s day has been kept for `keptMs`. */
export function dueDay(wallNow: number, keptMs: number): number {
  return Math.floor((wallNow + keptMs) / DAY_MS) + 1;
}

function sizeOf(writes: readonly Write[]): number {
  let size = 0;
  for (const write of writes) {
    // A text of n UTF-16 units is at most 3 n bytes; twice, for the due mark's key.
    if (write.t === 'entry') size += write.bytes.length + 6 * write.log.length;
    else if (write.t === 'sent') {
      size += 6 * write.chat.length + 3 * (write.sender.length + write.device.length + write.id.length);
    } else size += 6 * (write.partition.length + write.key.length) + (write.t === 'put' ? write.bytes.length : 0);
    size += OVERHEAD_BYTES;
  }
  return size;
}

function checkNumber(n: number): void {
  if (!Number.isInteger(n) || n < 0 || n > N_MAX) throw new RangeError(`${n} numbers no entry`);
}
