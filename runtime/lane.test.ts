import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callOf, Lane, LanePool, shedClassOf, tagOf } from './lane.ts';

const contents = (lane: Lane): unknown[] => {
  const mails: unknown[] = [];
  lane.forEach((mail) => {
    mails.push(mail);
  });
  return mails;
};

describe('a lane', () => {
  test('hands mails out in the order they came, however it grew and wrapped', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (steps) => {
        const lane = new Lane();
        const model: number[] = [];
        let n = 0;
        for (const push of steps) {
          if (push) {
            lane.push(++n, null, 0);
            model.push(n);
          } else if (lane.count > 0) {
            const at = lane.shift();
            expect(lane.slots[at]).toBe(model.shift());
            lane.clear(at);
          }
          expect(contents(lane)).toEqual(model);
        }
      }),
    );
  });

  test('holds on to no mail that was taken', () => {
    const lane = new Lane();
    for (let n = 0; n < 10; n++) lane.push({ n }, { from: n }, 0);
    while (lane.count > 0) lane.clear(lane.shift());
    expect(lane.slots.filter((slot) => typeof slot === 'object' && slot !== null)).toEqual([]);
  });

  test('evicts the oldest of the most sheddable class, and none that is not above the floor', () => {
    const lane = new Lane();
    for (const [name, shed] of [
      ['m', 0],
      ['r', 1],
      ['t1', 3],
      ['p', 2],
      ['t2', 3],
    ] as const)
      lane.push(name, null, tagOf(0, shed));
    expect(lane.evictAbove(0)).toBe(3);
    expect(contents(lane)).toEqual(['m', 'r', 'p', 't2']);
    expect(lane.evictAbove(2)).toBe(3);
    expect(lane.evictAbove(2)).toBe(0);
    expect(lane.evictAbove(0)).toBe(2);
    expect(lane.evictAbove(0)).toBe(1);
    expect(lane.evictAbove(0)).toBe(0);
    expect(contents(lane)).toEqual(['m']);
  });

  test('tags carry the number of a call beyond 32 bits, and the class', () => {
    for (const call of [0, 1, 2 ** 27, 2 ** 40]) {
      const tag = tagOf(call, 2);
      expect([callOf(tag), shedClassOf(tag)]).toEqual([call, 2]);
    }
  });
});

describe('the pool', () => {
  test('lends the same lane again, but not one that a flood made large', () => {
    const pool = new LanePool();
    const lane = pool.take();
    pool.give(lane);
    expect(pool.take()).toBe(lane);
    for (let n = 0; n < 200; n++) lane.push(n, null, 0);
    while (lane.count > 0) lane.clear(lane.shift());
    pool.give(lane);
    expect(pool.take()).not.toBe(lane);
    expect(pool.lent).toBe(1);
  });
});
