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
  | 'userChat'; //   (user, chat)        what a user's chat list shows

export interface Row {
  readonly key: string;
  readonly stamp: number;
  readonly bytes: Uint8Array;
}

/**
 * One thing to store. `put` and `del` carry a stamp (from a fence and a counter, never a clock): the highest stamp wins,
 * a write with a lower one than the row's does nothing. `sent` is the dedupe index, kept for 14 days; entries of `i:` logs for 30.
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
  /** Durable when it resolves. On memory and LMDB one call is atomic; callers never rely on that across partitions. Rejects with StoreError. */
  commit(writes: readonly Write[]): Promise<void>;
  /** Entries with from ≤ n ≤ to: ascending from `from`, or with `back` descending from `to`. */
  readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Promise<Entry[]>;
  /** The number of the last entry, 0 for an empty log. */
  lastOf(log: LogId): Promise<number>;
  /** The number that (sender, device, id) was stored under in this chat, or null. */
  findSent(chat: string, sender: string, device: string, id: string): Promise<number | null>;
  readRow(table: Table, partition: string, key: string): Promise<Row | null>;
  /** Rows of a partition in key order, after `after` ('' from the start). */
  readRows(table: Table, partition: string, after: string, limit: number): Promise<Row[]>;
  /** Take the next fence of a shard for `owner`; all later writes of lower fences are void. Single-node stores have one fence for all shards. */
  takeFence(shard: number, owner: string): Promise<number>;
  /** Delete at most `limit` things older than their retention at `wallNow`; resolves to how many. CQL does this by TTL. */
  expire(wallNow: number, limit: number): Promise<number>;
  close(): Promise<void>;
}
