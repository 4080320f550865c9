// The reads of the CQL store, request by request: pages over buckets, the end of a log, rows of a partition. Each request is of one
// partition and bounded; how long it may take is the business of whoever asks the server (`Ask`).
import type { types } from 'cassandra-driver';
import type { Entry, LogId, PageLimit, Row, Table } from '../store.ts';
import { bucketOf, endOf, N_MAX, stampOf } from './keys.ts';
import { ofLog, ofTable, SENT } from './statements.ts';

export interface AskOptions {
  readonly fetchSize?: number;
  readonly pageState?: string;
}
export type Ask = (query: string, params: readonly unknown[], options?: AskOptions) => Promise<types.ResultSet>;

/** Buckets that a read of an inbox skips at once, when their entries have expired. */
const SKIP_AT_ONCE = 16;
/** A range of more buckets than this is not a range but "to the end": 4 million entries. */
const FAR_BUCKETS = 1_024;

export class Reads {
  private readonly ask: Ask;
  private readonly pageRowsMax: number;

  constructor(ask: Ask, pageRowsMax: number) {
    this.ask = ask;
    this.pageRowsMax = pageRowsMax;
  }

  async log(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Promise<Entry[]> {
    const page = new Page(limit);
    const low = Math.max(0, from);
    if (low > to || low > N_MAX || limit.entries <= 0) return page.entries;
    if (back) await this.pageBack(page, log, low, to);
    else await this.pageUp(page, log, low, to);
    return page.entries;
  }

  /** Numbers are dense: a bucket that is not full is the last. Only an inbox has buckets that are empty and not behind its end. */
  private async pageUp(page: Page, log: LogId, from: number, to: number): Promise<void> {
    const expires = log.startsWith('i:');
    const far = bucketOf(Math.min(to, N_MAX)) - bucketOf(from) > FAR_BUCKETS;
    const last = expires && far ? await this.lastOf(log, from) : Math.min(to, N_MAX);
    for (let bucket = bucketOf(from); bucket <= bucketOf(last); bucket++) {
      const end = await this.readBucket(page, log, bucket, from, last, false);
      if (page.isFull || (end !== null && end < endOf(bucket))) return;
      if (end === null) {
        const next = expires ? await this.nextInUse(log, bucket + 1, bucketOf(last)) : null;
        if (next === null) return;
        bucket = next - 1;
      }
    }
  }

  private async pageBack(page: Page, log: LogId, from: number, to: number): Promise<void> {
    let bucket = bucketOf(to > N_MAX ? await this.lastOf(log, from) : to);
    let searched = to > N_MAX;
    while (bucket >= bucketOf(from)) {
      const end = await this.readBucket(page, log, bucket, from, Math.min(to, N_MAX), true);
      if (page.isFull) return;
      if (end !== null) bucket--;
      else if (searched) return;
      else {
        // Behind the end of the log, most likely: go on where it is.
        bucket = Math.min(bucket - 1, bucketOf(await this.lastOf(log, from)));
      }
      searched = true;
    }
  }

  /** Fills the page; gives the last number that was read, null when there was nothing. */
  private async readBucket(
    page: Page,
    log: LogId,
    bucket: number,
    from: number,
    to: number,
    back: boolean,
  ): Promise<number | null> {
    const statements = ofLog(log);
    const params = [log, bucket, from, to, page.room];
    const fetchSize = Math.min(page.room, this.pageRowsMax);
    let last: number | null = null;
    let pageState: string | undefined;
    do {
      const options = pageState === undefined ? { fetchSize } : { fetchSize, pageState };
      const found = await this.ask(back ? statements.back : statements.up, params, options);
      for (const row of found.rows) {
        last = Number(row.n);
        if (!page.add({ n: last, fence: Number(row.fence), bytes: row.bytes as Buffer })) return last;
      }
      pageState = found.pageState ?? undefined;
    } while (pageState !== undefined);
    return last;
  }

  private async nextInUse(log: LogId, from: number, to: number): Promise<number | null> {
    for (let first = from; first <= to; first += SKIP_AT_ONCE) {
      const count = Math.min(SKIP_AT_ONCE, to - first + 1);
      const tops = await Promise.all(Array.from({ length: count }, (_, i) => this.topOf(log, first + i)));
      const at = tops.findIndex((top) => top !== null);
      if (at !== -1) return first + at;
    }
    return null;
  }

  /** Two requests when `from` is near the end, else one for each doubling of the distance, and as many to come back. */
  async lastOf(log: LogId, from: number): Promise<number> {
    let low = bucketOf(Math.min(Math.max(from, 0), N_MAX));
    let top = await this.topOf(log, low);
    // What is known to be there may have expired, and newer entries lie in the next.
    if (top === null && from > 0) top = await this.topOf(log, ++low);
    if (top === null) return Math.max(from, 0);
    let high = Number.POSITIVE_INFINITY;
    for (let step = 1; top >= endOf(low) && high - low > 1; ) {
      const at: number = high === Number.POSITIVE_INFINITY ? low + step : Math.floor((low + high) / 2);
      step *= 2;
      const found = await this.topOf(log, at);
      if (found === null) high = at;
      else {
        low = at;
        top = found;
      }
    }
    return Math.max(from, top);
  }

  private async topOf(log: LogId, bucket: number): Promise<number | null> {
    const row = (await this.ask(ofLog(log).top, [log, bucket])).first();
    return row === null ? null : Number(row.n);
  }

  async findSent(chat: string, sender: string, device: string, id: string): Promise<number | null> {
    const row = (await this.ask(SENT.find, [chat, sender, device, id])).first();
    return row === null ? null : Number(row.n);
  }

  async row(table: Table, partition: string, key: string): Promise<Row | null> {
    const row = (await this.ask(ofTable(table).one, [partition, key])).first();
    return row === null ? null : toRow(row);
  }

  async rows(table: Table, partition: string, after: string, limit: number): Promise<Row[]> {
    const rows: Row[] = [];
    if (limit <= 0) return rows;
    const { first, after: rest } = ofTable(table);
    const fetchSize = Math.min(limit, this.pageRowsMax);
    let pageState: string | undefined;
    do {
      const options = pageState === undefined ? { fetchSize } : { fetchSize, pageState };
      const found: types.ResultSet =
        after === ''
          ? await this.ask(first, [partition, limit], options)
          : await this.ask(rest, [partition, after, limit], options);
      for (const row of found.rows) rows.push(toRow(row));
      pageState = found.pageState ?? undefined;
    } while (pageState !== undefined);
    return rows;
  }
}

function toRow(row: types.Row): Row {
  return { key: String(row.item), stamp: stampOf(Number(row.stamp)), bytes: row.bytes as Buffer };
}

class Page {
  readonly entries: Entry[] = [];
  private readonly limit: PageLimit;
  private bytes = 0;
  private closed = false;

  constructor(limit: PageLimit) {
    this.limit = limit;
  }

  /** False: it has no room for this one. */
  add(entry: Entry): boolean {
    this.bytes += entry.bytes.length;
    if (this.entries.length > 0 && this.bytes > this.limit.bytes) this.closed = true;
    else this.entries.push(entry);
    return !this.closed;
  }

  get room(): number {
    return this.limit.entries - this.entries.length;
  }

  get isFull(): boolean {
    return this.closed || this.room <= 0;
  }
}
