// A store without transactions, as bad as the seam allows, for tests and models: three replicas, a commit is done when each of its rows is
// on two of them, a read asks two. Rows land one by one, in any order, late, or never; what landed on one replica is seen by some reads and
// not by others, and no read repairs anything. Nothing happens until the test says so. Transactional it is not: it checks no fence.
import type { Entry, FenceRow, LogId, PageLimit, Row, Store, StoreFault, Table, Write } from '../store.ts';
import { StoreError } from '../store.ts';

const REPLICAS = 3;
const QUORUM = 2;

interface Commit {
  readonly by: string;
  /** Rows that are not on a quorum yet. */
  open: number;
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
  settled: boolean;
}
/** One row on its way. */
export interface Flight {
  readonly write: Write;
  readonly commit: Commit;
  /** Replicas that do not have it from this write yet. */
  readonly left: number[];
}
/** A read that was asked for and not performed yet. */
export interface Asked {
  readonly by: string;
  readonly perform: () => void;
  readonly fail: (error: StoreError) => void;
}
interface Cell {
  readonly stamp: number;
  readonly bytes: Uint8Array | null;
}
class Replica {
  readonly logs = new Map<LogId, Map<number, Map<number, Uint8Array>>>();
  readonly sent = new Map<string, { readonly n: number; readonly fence: number }>();
  readonly rows = new Map<string, Map<string, Cell>>();
}

export class LandingDisk {
  readonly flights: Flight[] = [];
  readonly asked: Asked[] = [];
  /** Told of each row that lands anywhere. */
  onLanding: (write: Write, by: string) => void = () => {};
  /** What no caller may do: two contents of one row, two records of one stamp. */
  readonly faults: string[] = [];
  private readonly replicas = Array.from({ length: REPLICAS }, () => new Replica());
  private readonly fences = new Map<number, FenceRow>();
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** A process's view of it. */
  open(by: string): Store {
    const ask = <T>(read: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        this.asked.push({ by, perform: () => resolve(read()), fail: reject });
      });
    return {
      name: `landing ${by}`,
      transactional: false,
      commit: (writes) => this.commit(by, writes),
      readLog: (log, from, to, limit, back) => ask(() => this.readLog(log, from, to, limit, back)),
      lastOf: (log) => ask(() => this.readLog(log, 1, Number.MAX_SAFE_INTEGER, NO_LIMIT, false).at(-1)?.n ?? 0),
      findSent: (chat, sender, device, id) => ask(() => this.findSent(JSON.stringify([chat, sender, device, id]))),
      readRow: (table, partition, key) => ask(() => this.readRow(table, partition, key)),
      readRows: (table, partition, after, limit) => ask(() => this.readRows(table, partition, after, limit)),
      takeFence: (shard, owner, epoch = 0) => ask(() => this.take(shard, owner, epoch)),
      fences: () => ask(() => [...this.fences.values()]),
      expire: async () => 0,
      close: async () => {},
    };
  }

  /** The row of this flight arrives at one more replica, or at all that do not have it. */
  land(flight: Flight, everywhere: boolean): void {
    this.onLanding(flight.write, flight.commit.by);
    while (flight.left.length > 0) {
      const at = Math.floor(this.random() * flight.left.length);
      const [index] = flight.left.splice(at, 1);
      const replica = this.replicas[index ?? -1];
      if (replica !== undefined) this.apply(replica, flight.write);
      if (REPLICAS - flight.left.length === QUORUM) this.quorate(flight.commit);
      if (!everywhere) break;
    }
    if (flight.left.length === 0) this.forget(flight);
  }

  /** What has not arrived of it never does. Its commit never resolves, if it needed that. */
  forget(flight: Flight): void {
    const at = this.flights.indexOf(flight);
    if (at >= 0) this.flights.splice(at, 1);
  }

  /** The commit hears that nobody knows; what is under way still is. */
  giveUp(flight: Flight, fault: StoreFault = 'unknown'): void {
    const { commit } = flight;
    if (commit.settled) return;
    commit.settled = true;
    commit.reject(new StoreError(fault, 'planned'));
  }

  perform(asked: Asked): void {
    this.asked.splice(this.asked.indexOf(asked), 1);
    asked.perform();
  }

  fail(asked: Asked): void {
    this.asked.splice(this.asked.indexOf(asked), 1);
    asked.fail(new StoreError('failed', 'planned'));
  }

  /** Everything that is under way arrives, everything asked is answered. */
  settle(): void {
    for (const flight of [...this.flights]) this.land(flight, true);
    for (const asked of [...this.asked]) this.perform(asked);
  }

  /** The same for what one process began. */
  settleOf(by: string): void {
    for (const flight of [...this.flights]) if (flight.commit.by === by) this.land(flight, true);
    for (const asked of [...this.asked]) if (asked.by === by) this.perform(asked);
  }

  /** Whether every read finds a row of that key, whichever replicas it asks. */
  hasEverywhere(table: Table, partition: string, key: string): boolean {
    const cells = this.replicas.map((replica) => replica.rows.get(`${table} ${partition}`)?.get(key) ?? null);
    return cells.every((_, without) => {
      const seen = cells.filter((cell, index) => cell !== null && index !== without) as Cell[];
      const newest = seen.reduce<Cell | null>((a, b) => (a === null || b.stamp > a.stamp ? b : a), null);
      return newest !== null && newest.bytes !== null;
    });
  }

  /** The process is gone: nothing is answered to it any more. */
  died(by: string): void {
    for (const asked of [...this.asked]) if (asked.by === by) this.asked.splice(this.asked.indexOf(asked), 1);
    for (const { commit } of this.flights) if (commit.by === by) commit.settled = true;
  }

  private commit(by: string, writes: readonly Write[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const commit: Commit = { by, open: writes.length, resolve, reject, settled: false };
      for (const write of writes) this.flights.push({ write, commit, left: [0, 1, 2] });
      if (writes.length === 0) resolve();
    });
  }

  private quorate(commit: Commit): void {
    commit.open--;
    if (commit.open > 0 || commit.settled) return;
    commit.settled = true;
    commit.resolve();
  }

  private apply(replica: Replica, write: Write): void {
    if (write.t === 'entry') {
      const log = childOf(replica.logs, write.log);
      const rows = childOf(log, write.n);
      this.compare(rows.get(write.fence) ?? null, write.bytes, `entry ${write.n} of fence ${write.fence}`);
      rows.set(write.fence, write.bytes);
    } else if (write.t === 'sent') {
      const key = JSON.stringify([write.chat, write.sender, write.device, write.id]);
      const before = replica.sent.get(key);
      if (before === undefined || isNewer(write, before)) replica.sent.set(key, { n: write.n, fence: write.fence });
    } else {
      const rows = childOf(replica.rows, `${write.table} ${write.partition}`);
      const bytes = write.t === 'put' ? write.bytes : null;
      const before = rows.get(write.key);
      if (write.table === 'log' && before?.stamp === write.stamp)
        this.compare(before.bytes, bytes, `the record of stamp ${write.stamp}`);
      if (before === undefined || before.stamp <= write.stamp) rows.set(write.key, { stamp: write.stamp, bytes });
    }
  }

  private compare(before: Uint8Array | null, now: Uint8Array | null, what: string): void {
    if (before !== null && now !== null && Buffer.compare(before, now) !== 0)
      this.faults.push(`${what} has two contents`);
  }

  private quorum(): readonly Replica[] {
    const without = Math.floor(this.random() * REPLICAS);
    return this.replicas.filter((_, index) => index !== without);
  }

  private readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Entry[] {
    const found = new Map<number, Map<number, Uint8Array>>();
    for (const replica of this.quorum()) {
      for (const [n, rows] of replica.logs.get(log) ?? []) {
        if (n < from || n > to) continue;
        const merged = childOf(found, n);
        for (const [fence, bytes] of rows) merged.set(fence, bytes);
      }
    }
    const entries = [...found].flatMap(([n, rows]) => [...rows].map(([fence, bytes]) => ({ n, fence, bytes })));
    entries.sort((a, b) => (back ? b.n - a.n || b.fence - a.fence : a.n - b.n || a.fence - b.fence));
    return entries.slice(0, limit.entries);
  }

  private findSent(key: string): number | null {
    const [first, second] = this.quorum().map((replica) => replica.sent.get(key));
    const newest = first === undefined || (second !== undefined && isNewer(second, first)) ? second : first;
    return newest?.n ?? null;
  }

  private readRow(table: Table, partition: string, key: string): Row | null {
    return this.readRows(table, partition, '', Number.MAX_SAFE_INTEGER).find((row) => row.key === key) ?? null;
  }

  private readRows(table: Table, partition: string, after: string, limit: number): Row[] {
    const found = new Map<string, Cell>();
    for (const replica of this.quorum()) {
      for (const [key, cell] of replica.rows.get(`${table} ${partition}`) ?? []) {
        const before = found.get(key);
        if (before === undefined || before.stamp < cell.stamp) found.set(key, cell);
      }
    }
    const rows: Row[] = [];
    for (const [key, { stamp, bytes }] of found)
      if (bytes !== null && (after === '' || key > after)) rows.push({ key, stamp, bytes });
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
  }

  private take(shard: number, owner: string, epoch: number): number {
    const fence = (this.fences.get(shard)?.fence ?? 0) + 1;
    this.fences.set(shard, { shard, fence, owner, epoch });
    return fence;
  }
}

const NO_LIMIT: PageLimit = { entries: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };

/** Of one fence the larger number wins: the server's choice, by its bytes. */
const isNewer = (
  a: { readonly n: number; readonly fence: number },
  b: { readonly n: number; readonly fence: number },
) => a.fence > b.fence || (a.fence === b.fence && a.n > b.n);

function childOf<K, L, V>(parent: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let child = parent.get(key);
  if (child === undefined) {
    child = new Map();
    parent.set(key, child);
  }
  return child;
}
