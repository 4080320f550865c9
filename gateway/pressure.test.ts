// The pressure machine: up at once, down with patience.
import { expect, test } from 'vitest';
import { CALM, DEFAULT_THRESHOLDS, nextPressure, type PressureState } from './pressure.ts';

const feed = (state: PressureState, ...samples: [delay: number, heap?: number][]): PressureState =>
  samples.reduce(
    (now, [delay, heap = 0.2]) => nextPressure(now, { delayP99Ms: delay, heapShare: heap }, DEFAULT_THRESHOLDS),
    state,
  );

const twice = (delay: number): PressureState => feed(CALM, [delay], [delay]);
const calm = (count: number): [number][] => Array.from({ length: count }, () => [1]);

test('each threshold leads to its level when two samples in a row pass it', () => {
  expect([49, 50, 100, 250].map((delay) => twice(delay).level)).toEqual([0, 1, 2, 3]);
});

test('one pause alone changes nothing, and of two the milder one counts', () => {
  expect(feed(CALM, [5_000]).level).toBe(0);
  expect(feed(CALM, [5_000], [1], [5_000], [1]).level).toBe(0);
  expect(feed(CALM, [5_000], [60]).level).toBe(1);
});

test('a full heap is believed at once', () => {
  expect(feed(CALM, [0, 0.85]).level).toBe(3);
});

test('it comes down one level at a time, after six calm samples each', () => {
  const high = twice(300);
  expect(feed(high, ...calm(5)).level).toBe(3);
  expect(feed(high, ...calm(6)).level).toBe(2);
  expect(feed(high, ...calm(18)).level).toBe(0);
});

test('a value just under the threshold keeps the level, and a relapse starts the count again', () => {
  const high = twice(100);
  expect(feed(high, ...Array.from({ length: 20 }, (): [number] => [90])).level).toBe(2);
  expect(feed(high, ...calm(5), [90], ...calm(5)).level).toBe(2);
  expect(feed(high, ...calm(5), [90], ...calm(6)).level).toBe(1);
});

test('the heap has its own way down', () => {
  const full = feed(CALM, [0, 0.9]);
  const heap = (share: number): [number, number][] => Array.from({ length: 6 }, () => [0, share]);
  expect(feed(full, ...heap(0.82)).level).toBe(3);
  expect(feed(full, ...heap(0.7)).level).toBe(2);
});
