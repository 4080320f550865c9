// What the application has had of each chat, and what of that is still to be said to the server. Pure state.
// Acks are cumulative: a later number replaces an earlier one. Nothing is acked that was not confirmed.
import { LIMITS } from '../../protocol/index.ts';

export interface ChatUpTo {
  readonly chat: string;
  readonly seq: number;
}

/** Entries of one chat that were given out and are not confirmed yet, ascending. */
export class Unconfirmed {
  readonly #entries: { readonly seq: number; left: number }[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** `left` confirmations are needed: one for each iterator that has it, or the application's own ack. */
  add(seq: number, left: number): void {
    if (left > 0) this.#entries.push({ seq, left });
  }

  /** One confirmation of one entry. */
  one(seq: number): void {
    const entry = this.#entries.find((e) => e.seq === seq);
    if (entry !== undefined) entry.left--;
    this.#trim();
  }

  /** Everything up to a number is confirmed. */
  upTo(seq: number): void {
    for (const entry of this.#entries) if (entry.seq <= seq) entry.left = 0;
    this.#trim();
  }

  /** The number up to which all is confirmed, when all up to `known` was given out. */
  confirmed(known: number): number {
    const first = this.#entries[0];
    return first === undefined ? known : first.seq - 1;
  }

  #trim(): void {
    while ((this.#entries[0]?.left ?? 1) <= 0) this.#entries.shift();
  }
}

/** Numbers that wait to be said, for acks and for reads alike: the highest of each chat, first come first served. */
export class Saying {
  readonly #waiting = new Map<string, number>();
  /** How many numbers this stands for, about: to flush before the server's window is used up. */
  entries = 0;

  get size(): number {
    return this.#waiting.size;
  }

  mark(chat: string, seq: number): void {
    if (seq <= 0) return;
    this.entries++;
    this.#waiting.set(chat, Math.max(seq, this.#waiting.get(chat) ?? 0));
  }

  /** Takes all, in lists that fit a frame each. */
  take(): ChatUpTo[][] {
    const lists: ChatUpTo[][] = [];
    let list: ChatUpTo[] = [];
    for (const [chat, seq] of this.#waiting) {
      list.push({ chat, seq });
      if (list.length < LIMITS.acksPerFrameMax) continue;
      lists.push(list);
      list = [];
    }
    if (list.length > 0) lists.push(list);
    this.clear();
    return lists;
  }

  clear(): void {
    this.#waiting.clear();
    this.entries = 0;
  }
}
