// Pairs of users under load, and groups, which are pairs with more receivers. The promise that their server is held to: every message
// exactly once to each, in order, answered by `sent` with consecutive numbers, and, of a pair, its receipt back. Counters and clocks
// only; knows no socket and no encoding.
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
  readonly receivers: readonly Progress[];
  /** Last message whose number is known. */
  numbered = 0;
  /** Refused, and not passed by all others yet. */
  readonly refused = new Set<number>();
  /** The chat's number of the last receipt. */
  receiptSeq = 0;
  readonly intended = new Float64Array(TIMES);
  readonly actual = new Float64Array(TIMES);
  readonly seqs = new Float64Array(TIMES);

  constructor(id: number, receivers: number) {
    this.id = id;
    this.receivers = Array.from({ length: receivers }, () => new Progress());
  }

  /** Receipts that have not come for what was delivered; a group counts them. */
  get unreceipted(): number {
    const [only] = this.receivers;
    return this.receivers.length > 1 || only === undefined ? 0 : Math.max(0, only.seq - this.receiptSeq);
  }

  skipRefused(): void {
    if (this.refused.size === 0) return;
    this.sent.skipRefused(this.refused);
    let passed = this.sent.upTo;
    for (const receiver of this.receivers) {
      receiver.skipRefused(this.refused);
      passed = Math.min(passed, receiver.upTo);
    }
    for (const old of this.refused) if (old <= passed) this.refused.delete(old);
  }

  /** Neither answered nor refused. */
  get waiting(): number {
    return this.n - this.sent.upTo;
  }
}

/** One of the orders that messages come in: as answered, and as delivered to one. */
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

  add(id: number, receivers = 1): Pair {
    const pair = new Pair(id, receivers);
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
    pair.skipRefused();
    if (n !== pair.sent.upTo + 1) this.faults.unanswered += 1;
    this.checkNumber(pair, pair.sent, n, seq);
    this.answers += 1;
    record(this.histograms.sent, now - (pair.intended[n % TIMES] ?? now));
    record(this.histograms.sentUncorrected, now - (pair.actual[n % TIMES] ?? now));
  }

  /** `at`: which of the receivers. */
  pushed(pair: Pair, n: number, seq: number, now: number, at = 0): void {
    const progress = pair.receivers[at];
    if (progress === undefined) throw new RangeError(`pair ${pair.id} has no receiver ${at}`);
    progress.skipRefused(pair.refused);
    if (n <= progress.upTo) {
      this.faults.doubled += 1;
      return;
    }
    if (n !== progress.upTo + 1) this.faults.reordered += 1;
    this.checkNumber(pair, progress, n, seq);
    this.deliveries += 1;
    record(this.histograms.delivered, now - (pair.intended[n % TIMES] ?? now));
    record(this.histograms.deliveredUncorrected, now - (pair.actual[n % TIMES] ?? now));
  }

  refusedOne(pair: Pair, n: number): void {
    this.refusals += 1;
    pair.refused.add(n);
    pair.skipRefused();
  }

  receiptFor(pair: Pair, seq: number): void {
    this.receipts += 1;
    pair.receiptSeq = Math.max(pair.receiptSeq, seq);
  }

  /** Frames that are still to come: answers, pushes and receipts. */
  get open(): number {
    let open = 0;
    for (const pair of this.list) {
      open += pair.n - pair.sent.upTo + pair.unreceipted;
      for (const receiver of pair.receivers) open += pair.n - receiver.upTo;
    }
    return open;
  }

  /** After the drain: what never came. Doubles and disorder were counted as they came. */
  verdict(): Promises {
    const verdict = { ...this.faults };
    for (const pair of this.list) {
      pair.skipRefused();
      for (const receiver of pair.receivers) verdict.lost += pair.n - receiver.upTo;
      verdict.unanswered += pair.n - pair.sent.upTo;
      if (pair.receivers.length === 1) verdict.receiptsMissing += Math.max(0, pair.sent.seq - pair.receiptSeq);
    }
    return verdict;
  }

  /** The numbers of a chat follow each other, and answer and pushes agree on them. */
  private checkNumber(pair: Pair, progress: Progress, n: number, seq: number): void {
    if (progress.seq !== 0 && seq !== progress.seq + 1) this.faults.misnumbered += 1;
    if (n <= pair.numbered && pair.seqs[n % TIMES] !== seq) this.faults.misnumbered += 1;
    pair.seqs[n % TIMES] = seq;
    pair.numbered = Math.max(pair.numbered, n);
    progress.seq = seq;
    progress.upTo = Math.max(progress.upTo, n);
  }
}
