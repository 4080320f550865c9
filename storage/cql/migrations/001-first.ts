// The first schema. Traps are in docs/decisions.md: rows with stamps are only ever written `USING TIMESTAMP`, and never lie in a table of
// time windows; fences are only ever written by lightweight transactions.
import type { Migration } from './migration.ts';

/** Mutable rows: read alone or in the order of their keys, overwritten often. Levels bound what a read has to merge. */
const rows = (name: string, more = ''): string =>
  `CREATE TABLE IF NOT EXISTS {keyspace}.${name} (
    part text, item text, bytes blob, PRIMARY KEY (part, item)
  ) WITH compaction = {'class': 'LeveledCompactionStrategy'}${more}`;

/** Entries: written once, read newest first. Compression as the server likes it: the two name its options differently. */
const entries = (name: string, more = ''): string =>
  `CREATE TABLE IF NOT EXISTS {keyspace}.${name} (
    log text, bucket bigint, n bigint, fence bigint, bytes blob, PRIMARY KEY ((log, bucket), n, fence)
  ) WITH CLUSTERING ORDER BY (n DESC, fence DESC)${more}`;

export const first: Migration = {
  id: 1,
  name: 'first',
  statements: [
    entries('messages'),
    // 30 days. Windows of two days: about 15 at a time, each dropped whole.
    entries(
      'inbox',
      ` AND default_time_to_live = 2592000 AND gc_grace_seconds = 86400
    AND compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', 'compaction_window_size': 2}`,
    ),
    // 14 days, by TTL alone: written with the fence as its timestamp, which windows of time would misread.
    `CREATE TABLE IF NOT EXISTS {keyspace}.sent_index (
    chat text, sender text, device text, id text, n bigint, PRIMARY KEY ((chat, sender, device), id)
  ) WITH default_time_to_live = 1209600 AND gc_grace_seconds = 86400`,
    rows('logs'),
    rows('chats'),
    rows('cursors'),
    rows('users'),
    rows('devices'),
    rows('user_chats'),
    // A mark comes and goes with each burst of a chat: its tombstones go after the time that hints are kept (3 h).
    rows('shard_dirty', ' AND gc_grace_seconds = 10800'),
    `CREATE TABLE IF NOT EXISTS {keyspace}.shard_fence (
    shard int PRIMARY KEY, fence bigint, owner text, epoch bigint, taking text
  )`,
  ],
};
