// How long a store keeps what it may forget. Stores with a sweep (memory, LMDB) and stores with a TTL (CQL) read the same numbers.
import { LIMITS } from '../protocol/index.ts';

export const DAY_MS = 86_400_000;

export const RETENTION = {
  /** Entries of `i:` logs. Chats' own logs stay. */
  inboxMs: LIMITS.inboxRetentionMs,
  /** The dedupe index: as long as a client may try a message again. */
  sentMs: LIMITS.sentRetentionMs,
  /** What is left of a deleted row: its stamp, so that a late write of an older one does nothing. */
  tombstoneMs: 2 * DAY_MS,
} as const;
