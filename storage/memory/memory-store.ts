// A process's view of a memory disk. Commits wait in order for their flush, timed by Env; only then are they on the disk,
// readable and acked. Made for simulation: a crash keeps a prefix of what was in flight. Opened by app/ and tests.
import type { Env, EnvTimer } from '../../runtime/index.ts';
import type { Entry, FenceRow, LogId, PageLimit, Row, Store, Table, Write } from '../store.ts';
import { StoreError } from '../store.ts';
import type { DiskUser, MemoryDisk } from './disk.ts';

export interface MemoryStoreOptions {
  readonly env: Pick<Env, 'now' | 'wallNow' | 'setTimer' | 'clearTimer'>;
  /** From a commit's begin to its flush, at the least; default 0, which is a timer's turn. Drawn anew for each when a function. */
  readonly commitDelayMs?: number | (() => number);
  /** How long a read takes; default: answered without a timer. */
  readonly readDelayMs?: number | (() => number);
}

interface InFlight {
  readonly due: number;
  /** Puts it on the disk; throws StoreError, with nothing done. */
  readonly apply: () => void;
  readonly settle: (error: unknown) => void;
}

export class MemoryStore implements Store, DiskUser {
  readonly name = 'memory';
  readonly transactional = true;
  private readonly disk: MemoryDisk;
  private readonly options: MemoryStoreOptions;
  private readonly inFlight: InFlight[] = [];
  private readonly timers = new Set<EnvTimer>();
  private readonly shards = new Set<number>();
  private fence: number;
  private owner = '';
  private lastDue = 0;
  private state: 'open' | 'closed' | 'crashed' = 'open';

  constructor(disk: MemoryDisk, options: MemoryStoreOptions) {
    this.disk = disk;
    this.options = options;
    this.fence = disk.fence;
    disk.attach(this);
  }

  commit(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0 && this.state === 'open') return Promise.resolve();
    const wallNow = this.options.env.wallNow();
    return this.begin(() => {
      this.checkFence();
      for (const write of writes) {
        if (write.t === 'entry' && write.fence < this.fence) throw new StoreError('fenced', 'an older fence than ours');
      }
      this.disk.apply(writes, wallNow);
    });
  }

  takeFence(shard: number, owner: string, epoch = 0): Promise<number> {
    return this.begin(() => {
      const { disk } = this;
      const held = this.fence === disk.fence && this.owner === owner && !this.shards.has(shard);
      if (!held || this.shards.size === 0) {
        this.shards.clear();
        this.fence = disk.fence + 1;
        this.owner = owner;
      }
      disk.taken = { shard, fence: this.fence, owner, epoch: Math.max(epoch, disk.taken?.epoch ?? 0) };
      this.shards.add(shard);
      return this.fence;
    });
  }

  fences(): Promise<FenceRow[]> {
    return this.read(() => (this.disk.taken === null ? [] : [this.disk.taken]));
  }

  expire(wallNow: number, limit: number): Promise<number> {
    return this.begin(() => {
      this.checkFence();
      return this.disk.expire(wallNow, limit);
    });
  }

  readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Promise<Entry[]> {
    return this.read(() => this.disk.readLog(log, from, to, limit, back));
  }

  lastOf(log: LogId, from = 0): Promise<number> {
    return this.read(() => Math.max(from, this.disk.lastOf(log)));
  }

  findSent(chat: string, sender: string, device: string, id: string): Promise<number | null> {
    return this.read(() => this.disk.findSent(chat, sender, device, id));
  }

  readRow(table: Table, partition: string, key: string): Promise<Row | null> {
    return this.read(() => this.disk.readRow(table, partition, key));
  }

  readRows(table: Table, partition: string, after: string, limit: number): Promise<Row[]> {
    return this.read(() => this.disk.readRows(table, partition, after, limit));
  }

  /** Finishes what is in flight first, as a process that ends in order does. */
  async close(): Promise<void> {
    if (this.state !== 'open') return;
    if (this.inFlight.length > 0) await this.begin(() => {});
    this.state = 'closed';
    this.disk.detach(this);
  }

  /** This process is gone: no promise of it settles any more, and a drawn number of its oldest commits is on the disk. */
  crash(random: () => number): void {
    if (this.state !== 'open') return;
    const kept = Math.floor(random() * (this.inFlight.length + 1));
    for (const commit of this.inFlight.splice(0).slice(0, kept)) {
      try {
        commit.apply();
      } catch {
        // Fenced out: it would have been refused.
      }
    }
    for (const timer of this.timers) this.options.env.clearTimer(timer);
    this.timers.clear();
    this.state = 'crashed';
    this.disk.detach(this);
  }

  private checkFence(): void {
    if (this.fence !== this.disk.fence) throw new StoreError('fenced', `${this.disk.owner} has taken over`);
  }

  private begin<T>(apply: () => T): Promise<T> {
    if (this.state === 'crashed') return new Promise(() => {});
    if (this.state === 'closed') return Promise.reject(new StoreError('failed', 'the store is closed'));
    const { env, commitDelayMs } = this.options;
    const now = env.now();
    const due = Math.max(now + draw(commitDelayMs), this.lastDue);
    this.lastDue = due;
    return new Promise((resolve, reject) => {
      let value: T;
      this.inFlight.push({
        due,
        apply: () => {
          value = apply();
        },
        settle: (error) => (error === null ? resolve(value) : reject(error)),
      });
      this.timer(() => this.flush(due), due - now);
    });
  }

  /** Timers of one moment may fire in any order; commits are flushed in theirs. */
  private flush(upTo: number): void {
    for (let first = this.inFlight[0]; first !== undefined && first.due <= upTo; first = this.inFlight[0]) {
      this.inFlight.shift();
      let failure: unknown = null;
      try {
        first.apply();
      } catch (error) {
        failure = error;
      }
      first.settle(failure);
    }
  }

  private read<T>(run: () => T): Promise<T> {
    if (this.state === 'crashed') return new Promise(() => {});
    if (this.state === 'closed') return Promise.reject(new StoreError('failed', 'the store is closed'));
    const delayMs = draw(this.options.readDelayMs);
    if (delayMs === 0) return Promise.resolve(run());
    return new Promise((resolve) => this.timer(() => resolve(run()), delayMs));
  }

  private timer(run: () => void, delayMs: number): void {
    const timer = this.options.env.setTimer(() => {
      this.timers.delete(timer);
      run();
    }, delayMs);
    this.timers.add(timer);
  }
}

export function openMemoryStore(disk: MemoryDisk, options: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(disk, options);
}

function draw(ms: number | (() => number) | undefined): number {
  return typeof ms === 'function' ? ms() : (ms ?? 0);
}
