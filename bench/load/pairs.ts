// Pairs of users under load, and the promise that their server is held to: every message exactly once, in order, answered by `sent`
// with consecutive numbers, and its receipt back. Counters and clocks only; knows no socket and no encoding.
import type { Histogram } from 'hdr-histogram-js';
import { newHistogram, record } from './latency.ts';

/** What was broken, by kind. All zero, or the run has failed. A message that was refused is promised nothing. */
export interface Promises {
  lost: number;
  doubled: number;
  reordered: number;
  /** `sent` missing, doubled or out of order. */
  unanswered: number;
  /** Numbers of a chat that do not follow each other. */
  misnumbered: number;
  receiptsMissing: number;
}
export const noFaults = (): Promises => ({
  lost: 0,
  doubled: 0,
  reordered: 0,
  unanswered: 0,
  misnumbered: 0,
  receiptsMissing: 0,
});
export const isKept = (promises: Promises): boolean => Object.values(promises).every((count) => count === 0);

/** Message times that are remembered, a pair; more in flight than this is nonsense. */
const TIMES = 4_096;

export class Pair {
  readonly id: number;
  /** Last message sent, by number. */
  n = 0;
  readonly sent = new Progress();
  readonly pushed = new Progress();
  /** Refused, and not passed by both others yet. */
  readonly refused = new Set<number>();
  /** The chat's number of the last receipt. */
  receiptSeq = 0;
  readonly intended = new Float64Array(TIMES);
  readonly actual = new Float64Array(TIMES);
  readonly seqs = new Float64Array(TIMES);

  constructor(id: number) {
    this.id = id;
  }

  /** Neither answered nor refused. */
  get waiting(): number {
    return this.n - this.sent.upTo;
  }
}

/** One of the two orders that messages come in: as answered, and as delivered. */
export class Progress {
  /** Every message up to here has come, or was refused. */
  upTo = 0;
  seq = 0;

  /** What came between was refused, or is missing. */
  skipRefused(refused: ReadonlySet<number>): void {
    while (refused.has(this.upTo + 1)) this.upTo += 1;
  }
}

export interface Histograms {
  readonly sent: Histogram;
  readonly sentUncorrected: Histogram;
  readonly delivered: Histogram;
  readonly deliveredUncorrected: Histogram;
  /** How late the generator was. */
  readonly lag: Histogram;
}
export const newHistograms = (): Histograms => ({
  sent: newHistogram(),
  sentUncorrected: newHistogram(),
  delivered: newHistogram(),
  deliveredUncorrected: newHistogram(),
  lag: newHistogram(),
});

export class Pairs {
  readonly list: Pair[] = [];
  readonly faults = noFaults();
  histograms = newHistograms();
  answers = 0;
  deliveries = 0;
  receipts = 0;
  refusals = 0;

  add(id: number): Pair {
    const pair = new Pair(id);
    this.list.push(pair);
    return pair;
  }

  /** The number of the next message of this pair, which is meant to leave at `intended` and leaves now. */
  take(pair: Pair, intended: number, now: number): number {
    pair.n += 1;
    pair.intended[pair.n % TIMES] = intended;
    pair.actual[pair.n % TIMES] = now;
    record(this.histograms.lag, now - intended);
    return pair.n;
  }

  sent(pair: Pair, n: number, seq: number, now: number): void {
    pair.sent.skipRefused(pair.refused);
    if (n !== pair.sent.upTo + 1) this.faults.unanswered += 1;
    this.checkNumber(pair, pair.sent, n, seq);
    this.answers += 1;
    record(this.histograms.sent, now - (pair.intended[n % TIMES] ?? now));
    record(this.histograms.sentUncorrected, now - (pair.actual[n % TIMES] ?? now));
  }

  pushed(pair: Pair, n: number, seq: number, now: number): void {
    pair.pushed.skipRefused(pair.refused);
    if (n <= pair.pushed.upTo) {
      this.faults.doubled += 1;
      return;
    }
    if (n !== pair.pushed.upTo + 1) this.faults.reordered += 1;
    this.checkNumber(pair, pair.pushed, n, seq);
    this.deliveries += 1;
    record(this.histograms.delivered, now - (pair.intended[n % TIMES] ?? now));
    record(this.histograms.deliveredUncorrected, now - (pair.actual[n % TIMES] ?? now));
  }

  refusedOne(pair: Pair, n: number): void {
    this.refusals += 1;
    pair.refused.add(n);
    pair.sent.skipRefused(pair.refused);
    pair.pushed.skipRefused(pair.refused);
    const passed = Math.min(pair.sent.upTo, pair.pushed.upTo);
    for (const old of pair.refused) if (old <= passed) pair.refused.delete(old);
  }

  receiptFor(pair: Pair, seq: number): void {
    this.receipts += 1;
    pair.receiptSeq = Math.max(pair.receiptSeq, seq);
  }

  /** Frames that are still to come: answers, pushes and receipts. */
  get open(): number {
    let open = 0;
    for (const pair of this.list) {
      open += 2 * pair.n - pair.sent.upTo - pair.pushed.upTo + Math.max(0, pair.pushed.seq - pair.receiptSeq);
    }
    return open;
  }

  /** After the drain: what never came. Doubles and disorder were counted as they came. */
  verdict(): Promises {
    const verdict = { ...this.faults };
    for (const pair of this.list) {
      pair.sent.skipRefused(pair.refused);
      pair.pushed.skipRefused(pair.refused);
      verdict.lost += pair.n - pair.pushed.upTo;
      verdict.unanswered += pair.n - pair.sent.upTo;
      verdict.receiptsMissing += Math.max(0, pair.sent.seq - pair.receiptSeq);
    }
    return verdict;
  }

  /** The numbers of a chat follow each other, and answer and push agree on them. */
  private checkNumber(pair: Pair, progress: Progress, n: number, seq: number): void {
    const other = progress === pair.sent ? pair.pushed : pair.sent;
    if (progress.seq !== 0 && seq !== progress.seq + 1) this.faults.misnumbered += 1;
    if (other.upTo >= n && pair.seqs[n % TIMES] !== seq) this.faults.misnumbered += 1;
    pair.seqs[n % TIMES] = seq;
    progress.seq = seq;
    progress.upTo = Math.max(progress.upTo, n);
  }
}
