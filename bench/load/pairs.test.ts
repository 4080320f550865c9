import { describe, expect, it } from 'vitest';
import { isKept, type Pair, Pairs } from './pairs.ts';

/** A pair whose message went through all five frames. */
function through(pairs: Pairs, pair: Pair): number {
  const n = pairs.take(pair, 10, 11);
  pairs.sent(pair, n, n + 1, 12);
  pairs.pushed(pair, n, n + 1, 13);
  pairs.receiptFor(pair, n + 1);
  return n;
}

describe('the promise of a pair', () => {
  it('is kept when each message comes once, in order, with its receipt', () => {
    const pairs = new Pairs();
    const pair = pairs.add(0);
    for (let i = 0; i < 5; i++) through(pairs, pair);
    expect(pairs.open).toBe(0);
    expect(isKept(pairs.verdict())).toBe(true);
  });

  it('finds what was lost, and what its receipt and answer lack', () => {
    const pairs = new Pairs();
    const pair = pairs.add(0);
    through(pairs, pair);
    const n = pairs.take(pair, 0, 0);
    expect(pairs.open).toBe(2);
    expect(pairs.verdict()).toMatchObject({ lost: 1, unanswered: 1, receiptsMissing: 0, doubled: 0, reordered: 0 });
    pairs.sent(pair, n, 3, 1);
    pairs.pushed(pair, n, 3, 1);
    expect(pairs.verdict()).toMatchObject({ lost: 0, unanswered: 0, receiptsMissing: 1 });
  });

  it('tells doubles from disorder', () => {
    const pairs = new Pairs();
    const pair = pairs.add(0);
    const [one, two, three] = [pairs.take(pair, 0, 0), pairs.take(pair, 0, 0), pairs.take(pair, 0, 0)];
    pairs.pushed(pair, one, one, 1);
    pairs.pushed(pair, three, three, 1);
    expect(pairs.verdict().reordered).toBe(1);
    pairs.pushed(pair, two, two, 1);
    expect(pairs.verdict().doubled).toBe(1);
  });

  it('promises nothing for what was refused, and goes on behind it', () => {
    const pairs = new Pairs();
    const pair = pairs.add(0);
    through(pairs, pair);
    const [two, three] = [pairs.take(pair, 0, 0), pairs.take(pair, 0, 0)];
    pairs.refusedOne(pair, two);
    expect(pair.waiting).toBe(1);
    pairs.sent(pair, three, 3, 1);
    pairs.pushed(pair, three, 3, 1);
    pairs.receiptFor(pair, 3);
    pairs.refusedOne(pair, pairs.take(pair, 0, 0));
    expect(pairs.open).toBe(0);
    expect(isKept(pairs.verdict())).toBe(true);
    expect(pairs.refusals).toBe(2);
  });

  it('wants numbers that follow each other', () => {
    const pairs = new Pairs();
    const pair = pairs.add(0);
    through(pairs, pair);
    const n = pairs.take(pair, 0, 0);
    pairs.sent(pair, n, n + 7, 1);
    expect(pairs.verdict().misnumbered).toBe(1);
  });

  it('measures from the intended time, and beside it from the real one', () => {
    const pairs = new Pairs();
    const pair = pairs.add(0);
    const n = pairs.take(pair, 100, 130);
    pairs.sent(pair, n, n, 150);
    expect(pairs.histograms.sent.maxValue / 1_000).toBeCloseTo(50, 0);
    expect(pairs.histograms.sentUncorrected.maxValue / 1_000).toBeCloseTo(20, 0);
    expect(pairs.histograms.lag.maxValue / 1_000).toBeCloseTo(30, 0);
  });
});
