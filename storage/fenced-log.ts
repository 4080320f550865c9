// The fenced log: chats' logs and inboxes alike, one owner at a time, on any store. On a transactional store a log ends where its rows
// end. On others rows land one by one, late or never, and an owner opens a log by rule: read the record and the rows after its head at
// quorum, adopt what counts, say from where on its own rows count, and serve only when all that is durable.
// The rules, and the model they were tried on: docs/decisions.md. Called by the writers' loads and the reader; knows no actor.
import { counting, decodeRecord, encodeRecord, fenceAt, type LogRecord, NO_RECORD, succeed } from './log-record.ts';
import { type Entry, type LogId, type PageLimit, type Store, StoreError, type Write } from './store.ts';

/** Entries that an owner may have in flight; the index entries of so many of the newest are written again. */
export const IN_FLIGHT_MAX = 512;
/** The record is stored again after so many entries: whoever opens the log reads no more than these and what was in flight. */
export const RECORD_EVERY = 256;
/** Of one fence there is room for so many stamps. */
export const FENCE_STAMPS = 0x1_0000_0000;

const PAGE: PageLimit = { entries: 512, bytes: 8 * 1024 * 1024 };

/** A log as its owner has it. */
export interface OpenedLog {
  readonly end: number;
  /** Null: the store is transactional, and needs none. */
  readonly record: OwnedRecord | null;
}
/** The owner's copy of the record. Plain data: it crosses a mail. */
export interface OwnedRecord extends LogRecord {
  /** Of the last write of it. */
  readonly stamp: number;
  /** Not in the store yet: an empty log's record goes with its first entry, in one item, so that neither is acked alone. */
  readonly owed: boolean;
}

/** The index write of an adopted entry, as the owner of `fence` makes it; null when it has none. */
export type IndexOf = (log: LogId, entry: Entry, fence: number) => Write | null;

/**
 * Opens a log for the owner that holds `fence`. All writes of that owner to this log must be known before, and no other opening of its
 * may be under way. Rejects with `fenced` when a newer owner has opened it, else with the faults of reads, and may be tried again.
 * `commit` writes until the outcome is known: what it began, a later opening could not tell from what is durable. `foundEmpty`: an
 * earlier opening of this owner found nothing, and wrote nothing; that stands, whatever landed since, as its first entry may be under way.
 */
export async function openLog(
  store: Store,
  log: LogId,
  fence: number,
  indexOf: IndexOf,
  commit: (writes: readonly Write[]) => Promise<void>,
  foundEmpty = false,
): Promise<OpenedLog> {
  if (store.transactional) return { end: await store.lastOf(log), record: null };
  const row = await store.readRow('log', log, '');
  const before = row === null ? NO_RECORD : decodeRecord(row.bytes);
  if (before.fence > fence)
    throw new StoreError('fenced', `${log} is open under fence ${before.fence}, ours is ${fence}`);
  if (foundEmpty && before.fence < fence) return { end: 0, record: owedRecord(NO_RECORD, fence, 0) };
  const adopted = await readTail(store, log, before);
  const end = adopted.at(-1)?.n ?? before.head;
  if (before.fence === fence) {
    // Ours already: a cell of this owner had it. Whatever that one had in flight is known by now, as is what it wrote when it opened.
    const { starts, head } = before;
    return { end, record: { fence, starts, head, stamp: row?.stamp ?? 0, owed: false } };
  }
  const owed = owedRecord(before, fence, end);
  if (end === 0) return { end, record: owed };
  const record = advanced(owed, before.head);
  await commit([recordWrite(log, record), ...again(log, before, adopted, fence, indexOf)]);
  return { end, record };
}

function owedRecord(before: LogRecord, fence: number, end: number): OwnedRecord {
  return { ...succeed(before, fence, end), stamp: fence * FENCE_STAMPS, owed: true };
}

/** The record as it is to be stored with what is stored next. `head`: all up to there is known to be durable. */
export function advanced(record: OwnedRecord, head: number): OwnedRecord {
  return { ...record, head: Math.max(record.head, head), stamp: record.stamp + 1, owed: false };
}

/** Whether the record is to be stored with the next entry: because it is owed, or its head has fallen behind. */
export function recordDue(record: OwnedRecord, durable: number): boolean {
  return record.owed || durable - record.head >= RECORD_EVERY;
}

export function recordWrite(log: LogId, { fence, starts, head, stamp }: OwnedRecord): Write {
  return { t: 'put', table: 'log', partition: log, key: '', stamp, bytes: encodeRecord({ fence, starts, head }) };
}

/**
 * What counts after the record's head, up to the first number that has no row: the log's end. Of an inbox the oldest may have expired
 * while its record was not stored again: it goes on where there is something.
 */
async function readTail(store: Store, log: LogId, record: LogRecord): Promise<Entry[]> {
  const tail: Entry[] = [];
  let last = record.head;
  for (;;) {
    const page = await readEntries(store, log, last + 1, Number.MAX_SAFE_INTEGER, PAGE, false, record);
    for (const entry of page) {
      const expired = tail.length === 0 && log.startsWith('i:');
      if (entry.n !== last + 1 && !expired) return tail;
      tail.push(entry);
      last = entry.n;
    }
    if (page.length === 0) return tail;
  }
}

/** Adopted rows as they are, and the index of the last of them: what one replica had, a quorum has from now on. */
function again(log: LogId, before: LogRecord, adopted: readonly Entry[], fence: number, indexOf: IndexOf): Write[] {
  const writes: Write[] = [];
  for (const entry of adopted) {
    if (fenceAt(before.starts, entry.n) !== entry.fence)
      throw new Error(`a row of ${log} was adopted that does not count`);
    writes.push({ t: 'entry', log, n: entry.n, fence: entry.fence, bytes: entry.bytes });
  }
  for (const entry of adopted.slice(-IN_FLIGHT_MAX)) {
    const index = indexOf(log, entry, fence);
    if (index !== null) writes.push(index);
  }
  return writes;
}

/**
 * The log's entries with from ≤ n ≤ to, as `readLog` gives rows: only those that count. Without `record` the store's own is read: it
 * names the fence of every entry up to what its owner knows to be durable, so `to` may not lie beyond that.
 */
export async function readEntries(
  store: Store,
  log: LogId,
  from: number,
  to: number,
  limit: PageLimit,
  back: boolean,
  record: LogRecord | null = null,
): Promise<Entry[]> {
  if (store.transactional) return store.readLog(log, from, to, limit, back);
  // Late rows of earlier owners are rare; should they fill a page, a larger one is read, until it holds no more rows than the last.
  let seen = 0;
  for (let size = 1; ; size *= 4) {
    const larger = { entries: limit.entries * size, bytes: limit.bytes * size };
    const [rows, starts] = await Promise.all([
      store.readLog(log, from, to, larger, back),
      record?.starts ?? startsOf(store, log),
    ]);
    const found = counting(rows, starts);
    if (found.length > 0 || rows.length === seen) return within(found, limit);
    seen = rows.length;
  }
}

function within(entries: readonly Entry[], limit: PageLimit): Entry[] {
  let bytes = 0;
  const page: Entry[] = [];
  for (const entry of entries) {
    bytes += entry.bytes.length;
    if (page.length === limit.entries || (page.length > 0 && bytes > limit.bytes)) break;
    page.push(entry);
  }
  return page;
}

async function startsOf(store: Store, log: LogId): Promise<LogRecord['starts']> {
  const row = await store.readRow('log', log, '');
  return row === null ? [] : decodeRecord(row.bytes).starts;
}
