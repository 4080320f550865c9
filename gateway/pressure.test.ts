// The pressure machine: up at once, down with patience.
import { expect, test } from 'vitest';
import { CALM, DEFAULT_THRESHOLDS, nextPressure, type PressureState } from './pressure.ts';

const feed = (state: PressureState, ...samples: [delay: number, heap?: number][]): PressureState =>
  samples.reduce(
    (now, [delay, heap = 0.2]) => nextPressure(now, { delayP99Ms: delay, heapShare: heap }, DEFAULT_THRESHOLDS),
    state,
  );

test('each threshold leads to its level at once', () => {
  expect(feed(CALM, [49]).level).toBe(0);
  expect(feed(CALM, [50]).level).toBe(1);
  expect(feed(CALM, [100]).level).toBe(2);
  expect(feed(CALM, [250]).level).toBe(3);
  expect(feed(CALM, [0, 0.85]).level).toBe(3);
});

test('it comes down one level at a time, after three calm samples each', () => {
  const high = feed(CALM, [300]);
  expect(feed(high, [1], [1]).level).toBe(3);
  expect(feed(high, [1], [1], [1]).level).toBe(2);
  expect(feed(high, ...Array.from({ length: 9 }, (): [number] => [1])).level).toBe(0);
});

test('a value just under the threshold keeps the level, and a relapse starts the count again', () => {
  const high = feed(CALM, [100]);
  expect(feed(high, [90], [90], [90], [90]).level).toBe(2);
  expect(feed(high, [1], [1], [90], [1], [1]).level).toBe(2);
  expect(feed(high, [1], [1], [90], [1], [1], [1]).level).toBe(1);
});

test('the heap has its own way down', () => {
  const full = feed(CALM, [0, 0.9]);
  expect(feed(full, [0, 0.82], [0, 0.82], [0, 0.82]).level).toBe(3);
  expect(feed(full, [0, 0.7], [0, 0.7], [0, 0.7]).level).toBe(2);
});
