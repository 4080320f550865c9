// The statements of the store, each prepared once by the driver. All of them for one partition; the words of the schema are
// migrations/.
import type { LogId, Table } from '../store.ts';

const TABLES: Readonly<Record<Table, string>> = {
  chat: 'chats',
  cursor: 'cursors',
  dirty: 'shard_dirty',
  user: 'users',
  device: 'devices',
  userChat: 'user_chats',
  log: 'logs',
};

interface LogStatements {
  readonly insert: string;
  readonly up: string;
  readonly back: string;
  /** The newest entry of a bucket. */
  readonly top: string;
}

interface RowStatements {
  readonly put: string;
  readonly del: string;
  readonly one: string;
  readonly first: string;
  readonly after: string;
}

const logStatements = (table: string): LogStatements => {
  const range = `SELECT n, fence, bytes FROM ${table} WHERE log = ? AND bucket = ? AND n >= ? AND n <= ?`;
  return {
    insert: `INSERT INTO ${table} (log, bucket, n, fence, bytes) VALUES (?, ?, ?, ?, ?)`,
    up: `${range} ORDER BY n ASC, fence ASC LIMIT ?`,
    back: `${range} ORDER BY n DESC, fence DESC LIMIT ?`,
    top: `SELECT n FROM ${table} WHERE log = ? AND bucket = ? LIMIT 1`,
  };
};

const rowStatements = (table: string): RowStatements => {
  const columns = 'SELECT item, bytes, WRITETIME(bytes) AS stamp';
  return {
    put: `INSERT INTO ${table} (part, item, bytes) VALUES (?, ?, ?) USING TIMESTAMP ?`,
    del: `DELETE FROM ${table} USING TIMESTAMP ? WHERE part = ? AND item = ?`,
    one: `${columns} FROM ${table} WHERE part = ? AND item = ?`,
    first: `${columns} FROM ${table} WHERE part = ? LIMIT ?`,
    after: `${columns} FROM ${table} WHERE part = ? AND item > ? LIMIT ?`,
  };
};

const MESSAGES = logStatements('messages');
const INBOX = logStatements('inbox');
export const ofLog = (log: LogId): LogStatements => (log.startsWith('i:') ? INBOX : MESSAGES);

const ROWS = Object.fromEntries(
  Object.entries(TABLES).map(([table, name]) => [table, rowStatements(name)]),
) as unknown as Readonly<Record<Table, RowStatements>>;
export const ofTable = (table: Table): RowStatements => ROWS[table];

export const SENT = {
  insert: 'INSERT INTO sent_index (chat, sender, device, id, n) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?',
  find: 'SELECT n FROM sent_index WHERE chat = ? AND sender = ? AND device = ? AND id = ?',
} as const;

/** Every write a lightweight transaction: a plain one beside them would be lost, or win for ever. */
export const FENCE = {
  read: 'SELECT fence, epoch, taking FROM shard_fence WHERE shard = ?',
  first: 'INSERT INTO shard_fence (shard, fence, owner, epoch, taking) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS',
  next: 'UPDATE shard_fence SET fence = ?, owner = ?, epoch = ?, taking = ? WHERE shard = ? IF fence = ?',
  all: 'SELECT shard, fence, owner, epoch FROM shard_fence',
} as const;
