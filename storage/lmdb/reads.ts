// The reads of the LMDB store: synchronous, from the memory map. No promises, no writes; used by the store and its sweep.
import type { Database } from 'lmdb';
import type { Entry, LogId, PageLimit, Row, Table } from '../store.ts';
import {
  afterPrefix,
  Bytes,
  countDown,
  entryOfKey,
  logKey,
  N_MAX,
  PART,
  ROW_LIVE,
  rowKey,
  sentPrefix,
} from './keys.ts';

export type Db = Database<Buffer, Buffer>;

const KEY_BYTES = 2_048;
/** Kind and stamp of a row. */
export const ROW_HEADER_BYTES = 9;
/** Write time of an inbox entry. */
export const INBOX_HEADER_BYTES = 4;

export class Reads {
  readonly db: Db;
  private readonly low = new Bytes(KEY_BYTES);
  private readonly high = new Bytes(KEY_BYTES);

  constructor(db: Db) {
    this.db = db;
  }

  log(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Entry[] {
    const low = this.entriesFrom(this.low, log, from);
    const high = this.entriesFrom(this.high, log, to + 1);
    const header = log.startsWith('i:') ? INBOX_HEADER_BYTES : 0;
    const page: Entry[] = [];
    let bytes = 0;
    for (const { key, value } of this.range(low, high, limit.entries, back)) {
      bytes += value.length - header;
      if (page.length > 0 && bytes > limit.bytes) break;
      page.push({ ...entryOfKey(key), bytes: value.subarray(header) });
    }
    return page;
  }

  lastOf(log: LogId): number {
    const low = this.entriesFrom(this.low, log, 0);
    const high = this.entriesFrom(this.high, log, N_MAX);
    for (const { key } of this.range(low, high, 1, true)) return entryOfKey(key).n;
    this.low.at = 0;
    return this.db.get(logKey(this.low, log, PART.head).taken())?.readUIntBE(0, 6) ?? 0;
  }

  /** The days that a chat has a dedupe index of are few, at most 16: each is asked, the newest first. */
  findSent(chat: string, sender: string, device: string, id: string): number | null {
    this.high.at = 0;
    const end = logKey(this.high, `c:${chat}`, PART.end).taken();
    for (let day = 0xffff; ; ) {
      this.low.at = 0;
      const start = sentPrefix(this.low, chat, day).taken();
      let found: number | null = null;
      for (const { key } of this.range(start, end, 1, false)) found = countDown(key.readUInt16BE(start.length - 2));
      if (found === null) return null;
      this.low.at = 0;
      const n = this.db.get(sentPrefix(this.low, chat, found).text(sender).text(device).tail(id).taken());
      if (n !== undefined) return n.readUIntBE(0, 6);
      day = found - 1;
    }
  }

  row(table: Table, partition: string, key: string): Row | null {
    this.low.at = 0;
    const value = this.db.get(rowKey(this.low, table, partition, key));
    return value === undefined ? null : toRow(key, value);
  }

  rows(table: Table, partition: string, after: string, limit: number): Row[] {
    this.low.at = 0;
    this.high.at = 0;
    const prefix = rowKey(this.high, table, partition, '');
    let start = rowKey(this.low, table, partition, after);
    // The least key behind `after` is `after` and a zero byte.
    if (after !== '') start = Buffer.concat([start, Buffer.of(0)]);
    const rows: Row[] = [];
    if (limit <= 0) return rows;
    for (const { key, value } of this.range(start, afterPrefix(prefix))) {
      const row = toRow(key.toString('utf8', prefix.length), value);
      if (row !== null) rows.push(row);
      if (rows.length === limit) break;
    }
    return rows;
  }

  /** The stamp of a row, a deleted one too. */
  stampAt(key: Buffer): number | null {
    const value = this.db.getBinaryFast(key);
    return value === undefined ? null : value.readDoubleBE(1);
  }

  /** With low < key < high for bounds that are no keys themselves, such as prefixes; `back` from the end. */
  range(low: Buffer, high: Buffer, limit?: number, back = false): Iterable<{ key: Buffer; value: Buffer }> {
    const bounds = back ? { start: high, end: low, reverse: true } : { start: low, end: high };
    return this.db.getRange(limit === undefined ? bounds : { ...bounds, limit });
  }

  private entriesFrom(to: Bytes, log: LogId, n: number): Buffer {
    to.at = 0;
    return logKey(to, log, PART.entries)
      .u48(Math.min(Math.max(n, 0), N_MAX))
      .taken();
  }
}

function toRow(key: string, value: Buffer): Row | null {
  if (value[0] !== ROW_LIVE) return null;
  return { key, stamp: value.readDoubleBE(1), bytes: value.subarray(ROW_HEADER_BYTES) };
}
