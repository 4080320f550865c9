// One replica of the database that several nodes share, and what a quorum of them says: rows as they landed, the newest stamp or fence
// first in rank, no transactions, no repair. What no caller may ever write, two contents of one row, is told.
import type { Entry, LogId, PageLimit, Row, Table, Write } from '../../storage/index.ts';

interface Cell {
  readonly stamp: number;
  /** Null: deleted. */
  readonly bytes: Uint8Array | null;
}
interface Sent {
  readonly n: number;
  readonly fence: number;
}

export class Replica {
  readonly region: number;
  /** Takes nothing and answers nothing; what it misses is kept for it. */
  isDown = false;
  readonly logs = new Map<LogId, Map<number, Map<number, Uint8Array>>>();
  readonly sent = new Map<string, Sent>();
  readonly rows = new Map<string, Map<string, Cell>>();

  constructor(region: number) {
    this.region = region;
  }

  /** Null, or what is wrong with the caller. */
  apply(write: Write): string | null {
    if (write.t === 'entry') {
      const rows = childOf(childOf(this.logs, write.log), write.n);
      const before = rows.get(write.fence);
      rows.set(write.fence, write.bytes);
      return before === undefined || isSame(before, write.bytes)
        ? null
        : `entry ${write.n} of ${write.log} has two contents under fence ${write.fence}`;
    }
    if (write.t === 'sent') {
      const key = sentKey(write.chat, write.sender, write.device, write.id);
      const before = this.sent.get(key);
      if (before === undefined || isNewer(write, before)) this.sent.set(key, { n: write.n, fence: write.fence });
      return null;
    }
    const rows = childOf(this.rows, `${write.table} ${write.partition}`);
    const bytes = write.t === 'put' ? write.bytes : null;
    const before = rows.get(write.key);
    if (before === undefined || before.stamp <= write.stamp) rows.set(write.key, { stamp: write.stamp, bytes });
    const isTwice = write.table === 'log' && before?.stamp === write.stamp && before.bytes !== null && bytes !== null;
    return isTwice && !isSame(before.bytes, bytes)
      ? `the record of ${write.partition} has two contents under stamp ${write.stamp}`
      : null;
  }
}

export function readLog(
  quorum: readonly Replica[],
  log: LogId,
  from: number,
  to: number,
  limit: PageLimit,
  back: boolean,
): Entry[] {
  const found = new Map<number, Map<number, Uint8Array>>();
  for (const replica of quorum) {
    for (const [n, rows] of replica.logs.get(log) ?? []) {
      if (n < from || n > to) continue;
      const merged = childOf(found, n);
      for (const [fence, bytes] of rows) merged.set(fence, bytes);
    }
  }
  const entries = [...found].flatMap(([n, rows]) => [...rows].map(([fence, bytes]) => ({ n, fence, bytes })));
  entries.sort((a, b) => (back ? b.n - a.n || b.fence - a.fence : a.n - b.n || a.fence - b.fence));
  const page: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.bytes.length;
    if (page.length >= limit.entries || (page.length > 0 && bytes > limit.bytes)) break;
    page.push({ ...entry, bytes: entry.bytes.slice() });
  }
  return page;
}

export function lastOf(quorum: readonly Replica[], log: LogId, from: number): number {
  let last = from;
  for (const replica of quorum) for (const n of replica.logs.get(log)?.keys() ?? []) last = Math.max(last, n);
  return last;
}

export function findSent(
  quorum: readonly Replica[],
  chat: string,
  sender: string,
  device: string,
  id: string,
): number | null {
  let newest: Sent | null = null;
  for (const replica of quorum) {
    const sent = replica.sent.get(sentKey(chat, sender, device, id));
    if (sent !== undefined && (newest === null || isNewer(sent, newest))) newest = sent;
  }
  return newest?.n ?? null;
}

export function readRows(
  quorum: readonly Replica[],
  table: Table,
  partition: string,
  after: string,
  limit: number,
): Row[] {
  const found = new Map<string, Cell>();
  for (const replica of quorum) {
    for (const [key, cell] of replica.rows.get(`${table} ${partition}`) ?? []) {
      const before = found.get(key);
      if (before === undefined || before.stamp < cell.stamp) found.set(key, cell);
    }
  }
  const rows: Row[] = [];
  for (const [key, { stamp, bytes }] of found)
    if (bytes !== null && (after === '' || key > after)) rows.push({ key, stamp, bytes: bytes.slice() });
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
}

/** Of one fence the larger number wins: the server's choice, by its bytes. */
const isNewer = (a: Sent, b: Sent): boolean => a.fence > b.fence || (a.fence === b.fence && a.n > b.n);

const sentKey = (chat: string, sender: string, device: string, id: string): string =>
  JSON.stringify([chat, sender, device, id]);

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function childOf<K, L, V>(parent: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let child = parent.get(key);
  if (child === undefined) {
    child = new Map();
    parent.set(key, child);
  }
  return child;
}
