// What the user has read, of each chat until the server says that it has stored it: a RECEIPT of the own user. Until then it is said
// again, less and less often, and at each sign-in; it is in the store meanwhile, so that a restart loses none. Sends nothing by itself.
import type { ChatUpTo } from './ack-state.ts';
import type { ClientEnv, Timer } from './env.ts';
import { bounded } from './receipts.ts';
import type { StoreChange } from './store.ts';

/** Until a read is said again, at first and at the longest. */
export const SAY_AGAIN_MS = { first: 5_000, most: 300_000 } as const;
/** Chats; beyond it the oldest read is given up. */
export const READS_MAX = 1_000;
/** After so many sayings that each brought a lower number, the read lies beyond the end of its chat. */
export const SHORT_MAX = 3;

interface Pending {
  readonly seq: number;
  /** Milliseconds; 0 is at once. */
  dueAt: number;
  waitMs: number;
  /** It was said, and nothing was heard of its chat since. */
  open: boolean;
  short: number;
}

export interface ReadsParts {
  readonly env: ClientEnv;
  readonly save: (change: StoreChange) => void;
  /** Something is to be flushed or said. */
  readonly due: () => void;
}

export class Reads {
  readonly #parts: ReadsParts;
  /** By chat, those that changed last last. */
  readonly #pending = new Map<string, Pending>();
  /** What the server has stored, as far as it matters: nothing of it is said. */
  readonly #stored = new Map<string, number>();
  #timer: Timer | null = null;
  /** Something was read, or is due, that no `take` has given yet. */
  waiting = false;

  constructor(parts: ReadsParts) {
    this.#parts = parts;
  }

  loaded(reads: ReadonlyMap<string, number>): void {
    for (const [chat, seq] of reads) this.#set(chat, seq);
  }

  mark(chat: string, seq: number): void {
    if (seq <= Math.max(this.#pending.get(chat)?.seq ?? 0, this.#stored.get(chat) ?? 0)) return;
    this.#set(chat, seq);
    this.#parts.save({ is: 'read', chat, seq });
    if (this.#pending.size > READS_MAX) for (const oldest of this.#pending.keys()) return void this.#drop(oldest);
  }

  #set(chat: string, seq: number): void {
    this.#pending.delete(chat);
    this.#pending.set(chat, { seq, dueAt: 0, waitMs: SAY_AGAIN_MS.first, open: false, short: 0 });
    this.waiting = true;
  }

  #drop(chat: string): void {
    this.#pending.delete(chat);
    this.#parts.save({ is: 'readStored', chat });
  }

  /** The server has stored so much: said by this device, or by another one of the user. */
  stored(chat: string, seq: number): void {
    bounded(this.#stored, chat, Math.max(seq, this.#stored.get(chat) ?? 0));
    const one = this.#pending.get(chat);
    if (one === undefined) return;
    // What comes before it was said again may tell of an earlier one, or of another device: it counts once for each saying.
    if (one.open && one.seq > seq) one.short++;
    one.open = false;
    if (one.seq <= seq || one.short >= SHORT_MAX) this.#drop(chat);
  }

  /** A new connection: nobody knows what became of what the last one said. */
  online(): void {
    for (const one of this.#pending.values()) {
      one.dueAt = 0;
      one.waitMs = SAY_AGAIN_MS.first;
    }
    this.waiting = this.#pending.size > 0;
  }

  /** Everything that is to be said now. It is due again after a while. */
  take(): ChatUpTo[] {
    this.waiting = false;
    const now = this.#parts.env.now();
    const due: ChatUpTo[] = [];
    for (const [chat, one] of this.#pending) {
      if (one.dueAt > now) continue;
      due.push({ chat, seq: one.seq });
      one.open = true;
      one.dueAt = now + one.waitMs;
      one.waitMs = Math.min(2 * one.waitMs, SAY_AGAIN_MS.most);
    }
    this.#arm(now);
    return due;
  }

  #arm(now: number): void {
    this.stop();
    let first = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#pending.values()) first = Math.min(first, dueAt);
    if (first === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#parts.env.setTimer(
      () => {
        this.#timer = null;
        this.waiting = this.#pending.size > 0;
        if (this.waiting) this.#parts.due();
      },
      Math.max(1, first - now),
    );
  }

  /** Until the next `take`. */
  stop(): void {
    if (this.#timer !== null) this.#parts.env.clearTimer(this.#timer);
    this.#timer = null;
  }
}
