// Pairs of users under load, and the promise that their server is held to: every message exactly once, in order, answered by `sent`
// with consecutive numbers, and its receipt back. Counters and clocks only; knows no socket and no encoding.
import type { Histogram } from 'hdr-histogram-js';
import { newHistogram, record } from './latency.ts';

/** What was broken, by kind. All zero, or the run has failed. */
export interface Promises {
  lost: number;
  doubled: number;
  reordered: number;
  /** `sent` missing, doubled or out of order. */
  unanswered: number;
  /** Numbers of a chat that do not follow each other. */
  misnumbered: number;
  receiptsMissing: number;
  refused: number;
}
export const noFaults = (): Promises => ({
  lost: 0,
  doubled: 0,
  reordered: 0,
  unanswered: 0,
  misnumbered: 0,
  receiptsMissing: 0,
  refused: 0,
});
export const isKept = (promises: Promises): boolean => Object.values(promises).every((count) => count === 0);

/** Message times that are remembered, a pair; more in flight than this is nonsense. */
const TIMES = 4_096;

export class Pair {
  readonly id: number;
  /** Last message sent, answered, delivered, by number. */
  n = 0;
  answered = 0;
  delivered = 0;
  /** Last receipt, by number. */
  receipt = 0;
  /** The chat's number of message 0, once the first answer or push has told. */
  base: number | null = null;
  readonly intended = new Float64Array(TIMES);
  readonly actual = new Float64Array(TIMES);

  constructor(id: number) {
    this.id = id;
  }

  get inFlight(): number {
    return this.n - Math.min(this.answered, this.delivered);
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
    this.checkNumber(pair, n, seq);
    if (n !== pair.answered + 1) this.faults.unanswered += 1;
    pair.answered = Math.max(pair.answered, n);
    this.answers += 1;
    record(this.histograms.sent, now - (pair.intended[n % TIMES] ?? now));
    record(this.histograms.sentUncorrected, now - (pair.actual[n % TIMES] ?? now));
  }

  pushed(pair: Pair, n: number, seq: number, now: number): void {
    this.checkNumber(pair, n, seq);
    if (n <= pair.delivered) {
      this.faults.doubled += 1;
      return;
    }
    if (n !== pair.delivered + 1) this.faults.reordered += 1;
    pair.delivered = n;
    this.deliveries += 1;
    record(this.histograms.delivered, now - (pair.intended[n % TIMES] ?? now));
    record(this.histograms.deliveredUncorrected, now - (pair.actual[n % TIMES] ?? now));
  }

  receiptFor(pair: Pair, seq: number): void {
    this.receipts += 1;
    if (pair.base !== null) pair.receipt = Math.max(pair.receipt, seq - pair.base);
  }

  /** Messages of which something is still to come. */
  get open(): number {
    let open = 0;
    for (const pair of this.list) open += pair.n - Math.min(pair.answered, pair.delivered, pair.receipt);
    return open;
  }

  /** After the drain: what never came. Doubles and disorder were counted as they came. */
  verdict(): Promises {
    const verdict = { ...this.faults };
    for (const pair of this.list) {
      verdict.lost += pair.n - pair.delivered;
      verdict.unanswered += pair.n - pair.answered;
      verdict.receiptsMissing += Math.max(0, pair.n - pair.receipt);
    }
    return verdict;
  }

  private checkNumber(pair: Pair, n: number, seq: number): void {
    pair.base ??= seq - n;
    if (seq - n !== pair.base) this.faults.misnumbered += 1;
  }
}
