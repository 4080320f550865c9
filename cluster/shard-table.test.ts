import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ShardTable } from './shard-table.ts';
import { moveOf, nodeOf, ringOf } from './testing/shard-bench.ts';

const [A, B, C] = [nodeOf('a'), nodeOf('b'), nodeOf('c')];
const take = (table: ShardTable, shard: number, fence: number): void => {
  table.taking(shard);
  table.opened(shard, fence);
};

describe('what a shard waits for', () => {
  test('nobody had it: it may be taken at once', () => {
    const table = new ShardTable(4);
    expect(table.apply(ringOf(1, { 2: A }), A, 0).claim).toEqual([2]);
    expect(table.ready(0).take).toEqual([2]);
  });

  test('all that the moves name, until each has released it or is dead', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(5, { 0: C }, [moveOf(0, B, C, A)]), C, 0);
    table.released(0, B, 5);
    expect(table.ready(0).take).toEqual([]);
    expect([...table.asked().keys()]).toEqual([A]);
    table.forget((node) => node === A);
    expect(table.ready(0).take).toEqual([0]);
  });

  test('the owner of the last ring that we saw, though the new one does not name it', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(1, { 0: A, 1: C }), C, 0);
    table.apply(ringOf(2, { 0: C }), C, 0);
    expect(table.asked()).toEqual(new Map([[A, [0]]]));
  });

  test('whom the database names', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(1, { 0: C }), C, 0);
    table.mayOwn(0, A, C);
    table.mayOwn(0, C, C);
    table.mayOwn(1, A, C);
    expect(table.asked()).toEqual(new Map([[A, [0]]]));
  });
});

describe('a release', () => {
  test('that came before the ring counts, as of its epoch or a later one', () => {
    for (const [epoch, ready] of [
      [2, true],
      [3, true],
      [1, false],
    ] as const) {
      const table = new ShardTable(4);
      table.apply(ringOf(1, { 0: A }), C, 0);
      table.released(0, A, epoch);
      table.apply(ringOf(2, { 0: C }, [moveOf(0, A, C)]), C, 0);
      expect(table.ready(0).take).toEqual(ready ? [0] : []);
    }
  });

  test('of an older epoch is no news: its sender may have got the shard back since', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(7, { 0: C }, [moveOf(0, A, C)]), C, 0);
    table.released(0, A, 5);
    expect(table.ready(0).take).toEqual([]);
    table.released(0, A, 7);
    expect(table.ready(0).take).toEqual([0]);
  });

  test('by somebody else changes nothing', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(7, { 0: C }, [moveOf(0, A, C)]), C, 0);
    table.released(0, B, 7);
    expect(table.ready(0).take).toEqual([]);
  });
});

describe('a shard that moves on', () => {
  test('before it was opened is passed on at once: its next owner waits for the last one by itself', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(2, { 0: B }, [moveOf(0, A, B)]), B, 0);
    expect(table.apply(ringOf(3, { 0: C }, [moveOf(0, B, C, A)]), B, 0).pass).toEqual([0]);
    expect(table.ready(0)).toEqual({ take: [], pass: [0] });
    expect(table.asked().size).toBe(0);
    table.left(0, B, 0);
    expect(table.isEmpty).toBe(true);
  });

  test('while a stranger may have it is kept until that one is gone', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(2, { 0: B }, [moveOf(0, A, B)]), B, 0);
    table.notBefore(0, 50);
    table.apply(ringOf(3, { 0: C }, [moveOf(0, B, C, A)]), B, 0);
    expect(table.ready(49).pass).toEqual([]);
    expect(table.ready(50).pass).toEqual([0]);
  });

  test('and comes back waits for those too who were to have it between', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(2, { 0: B }, [moveOf(0, A, B)]), B, 0);
    table.released(0, A, 2);
    table.apply(ringOf(3, { 0: C }, [moveOf(0, B, C, A)]), B, 0);
    table.apply(ringOf(4, { 0: B }, [moveOf(0, C, B, A)]), B, 0);
    expect([...table.asked().keys()].sort()).toEqual([A, C]);
  });

  test('back to us while it is sealed here is claimed anew, under a fence of its own', () => {
    const table = new ShardTable(4);
    table.apply(ringOf(1, { 0: A }), A, 0);
    take(table, 0, 1);
    expect(table.apply(ringOf(2, { 0: B }), A, 0).seal).toEqual([0]);
    expect(table.apply(ringOf(3, { 0: A }), A, 0)).toEqual({ seal: [], claim: [], pass: [] });
    expect(table.fence(0)).toBe(1);
    table.left(0, A, 0);
    expect(table.phase(0)).toBe('waiting');
    expect(table.fence(0)).toBe(0);
  });
});

test('a lost lease takes everything, and what was asked under it is no news', () => {
  const table = new ShardTable(4);
  table.apply(ringOf(1, { 0: A, 1: A }), A, 0);
  take(table, 0, 1);
  table.taking(1);
  const turn = table.turn(1);
  expect(table.dropAll()).toEqual([0, 1]);
  expect(table.isEmpty).toBe(true);
  expect(table.turn(1)).not.toBe(turn);
  expect(table.fence(0)).toBe(0);
});

test('an epoch that is not newer is a fault of the caller', () => {
  const table = new ShardTable(4);
  table.apply(ringOf(2, {}), A, 0);
  expect(() => table.apply(ringOf(2, {}), A, 0)).toThrow();
});

test('whatever rings come, only what is ours is ever ready to be taken, and nothing of others is open', () => {
  const owners = fc.record({ 0: fc.constantFrom(A, B, C), 1: fc.constantFrom(A, B, C) });
  const step = fc.oneof(
    fc.record({ t: fc.constant('ring' as const), owners }),
    fc.record({ t: fc.constant('released' as const), by: fc.constantFrom(B, C), late: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ t: fc.constant('left' as const), shard: fc.integer({ min: 0, max: 1 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const table = new ShardTable(2);
      let epoch = 0;
      let last: Record<number, typeof A> = {};
      for (const each of steps) {
        if (each.t === 'ring') {
          const moves = [0, 1].flatMap((shard) => {
            const [from, to] = [last[shard] ?? null, each.owners[shard as 0 | 1]];
            return from === to ? [] : [moveOf(shard, from, to)];
          });
          table.apply(ringOf(++epoch, each.owners, moves), A, 0);
          last = each.owners;
        } else if (each.t === 'released') {
          for (const shard of [0, 1]) table.released(shard, each.by, Math.max(0, epoch - each.late));
        } else if (['sealing', 'passing'].includes(table.phase(each.shard))) table.left(each.shard, A, 0);
        const { take: takes } = table.ready(0);
        for (const shard of takes) {
          expect(last[shard]).toBe(A);
          take(table, shard, epoch);
        }
        for (const shard of [0, 1]) if (table.phase(shard) === 'open') expect(last[shard]).toBe(A);
      }
    }),
    { numRuns: 300 },
  );
});
