// The durable part of the memory store: what outlives a crash of the processes that write to it. Pure data and rules,
// no time, no promises; memory-store.ts is a process's view of it.
import { RETENTION } from '../retention.ts';
import type { Entry, FenceRow, LogId, PageLimit, Row, Table, Write } from '../store.ts';

interface Stored extends Entry {
  readonly writtenAt: number;
}
interface Cell {
  readonly stamp: number;
  /** Null: deleted; the stamp stays for a while. */
  readonly bytes: Uint8Array | null;
  readonly writtenAt: number;
}
interface Sent {
  readonly n: number;
  readonly writtenAt: number;
}

/** A process that has the disk open: all that a crash has to know of it. */
export interface DiskUser {
  crash(random: () => number): void;
}

export class MemoryDisk {
  /** One for all shards; null before the first taking. */
  taken: FenceRow | null = null;
  private readonly logs = new Map<LogId, Stored[]>();
  /** Where a log's numbers go on when its entries have expired. */
  private readonly heads = new Map<LogId, number>();
  private readonly sent = new Map<string, Sent>();
  private readonly partitions = new Map<string, Map<string, Cell>>();
  private readonly users = new Set<DiskUser>();

  attach(user: DiskUser): void {
    this.users.add(user);
  }

  detach(user: DiskUser): void {
    this.users.delete(user);
  }

  /**
   * The machine stops: every process that has the disk open is gone. Of the commits that each had in flight, `random` draws
   * how many are on disk: each wholly or not at all, and none without those that its process had begun before.
   */
  crash(random: () => number): void {
    for (const user of [...this.users]) user.crash(random);
    this.users.clear();
  }

  apply(writes: readonly Write[], wallNow: number): void {
    for (const write of writes) this.applyOne(write, wallNow);
  }

  private applyOne(write: Write, writtenAt: number): void {
    if (write.t === 'entry') {
      const { n, fence, bytes } = write;
      this.insert(write.log, { n, fence, bytes: bytes.slice(), writtenAt });
    } else if (write.t === 'sent') {
      this.sent.set(sentKey(write.chat, write.sender, write.device, write.id), { n: write.n, writtenAt });
    } else {
      const name = partitionName(write.table, write.partition);
      let rows = this.partitions.get(name);
      if (rows === undefined) {
        rows = new Map();
        this.partitions.set(name, rows);
      }
      const before = rows.get(write.key);
      if (before !== undefined && before.stamp > write.stamp) return;
      rows.set(write.key, { stamp: write.stamp, bytes: write.t === 'put' ? write.bytes.slice() : null, writtenAt });
    }
  }

  private insert(log: LogId, entry: Stored): void {
    let entries = this.logs.get(log);
    if (entries === undefined) {
      entries = [];
      this.logs.set(log, entries);
    }
    const at = lowerBound(entries, entry.n, entry.fence);
    const there = entries[at];
    const same = there !== undefined && there.n === entry.n && there.fence === entry.fence;
    entries.splice(at, same ? 1 : 0, entry);
  }

  readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Entry[] {
    const entries = this.logs.get(log) ?? [];
    const first = lowerBound(entries, from, 0);
    const end = lowerBound(entries, to + 1, 0);
    const page: Entry[] = [];
    let bytes = 0;
    for (let i = 0; i < end - first && page.length < limit.entries; i++) {
      const entry = entries[back ? end - 1 - i : first + i];
      if (entry === undefined) break;
      bytes += entry.bytes.length;
      if (page.length > 0 && bytes > limit.bytes) break;
      page.push({ n: entry.n, fence: entry.fence, bytes: entry.bytes.slice() });
    }
    return page;
  }

  get fence(): number {
    return this.taken?.fence ?? 0;
  }

  get owner(): string {
    return this.taken?.owner ?? '';
  }

  lastOf(log: LogId): number {
    return this.logs.get(log)?.at(-1)?.n ?? this.heads.get(log) ?? 0;
  }

  findSent(chat: string, sender: string, device: string, id: string): number | null {
    return this.sent.get(sentKey(chat, sender, device, id))?.n ?? null;
  }

  readRow(table: Table, partition: string, key: string): Row | null {
    const cell = this.partitions.get(partitionName(table, partition))?.get(key);
    return cell === undefined || cell.bytes === null ? null : { key, stamp: cell.stamp, bytes: cell.bytes.slice() };
  }

  readRows(table: Table, partition: string, after: string, limit: number): Row[] {
    const rows: Row[] = [];
    for (const [key, cell] of this.partitions.get(partitionName(table, partition)) ?? []) {
      if (cell.bytes !== null && (after === '' || key > after))
        rows.push({ key, stamp: cell.stamp, bytes: cell.bytes });
    }
    rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    return rows.slice(0, limit).map((row) => ({ ...row, bytes: row.bytes.slice() }));
  }

  expire(wallNow: number, limit: number): number {
    let left = limit;
    for (const [log, entries] of this.logs) {
      if (left === 0) break;
      if (!log.startsWith('i:')) continue;
      let old = 0;
      for (const entry of entries) {
        if (old === left || entry.writtenAt + RETENTION.inboxMs > wallNow) break;
        old++;
      }
      this.heads.set(log, this.lastOf(log));
      entries.splice(0, old);
      if (entries.length === 0) this.logs.delete(log);
      left -= old;
    }
    for (const [key, sent] of this.sent) {
      if (left === 0) break;
      if (sent.writtenAt + RETENTION.sentMs > wallNow) continue;
      this.sent.delete(key);
      left--;
    }
    for (const rows of this.partitions.values()) {
      for (const [key, cell] of rows) {
        if (left === 0) break;
        if (cell.bytes !== null || cell.writtenAt + RETENTION.tombstoneMs > wallNow) continue;
        rows.delete(key);
        left--;
      }
    }
    return limit - left;
  }
}

export function createMemoryDisk(): MemoryDisk {
  return new MemoryDisk();
}

function lowerBound(entries: readonly Stored[], n: number, fence: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry !== undefined && (entry.n < n || (entry.n === n && entry.fence < fence))) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sentKey(chat: string, sender: string, device: string, id: string): string {
  return JSON.stringify([chat, sender, device, id]);
}

function partitionName(table: Table, partition: string): string {
  return `${table}:${partition}`;
}
