// The database that several nodes share, in place of CQL: three replicas, writes and reads at a quorum of two. Rows land one by one, late,
// twice or, on one replica, never; a commit may end without anybody knowing, and its rows land all the same. Fences are linearizable, and
// a taking may be of unknown outcome too. Every node has faults of its own. Nature carries all of it: a frozen node's writes land.
import type { FenceRow, Row, Store, Write } from '../../storage/index.ts';
import { StoreError } from '../../storage/index.ts';
import type { Random } from './random.ts';
import { findSent, lastOf, Replica, readLog, readRows } from './replica.ts';
import type { Owner, World } from './world.ts';

/** How one node's way to the database is. */
export interface StoreFaults {
  /** Nothing reaches it. */
  cut: boolean;
  /** More delay for each call, at the most. */
  slowMs: number;
  /** Chance that a commit, or a taking of a fence, ends in doubt, having been applied or not. */
  unknown: number;
  failRead: number;
}
/** How all of it is. */
export interface DatabaseFaults {
  /** Chance of a row, on one replica, to come late, by up to `lateMs`; to come after minutes; to come twice. */
  late: number;
  lateMs: number;
  hinted: number;
  twice: number;
}
export const storeFaults = (): StoreFaults => ({ cut: false, slowMs: 0, unknown: 0, failRead: 0 });
export const databaseFaults = (): DatabaseFaults => ({ late: 0, lateMs: 0, hinted: 0, twice: 0 });

export interface DatabasePlan {
  readonly commitMs: number;
  readonly readMs: number;
  /** Share of commits whose rows travel alone. */
  readonly rowByRow: number;
}
/** How long a call of that node takes one way to a replica; null: it does not get there. */
export type Ways = (node: Owner, replica: Replica) => number | null;

const QUORUM = 2;
const DEADLINE_MS = 2_000;
const HINTED_MS = 150_000;
/** Of the rows of a node that dies, those that had left it. */
const LEFT_SHARE = 0.6;

interface Commit {
  readonly owner: Owner;
  /** Rows that are not on a quorum yet. */
  open: number;
  settle: (error: StoreError | null) => void;
}

export class Database {
  readonly faults = databaseFaults();
  readonly replicas: readonly Replica[];
  private readonly world: World;
  private readonly random: Random;
  private readonly plan: DatabasePlan;
  private readonly ways: Ways;
  private readonly fences = new Map<number, FenceRow>();

  constructor(world: World, random: Random, plan: DatabasePlan, regions: readonly number[], ways: Ways) {
    this.world = world;
    this.random = random;
    this.plan = plan;
    this.ways = ways;
    this.replicas = regions.map((region) => new Replica(region));
  }

  /** A process's view of it. */
  open(owner: Owner, faults: StoreFaults): Store {
    const read = <T>(run: (quorum: readonly Replica[]) => T): Promise<T> => this.read(owner, faults, run);
    const row = async (run: (quorum: readonly Replica[]) => Row[], key: string): Promise<Row | null> =>
      (await read(run)).find((one) => one.key === key) ?? null;
    return {
      name: `database of ${owner.name}`,
      transactional: false,
      commit: (writes) => this.commit(owner, faults, writes),
      readLog: (log, from, to, limit, back) => read((quorum) => readLog(quorum, log, from, to, limit, back)),
      lastOf: (log, from = 0) => read((quorum) => lastOf(quorum, log, from)),
      findSent: (chat, sender, device, id) => read((quorum) => findSent(quorum, chat, sender, device, id)),
      readRow: (table, partition, key) =>
        row((quorum) => readRows(quorum, table, partition, '', Number.MAX_SAFE_INTEGER), key),
      readRows: (table, partition, after, limit) => read((quorum) => readRows(quorum, table, partition, after, limit)),
      takeFence: (shard, taker, epoch = 0) => this.take(owner, faults, shard, taker, epoch),
      fences: () => read(() => [...this.fences.values()]),
      expire: async () => 0,
      close: async () => {},
    };
  }

  /** For the checker. */
  rowsNow(table: Parameters<Store['readRows']>[0], partition: string): Row[] {
    return readRows(this.replicas, table, partition, '', Number.MAX_SAFE_INTEGER);
  }

  fenceNow(shard: number): FenceRow | null {
    return this.fences.get(shard) ?? null;
  }

  heal(): void {
    Object.assign(this.faults, databaseFaults());
    for (const replica of this.replicas) replica.isDown = false;
  }

  private reached(owner: Owner, faults: StoreFaults): { readonly replica: Replica; readonly wayMs: number }[] {
    if (faults.cut) return [];
    return this.replicas.flatMap((replica) => {
      const wayMs = replica.isDown ? null : this.ways(owner, replica);
      return wayMs === null ? [] : [{ replica, wayMs }];
    });
  }

  /** The slowest way of the nearest quorum; null: there is none. */
  private quorumMs(owner: Owner, faults: StoreFaults): number | null {
    const ways = this.reached(owner, faults).map(({ wayMs }) => wayMs);
    return ways.sort((a, b) => a - b)[QUORUM - 1] ?? null;
  }

  private slow(faults: StoreFaults): number {
    return faults.slowMs === 0 ? 0 : this.random.next() * faults.slowMs;
  }

  /** An answer comes in the node's own time, or never. */
  private answer(owner: Owner, delayMs: number, run: () => void): void {
    this.world.after(owner, delayMs, run);
  }

  private read<T>(owner: Owner, faults: StoreFaults, run: (quorum: readonly Replica[]) => T): Promise<T> {
    const { world, random, plan } = this;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new StoreError('failed', 'no quorum answered'));
      const wayMs = this.quorumMs(owner, faults);
      if (wayMs === null || random.chance(faults.failRead))
        return this.answer(owner, random.between(0.2, 1) * DEADLINE_MS, fail);
      const delayMs = wayMs + this.slow(faults) + plan.readMs * random.between(0.3, 1);
      world.after(world.nature, delayMs, () => {
        const there = this.reached(owner, faults).map(({ replica }) => replica);
        if (there.length < QUORUM) return this.answer(owner, DEADLINE_MS, fail);
        const value = run(random.some(there, QUORUM));
        this.answer(owner, wayMs, () => resolve(value));
      });
    });
  }

  private commit(owner: Owner, faults: StoreFaults, writes: readonly Write[]): Promise<void> {
    const { random, world } = this;
    if (writes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const commit: Commit = { owner, open: 0, settle: () => {} };
      const deadline = world.after(world.nature, DEADLINE_MS, () => commit.settle(new StoreError('unknown', 'late')));
      commit.settle = (error) => {
        commit.settle = () => {};
        world.cancel(deadline);
        this.answer(owner, 0, () => (error === null ? resolve() : reject(error)));
      };
      if (random.chance(faults.unknown)) {
        // Nobody will hear of it; some of it may land.
        commit.open = Number.POSITIVE_INFINITY;
        if (random.chance(0.3)) return;
      }
      const slowMs = this.slow(faults);
      const parts = random.chance(this.plan.rowByRow) ? writes.map((write) => [write]) : [writes];
      commit.open += parts.length;
      for (const part of parts) this.send(commit, faults, part, slowMs);
    });
  }

  /** These rows, which travel together, to each replica. */
  private send(commit: Commit, faults: StoreFaults, writes: readonly Write[], slowMs: number): void {
    const { world, random, plan } = this;
    let landed = 0;
    for (const replica of this.replicas) {
      const wayMs = faults.cut ? null : this.ways(commit.owner, replica);
      if (wayMs === null) continue;
      const delayMs = wayMs + slowMs + plan.commitMs * random.between(0.5, 1.5) + this.lateness();
      const mayLeave = random.chance(LEFT_SHARE);
      world.after(world.nature, delayMs, () => {
        if (!commit.owner.alive && !mayLeave) return;
        if (replica.isDown || random.chance(this.faults.hinted)) return this.hint(replica, writes);
        this.land(replica, writes);
        if (++landed !== QUORUM) return;
        if (--commit.open === 0) world.after(world.nature, wayMs, () => commit.settle(null));
      });
    }
  }

  private land(replica: Replica, writes: readonly Write[]): void {
    const { world, random } = this;
    for (const write of writes) {
      const wrong = replica.apply(write);
      if (wrong !== null) world.fail('log', wrong, [write.t === 'entry' ? write.log.slice(2) : '']);
      if (random.chance(this.faults.twice))
        world.after(world.nature, random.next() * this.faults.lateMs, () => replica.apply(write));
    }
  }

  private lateness(): number {
    const { late, lateMs } = this.faults;
    return late > 0 && this.random.chance(late) ? this.random.next() * lateMs : 0;
  }

  /** It comes after minutes, or never. */
  private hint(replica: Replica, writes: readonly Write[]): void {
    const { world, random } = this;
    if (random.chance(0.3)) return;
    world.after(world.nature, random.next() * HINTED_MS, () => this.land(replica, writes));
  }

  private take(owner: Owner, faults: StoreFaults, shard: number, taker: string, epoch: number): Promise<number> {
    const { world, random, plan } = this;
    return new Promise((resolve, reject) => {
      const doubt = (): void => reject(new StoreError('unknown', 'nobody knows'));
      const wayMs = this.quorumMs(owner, faults);
      if (wayMs === null) return this.answer(owner, DEADLINE_MS, doubt);
      const isLost = random.chance(faults.unknown);
      if (isLost && random.chance(0.5)) return this.answer(owner, DEADLINE_MS, doubt);
      // A lightweight transaction takes four rounds.
      const delayMs = 2 * wayMs + this.slow(faults) + plan.readMs * random.between(0.5, 2);
      world.after(world.nature, delayMs, () => {
        if (this.quorumMs(owner, faults) === null) return this.answer(owner, DEADLINE_MS, doubt);
        const last = this.fences.get(shard);
        if (last !== undefined && last.epoch > epoch) {
          const fault = new StoreError('fenced', `taken already in epoch ${last.epoch}`);
          return this.answer(owner, wayMs, () => reject(fault));
        }
        const fence = (last?.fence ?? 0) + 1;
        this.fences.set(shard, { shard, fence, owner: taker, epoch });
        if (isLost) this.answer(owner, DEADLINE_MS, doubt);
        else this.answer(owner, wayMs, () => resolve(fence));
      });
    });
  }
}
