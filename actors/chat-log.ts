// The end of a chat's log in memory: numbers given, writes under way, recent message ids. Pure state.
// An entry is durable only when it and all before it are: release is in order, whatever order results come in.
import type { Ref } from '../runtime/index.ts';
import type { LogEntry } from './mail.ts';

export const RECENT_IDS_MAX = 2_048;
export const PENDING_MAX = 512;
export const TAIL_ENTRIES_MAX = 64;

/** Who may wait for one entry: the sockets on which a device has said it, or its requests. Beyond it they are refused. */
export const WAITERS_MAX = 16;

/** Who waits for an entry to be durable. `ref` is null for a message, else the request's number. */
export interface Waiter {
  readonly to: Ref;
  readonly ref: number | null;
  /** How often it has asked once more: each time it is owed an answer. */
  again?: number;
}
export interface Pending {
  readonly entry: LogEntry;
  readonly id: string;
  readonly ts: number;
  readonly sinceMs: number;
  readonly waiters: Waiter[];
  done: boolean;
}
export interface Known {
  readonly n: number;
  readonly ts: number;
}
/** False: as many as may wait do so already. */
export function addWaiter(waiters: Waiter[], to: Ref, ref: number | null): boolean {
  const there = waiters.find((w) => w.to === to && w.ref === ref);
  if (there !== undefined) there.again = (there.again ?? 0) + 1;
  else if (waiters.length >= WAITERS_MAX) return false;
  else waiters.push({ to, ref });
  return true;
}

/** One message of the recent ones. Ids are the devices' own, so others may have the same: they follow in `next`. */
interface Recent {
  readonly sender: string;
  readonly device: string;
  readonly id: string;
  n: number;
  ts: number;
  next: Recent | null;
  /** The one remembered after it: the order in which they are forgotten. */
  newer: Recent | null;
}

export class ChatLog {
  /** Last number given. */
  head = 0;
  /** Everything up to here is durable. */
  durable = 0;
  lastTs = 0;
  readonly pending: Pending[] = [];
  /** By id alone, a string that is here anyway: one of sender, device and id would be made and hashed twice for every message. */
  private readonly recent = new Map<string, Recent>();
  private recentCount = 0;
  private oldest: Recent | null = null;
  private newest: Recent | null = null;
  /** Durable entries of the last moments, ascending, for sessions that missed a mail. */
  tail: LogEntry[] = [];

  find(sender: string, device: string, id: string): Known | undefined {
    return this.recentOf(sender, device, id);
  }

  private recentOf(sender: string, device: string, id: string): Recent | undefined {
    let at = this.recent.get(id);
    while (at !== undefined && (at.device !== device || at.sender !== sender)) at = at.next ?? undefined;
    return at;
  }

  remember(sender: string, device: string, id: string, known: Known): void {
    const again = this.recentOf(sender, device, id);
    if (again !== undefined) {
      again.n = known.n;
      again.ts = known.ts;
      return;
    }
    const next = this.recent.get(id) ?? null;
    const added: Recent = { sender, device, id, n: known.n, ts: known.ts, next, newer: null };
    this.recent.set(id, added);
    if (this.newest === null) this.oldest = added;
    else this.newest.newer = added;
    this.newest = added;
    this.recentCount += 1;
    // Pending ids are the newest, and fewer than the memory holds: what is dropped is durable, and in the store's index.
    if (this.recentCount > RECENT_IDS_MAX) this.forgetOldest();
  }

  private forgetOldest(): void {
    const { oldest } = this;
    if (oldest === null) return;
    this.oldest = oldest.newer;
    this.recentCount -= 1;
    const first = this.recent.get(oldest.id);
    // The oldest of its id is the last of them.
    if (first === oldest) this.recent.delete(oldest.id);
    else for (let at = first; at !== undefined; at = at.next ?? undefined) if (at.next === oldest) at.next = null;
  }

  pendingAt(n: number): Pending | undefined {
    return this.pending[n - this.durable - 1];
  }

  push(pending: Pending, sender: string, device: string): void {
    if (pending.entry.n !== this.head + 1) throw new Error('a number was skipped');
    this.head = pending.entry.n;
    this.pending.push(pending);
    this.remember(sender, device, pending.id, { n: pending.entry.n, ts: pending.ts });
  }

  /** Entry `n` is in the store. Returns what became durable by it, ascending: a prefix, never with a hole. */
  written(n: number): Pending[] {
    const at = this.pendingAt(n);
    if (at) at.done = true;
    let count = 0;
    while (this.pending[count]?.done) count++;
    const released = this.pending.splice(0, count);
    this.durable += count;
    for (const p of released) this.tail.push(p.entry);
    if (this.tail.length > TAIL_ENTRIES_MAX) this.tail = this.tail.slice(-TAIL_ENTRIES_MAX);
    return released;
  }

  /** The entries of (after, durable] if memory has them all, else null. */
  since(after: number): LogEntry[] | null {
    const first = this.tail[0];
    if (after >= this.durable) return [];
    if (!first || first.n > after + 1) return null;
    return this.tail.filter((e) => e.n > after);
  }
}
