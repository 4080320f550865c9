// The rules of a writer, pure: what waits, what makes the next batch and why, when a load may be read, when to refuse.
// Handed `now`; owns no store, timer or promise. writer.ts is the service around it.
import type { Ref } from '../runtime/index.ts';
import type { ReadOp } from './read-op.ts';
import type { Write } from './store.ts';

export interface WriterLimits {
  readonly batchWritesMax: number;
  readonly batchBytesMax: number;
  /** Waiting and in flight at the most. Beyond, new mail is refused until half of it is stored. */
  readonly queueWritesMax: number;
  readonly queueBytesMax: number;
  /** How long the first write of a batch waits for company. 0: not at all, batches gather while a commit is in flight. */
  readonly holdMs: number;
  /** The first and the longest pause before the same rows are tried again, in ms. */
  readonly retryFirstMs: number;
  readonly retryLongestMs: number;
}

export const WRITER_LIMITS: WriterLimits = {
  batchWritesMax: 1_024,
  batchBytesMax: 4 * 1024 * 1024,
  queueWritesMax: 8_192,
  queueBytesMax: 32 * 1024 * 1024,
  holdMs: 0,
  retryFirstMs: 10,
  retryLongestMs: 1_000,
};

/** Why a batch was closed: it was full, its first write had waited, the store was free, or the writer stops. */
export type FlushReason = 'size' | 'age' | 'idle' | 'drain';

export interface WriteItem {
  readonly from: Ref | null;
  readonly token: number;
  readonly partition: string;
  readonly writes: readonly Write[];
  readonly bytes: number;
  /** Counts the items of a writer. */
  readonly order: number;
  readonly at: number;
}

export interface LoadItem {
  readonly from: Ref | null;
  readonly token: number;
  readonly reads: readonly ReadOp[];
  /** All writes up to this one must be known first. */
  readonly after: number;
}

export interface WriteBatch {
  readonly items: readonly WriteItem[];
  readonly writes: readonly Write[];
  readonly bytes: number;
  readonly reason: FlushReason;
}

export type Step =
  | { readonly t: 'nothing' }
  | { readonly t: 'wait'; readonly ms: number }
  | { readonly t: 'commit'; readonly batch: WriteBatch };

/** Fixed cost of a write beside its bytes: keys and headers. */
const WRITE_OVERHEAD_BYTES = 64;

export class WriterState {
  readonly limits: WriterLimits;
  private readonly waiting: WriteItem[] = [];
  private readonly loads: LoadItem[] = [];
  /** The newest write of each partition that has any of unknown outcome. */
  private readonly newest = new Map<string, number>();
  private orders = 0;
  private known = 0;
  private queuedWrites = 0;
  private queuedBytes = 0;
  private committing = false;
  private wasBusy = false;
  private overfull = false;
  private attempts = 0;

  constructor(limits: Partial<WriterLimits> = {}) {
    this.limits = { ...WRITER_LIMITS, ...limits };
  }

  write(from: Ref | null, token: number, partition: string, writes: readonly Write[], now: number): void {
    this.orders++;
    const bytes = bytesOf(writes);
    this.waiting.push({ from, token, partition, writes, bytes, order: this.orders, at: now });
    this.newest.set(partition, this.orders);
    this.queuedWrites += writes.length;
    this.queuedBytes += bytes;
    if (this.queuedWrites >= this.limits.queueWritesMax || this.queuedBytes >= this.limits.queueBytesMax) {
      this.overfull = true;
    }
  }

  /** True: it may be read now. Else `readyLoads` gives it back when the writes before it are known. */
  load(load: Omit<LoadItem, 'after'>, partition: string): boolean {
    const after = this.newest.get(partition);
    if (after === undefined) return true;
    this.loads.push({ ...load, after });
    return false;
  }

  /** One commit at a time: nothing while one is in flight. */
  next(now: number, draining: boolean): Step {
    const first = this.waiting[0];
    if (this.committing || first === undefined) {
      if (!this.committing) this.wasBusy = false;
      return { t: 'nothing' };
    }
    const waitMs = first.at + this.limits.holdMs - now;
    const full = this.queuedWrites >= this.limits.batchWritesMax || this.queuedBytes >= this.limits.batchBytesMax;
    if (waitMs > 0 && !full && !draining) return { t: 'wait', ms: waitMs };
    const fallback = this.wasBusy || this.limits.holdMs > 0 ? 'age' : 'idle';
    return { t: 'commit', batch: this.take(draining ? 'drain' : fallback) };
  }

  private take(reason: FlushReason): WriteBatch {
    const items: WriteItem[] = [];
    const writes: Write[] = [];
    let bytes = 0;
    for (const item of this.waiting) {
      const fits =
        writes.length + item.writes.length <= this.limits.batchWritesMax &&
        bytes + item.bytes <= this.limits.batchBytesMax;
      if (items.length > 0 && !fits) break;
      items.push(item);
      for (const write of item.writes) writes.push(write);
      bytes += item.bytes;
    }
    this.waiting.splice(0, items.length);
    this.committing = true;
    this.wasBusy = true;
    return { items, writes, bytes, reason: this.waiting.length > 0 ? 'size' : reason };
  }

  /** Not stored, or nobody knows: the same rows again after so many ms. `random` in [0, 1). */
  failed(random: number): number {
    const { retryFirstMs, retryLongestMs } = this.limits;
    const pauseMs = Math.min(retryLongestMs, retryFirstMs * 2 ** Math.min(this.attempts, 20));
    this.attempts++;
    // Half of it by chance, so that writers that failed together do not come back together.
    return pauseMs * (0.5 + random / 2);
  }

  /** The outcome of these items, the oldest in flight, is known. */
  settled(items: readonly WriteItem[]): void {
    for (const item of items) {
      this.known = item.order;
      this.queuedWrites -= item.writes.length;
      this.queuedBytes -= item.bytes;
      if (this.newest.get(item.partition) === item.order) this.newest.delete(item.partition);
    }
    this.attempts = 0;
    const { queueWritesMax, queueBytesMax } = this.limits;
    if (this.queuedWrites <= queueWritesMax / 2 && this.queuedBytes <= queueBytesMax / 2) this.overfull = false;
  }

  /** All of the batch is settled. */
  finished(): void {
    this.committing = false;
  }

  readyLoads(): LoadItem[] {
    const ready = this.loads.filter((load) => load.after <= this.known);
    if (ready.length > 0) {
      const rest = this.loads.filter((load) => load.after > this.known);
      this.loads.splice(0, this.loads.length, ...rest);
    }
    return ready;
  }

  /** Whether new mail is taken: not while the store fails, nor from a full queue until it is half drained. */
  get accepting(): boolean {
    return this.attempts === 0 && !this.overfull;
  }

  get queued(): { readonly writes: number; readonly bytes: number } {
    return { writes: this.queuedWrites, bytes: this.queuedBytes };
  }
}

function bytesOf(writes: readonly Write[]): number {
  let bytes = 0;
  for (const write of writes) {
    bytes += WRITE_OVERHEAD_BYTES + (write.t === 'entry' || write.t === 'put' ? write.bytes.length : 0);
  }
  return bytes;
}
