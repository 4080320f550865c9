import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Timer, TimerWheel } from './wheel.ts';

const add = (wheel: TimerWheel, id: number, due: number): Timer => {
  const timer = new Timer(id, due, null, null);
  wheel.insert(timer);
  return timer;
};

describe('the wheel', () => {
  test('fires each timer at the first advance that reaches it, in order of time and then of setting', () => {
    const delay = fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(20_000_000), fc.constant(2 ** 32 - 1));
    const step = fc.record({ delay, advance: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(5_000_000)) });
    fc.assert(
      fc.property(fc.nat(2 ** 33), fc.array(step, { maxLength: 60 }), (start, steps) => {
        const wheel = new TimerWheel(start);
        let now = start;
        let waiting: { id: number; due: number }[] = [];
        steps.forEach((each, id) => {
          const due = Math.max(now + 1, now + each.delay);
          add(wheel, id, due);
          waiting.push({ id, due });
          now += each.advance;
          const fired: number[] = [];
          wheel.advance(now, (timer) => fired.push(timer.id));
          const expected = waiting.filter((timer) => timer.due <= now).sort((a, b) => a.due - b.due || a.id - b.id);
          expect(fired).toEqual(expected.map((timer) => timer.id));
          waiting = waiting.filter((timer) => timer.due > now);
          expect(wheel.count).toBe(waiting.length);
        });
        const fired: number[] = [];
        for (let next = wheel.nextTick(); next !== null; next = wheel.nextTick())
          wheel.advance(next, (timer) => fired.push(timer.id));
        expect(fired).toEqual(waiting.sort((a, b) => a.due - b.due || a.id - b.id).map((timer) => timer.id));
      }),
      { numRuns: 300 },
    );
  });

  test('names a tick to look again that is never later than the earliest timer', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 33), fc.array(fc.nat(20_000_000), { minLength: 1, maxLength: 20 }), (start, delays) => {
        const wheel = new TimerWheel(start);
        for (const [id, delay] of delays.entries()) add(wheel, id, start + 1 + delay);
        const next = wheel.nextTick() ?? Number.POSITIVE_INFINITY;
        expect(next).toBeGreaterThan(start);
        expect(next).toBeLessThanOrEqual(start + 1 + Math.min(...delays));
      }),
    );
  });

  test('forgets a removed timer, twice too', () => {
    const wheel = new TimerWheel(0);
    const timers = [5, 5, 5, 900].map((due, id) => add(wheel, id, due));
    for (const at of [1, 3, 1]) wheel.remove(timers[at] as Timer);
    const fired: number[] = [];
    wheel.advance(1_000, (timer) => fired.push(timer.id));
    expect(fired).toEqual([0, 2]);
    expect(wheel.count).toBe(0);
  });

  test('may be added to and taken from while it fires', () => {
    const wheel = new TimerWheel(0);
    const second = new Timer(2, 10, null, null);
    const fired: number[] = [];
    add(wheel, 1, 10);
    wheel.insert(second);
    wheel.advance(20, (timer) => {
      fired.push(timer.id);
      if (timer.id === 1) {
        wheel.remove(second);
        add(wheel, 3, 15);
      }
    });
    expect(fired).toEqual([1, 3]);
  });
});
