// The store seam: what every store (memory, LMDB, CQL) can do, and no more. Contract: storage/contract.ts runs against each.
// Knows logs, rows and fences; knows nothing of actors, frames or sockets.

/** A log's name: `c:<chat id>` for a chat's messages, `i:<user id>` for a user's inbox. */
export type LogId = `c:${string}` | `i:${string}`;

/** One entry of a fenced log. `n` counts from 1 without gaps; `fence` is the writing owner's. */
export interface Entry {
  readonly n: number;
  readonly fence: number;
  readonly bytes: Uint8Array;
}

/** Mutable rows by table. A partition holds rows by key: one partition a user, a chat or a shard. */
export type Table =
  | 'chat' //        (chat, '')          a chat's snapshot: settings, members, log record
  | 'cursor' //      (chat, user)        delivered, read, settled
  | 'dirty' //       (shard, chat)       chats with unsettled messages
  | 'user' //        (user, '')          profile, privacy, last seen
  | 'device' //      (user, device)      a device and its inbox cursor
  | 'userChat' //    (user, chat)        what a user's chat list shows
  | 'log'; //        (log id, '')        the record of a fenced log: whose rows count

/** A fence as it was last taken. `epoch` is the highest that any taker of it named, 0 if none did. */
export interface FenceRow {
  readonly shard: number;
  readonly fence: number;
  readonly owner: string;
  readonly epoch: number;
}

export interface Row {
  readonly key: string;
  readonly stamp: number;
  readonly bytes: Uint8Array;
}

/**
 * One thing to store. `put` and `del` carry a stamp (from a fence and a counter, never a clock): the highest stamp wins,
 * a write with a lower one than the row's does nothing; two different writes of one stamp are the caller's fault, and which of them
 * wins is the store's choice. `sent` is the dedupe index, kept for 14 days, where the newest fence wins (a transactional store need
 * not look: there the newest write is the newest fence's); entries of `i:` logs are kept for 30.
 */
export type Write =
  | { readonly t: 'entry'; readonly log: LogId; readonly n: number; readonly fence: number; readonly bytes: Uint8Array }
  | {
      readonly t: 'sent';
      readonly chat: string;
      readonly sender: string;
      readonly device: string;
      readonly id: string;
      readonly n: number;
      /** The writing owner's. */
      readonly fence: number;
    }
  | {
      readonly t: 'put';
      readonly table: Table;
      readonly partition: string;
      readonly key: string;
      readonly stamp: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly t: 'del';
      readonly table: Table;
      readonly partition: string;
      readonly key: string;
      readonly stamp: number;
    };

/**
 * `full`: no room, nothing was written. `failed`: nothing was written. `unknown`: may or may not have been; write the same again.
 * `fenced`: another owner has taken over, never try again.
 */
export type StoreFault = 'full' | 'failed' | 'unknown' | 'fenced';
export class StoreError extends Error {
  readonly fault: StoreFault;
  constructor(fault: StoreFault, message: string) {
    super(message);
    this.name = 'StoreError';
    this.fault = fault;
  }
}

export interface PageLimit {
  readonly entries: number;
  /** Stop before the sum of `bytes` passes this, but always give one entry. */
  readonly bytes: number;
}

export interface Store {
  readonly name: string;
  /**
   * True (memory, LMDB): a commit is one transaction, and one of an older fence is refused inside it, so a number of a log has one row.
   * False (CQL): writes land one by one, late, or never, those of older fences too. The caller keeps the rules of the fenced log.
   */
  readonly transactional: boolean;
  /** Durable when it resolves. On memory and LMDB one call is atomic; callers never rely on that across partitions. Rejects with StoreError. */
  commit(writes: readonly Write[]): Promise<void>;
  /**
   * Entries with from ≤ n ≤ to: ascending from `from`, or with `back` descending from `to`; raw, those of every fence, by (n, fence).
   * A store of buckets counts on dense numbers: one that finds a whole bucket of a chat's log empty takes it for the log's end.
   */
  readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Promise<Entry[]>;
  /**
   * The number of the last entry, of whatever fence; 0 for an empty log. `from`: a number that the log is known to have reached; the
   * search begins there, which bounds its reads, and the answer is never less, even when that entry has expired.
   */
  lastOf(log: LogId, from?: number): Promise<number>;
  /** The number that (sender, device, id) was stored under in this chat, or null. */
  findSent(chat: string, sender: string, device: string, id: string): Promise<number | null>;
  readRow(table: Table, partition: string, key: string): Promise<Row | null>;
  /** Rows of a partition in key order, after `after` ('' from the start). */
  readRows(table: Table, partition: string, after: string, limit: number): Promise<Row[]>;
  /**
   * Take the next fence of a shard for `owner`, which no other taking is ever given; all later writes of lower fences are void. The
   * epoch of the ring that says so is kept with it. Single-node stores have one fence for all shards.
   */
  takeFence(shard: number, owner: string, epoch?: number): Promise<number>;
  /** All fences that were ever taken, as they were taken last, by shard: from them an epoch is rebuilt. Single-node stores have one. */
  fences(): Promise<FenceRow[]>;
  /** Delete at most `limit` things older than their retention at `wallNow`; resolves to how many. CQL does this by TTL. */
  expire(wallNow: number, limit: number): Promise<number>;
  close(): Promise<void>;
}
