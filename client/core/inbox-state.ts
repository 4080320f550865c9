// One chat as a device receives it: entries in, entries out in the order of their numbers, each once, none left out. Pure state.
// `known` is the last number given out. What comes early is held; what is missing is asked for; what is said not to be ours, or is
// to be skipped, is stepped over. Nothing is stepped over on a guess: only a page that covers it, or a GAP, allows that.

export interface Numbered {
  readonly seq: number;
}
export interface Wanted {
  readonly from: number;
  readonly limit: number;
}
interface Range {
  readonly from: number;
  readonly to: number;
}

export const INBOX_LIMITS = { heldMax: 256, skipsMax: 64, pageMax: 100 } as const;

export class Inbox<E extends Numbered> {
  #known: number;
  /** Highest number that is there, as far as we heard. */
  #head: number;
  /** All that is ours from known + 1 up to here is in `#held`; below `known` it means nothing. */
  #covered: number;
  readonly #held = new Map<number, E>();
  #skips: Range[] = [];

  constructor(known: number) {
    this.#known = known;
    this.#head = known;
    this.#covered = known;
  }

  get known(): number {
    return this.#known;
  }
  get head(): number {
    return this.#head;
  }
  get held(): number {
    return this.#held.size;
  }

  /** False for what was given out before. */
  receive(entry: E): boolean {
    if (entry.seq <= this.#known) return false;
    this.#head = Math.max(this.#head, entry.seq);
    if (!this.#held.has(entry.seq)) this.#hold(entry);
    return true;
  }

  /** Bounded: when it is full the highest number goes, to be read again later. Gives what went. */
  #hold(entry: E): number {
    this.#held.set(entry.seq, entry);
    if (this.#held.size <= INBOX_LIMITS.heldMax) return Number.POSITIVE_INFINITY;
    let highest = 0;
    for (const seq of this.#held.keys()) highest = Math.max(highest, seq);
    this.#held.delete(highest);
    this.#covered = Math.min(this.#covered, highest - 1);
    return highest;
  }

  /**
   * A page of history: of from … to, `entries` are all that is ours. False when it brought nothing new. Numbers above all that we
   * have heard of are not believed to be nobody's: they may not be written yet.
   */
  page(from: number, to: number, entries: readonly E[]): boolean {
    const before = Math.max(this.#known, this.#covered);
    const heldBefore = this.#held.size;
    let dropped = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      if (entry.seq < from || entry.seq > to || entry.seq <= this.#known) continue;
      this.#head = Math.max(this.#head, entry.seq);
      if (!this.#held.has(entry.seq)) dropped = Math.min(dropped, this.#hold(entry));
    }
    const end = Math.min(to, this.#head, dropped - 1);
    if (from <= before + 1 && end > before) this.#covered = end;
    return this.#covered > before || this.#held.size > heldBefore;
  }

  /** These will not be pushed, but are to be read. */
  missing(to: number): void {
    this.#head = Math.max(this.#head, to);
  }

  /** These are not wanted: step over them when their turn comes. What comes before them still is. */
  skip(from: number, to: number): void {
    if (to <= this.#known) return;
    this.#head = Math.max(this.#head, from - 1);
    if (this.#skips.length < INBOX_LIMITS.skipsMax) this.#skips.push({ from, to });
    else this.#head = Math.max(this.#head, to); // read it after all
  }

  /** What is missing cannot be read: step over it, to the first that is held, or to the highest heard of. Gives the range. */
  giveUp(): Range | null {
    const wanted = this.wanted();
    if (wanted === null) return null;
    const to = this.#firstHeldAbove(wanted.from) - 1;
    this.#covered = to === Number.POSITIVE_INFINITY ? this.#head : to;
    return { from: wanted.from, to: this.#covered };
  }

  /** The next entry in order, once. Steps over what is not ours on the way. */
  take(): E | null {
    for (;;) {
      const entry = this.#held.get(this.#known + 1);
      if (entry !== undefined) {
        this.#held.delete(entry.seq);
        this.#known = entry.seq;
        return entry;
      }
      this.#cover();
      if (this.#covered <= this.#known) return null;
      this.#known = Math.min(this.#covered, this.#firstHeldAbove(this.#known) - 1);
    }
  }

  #cover(): void {
    for (const skip of this.#skips)
      if (skip.from <= Math.max(this.#known, this.#covered) + 1) this.#covered = Math.max(this.#covered, skip.to);
    this.#head = Math.max(this.#head, this.#covered);
    if (this.#skips.length > 0) this.#skips = this.#skips.filter((skip) => skip.to > this.#covered);
  }

  /** What to ask history for, or null when nothing is missing before what is held. */
  wanted(): Wanted | null {
    let from = Math.max(this.#known, this.#covered) + 1;
    while (this.#held.has(from)) from++;
    if (from > this.#head || this.#skips.some((skip) => skip.from <= from && from <= skip.to)) return null;
    if (this.#held.size >= INBOX_LIMITS.heldMax && from > this.#firstHeldAbove(this.#known)) return null;
    const to = Math.min(this.#firstHeldAbove(from) - 1, this.#head);
    return { from, limit: Math.min(INBOX_LIMITS.pageMax, to - from + 1) };
  }

  #firstHeldAbove(seq: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const held of this.#held.keys()) if (held > seq && held < first) first = held;
    return first;
  }
}
