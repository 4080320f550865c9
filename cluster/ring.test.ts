import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameOf, nodeIdOf, parseNodeId } from './node-id.ts';
import {
  decodeRing,
  encodeRing,
  memberOf,
  ownerOf,
  RING_SHARDS,
  type Ring,
  type RingMember,
  shardsOf,
} from './ring.ts';
import { nextRing, PLANNED_MOVES_MAX } from './ring-plan.ts';

const member = (name: string, more: Partial<RingMember> = {}): RingMember => ({
  id: nodeIdOf(name, 'i1'),
  name,
  weight: 1,
  url: null,
  draining: false,
  ...more,
});

/** A change of the cluster: some die, some drain, some lose their weight, some come. */
interface Change {
  readonly die: readonly boolean[];
  readonly drain: readonly boolean[];
  readonly lose: readonly boolean[];
  readonly join: readonly number[];
}

const weights = fc.array(fc.constantFrom(1, 1, 1, 2, 0.5, 4, 0), { minLength: 1, maxLength: 9 });
const change: fc.Arbitrary<Change> = fc.record({
  die: fc.array(fc.boolean(), { maxLength: 4 }),
  drain: fc.array(fc.boolean(), { maxLength: 4 }),
  lose: fc.array(fc.boolean(), { maxLength: 3 }),
  join: fc.array(fc.constantFrom(1, 2, 0.5), { maxLength: 3 }),
});

function applied(members: readonly RingMember[], { die, drain, lose, join }: Change, round: number): RingMember[] {
  const changed = members
    .filter((_, index) => !die[index])
    .map((each, index) => (drain[index] ? { ...each, draining: true } : each))
    .map((each, index) => (lose[index] ? { ...each, weight: 0 } : each));
  return [...changed, ...join.map((weight, index) => member(`n${round}-${index}`, { weight }))];
}

const owners = (ring: Ring): (string | null)[] => ring.owners.map((_, shard) => ownerOf(ring, shard));
const movedBetween = (a: Ring, b: Ring): number => {
  const [before, after] = [owners(a), owners(b)];
  return before.filter((owner, shard) => owner !== after[shard]).length;
};
const takes = (members: readonly RingMember[]): RingMember[] =>
  members.filter((each) => each.weight > 0 && !each.draining);

/** Epoch after epoch until nothing is to change. */
function settled(prev: Ring | null, members: readonly RingMember[]): { ring: Ring | null; rings: Ring[] } {
  const rings: Ring[] = [];
  let ring = prev;
  for (let epochs = 0; epochs < 100; epochs++) {
    const next = nextRing(ring, members);
    if (next === null) return { ring, rings };
    rings.push(next);
    ring = next;
  }
  throw new Error('does not settle');
}

const band = (members: readonly RingMember[], each: RingMember): { least: number; most: number } => {
  const total = takes(members).reduce((sum, one) => sum + one.weight, 0);
  const share = each.draining ? 0 : (RING_SHARDS * each.weight) / total;
  return { least: Math.floor(share * 0.9), most: Math.max(Math.floor(share * 1.1), Math.ceil(share)) };
};

describe('a ring', () => {
  test('of one node gives it everything, in epoch 1', () => {
    const ring = nextRing(null, [member('a')]);
    expect(ring?.epoch).toBe(1);
    expect(new Set(owners(ring as Ring))).toEqual(new Set(['a#i1']));
    expect(ring?.moves.length).toBe(RING_SHARDS);
    expect(ring?.moves[0]).toEqual({ shard: 0, from: null, to: 'a#i1', earlier: [] });
    expect(nextRing(ring, [member('a')])).toBeNull();
  });

  test('is not made when nobody may own a shard', () => {
    expect(nextRing(null, [])).toBeNull();
    expect(nextRing(null, [member('g', { weight: 0 })])).toBeNull();
    const ring = nextRing(null, [member('a')]);
    expect(nextRing(ring, [member('a', { draining: true })])).toBeNull();
    expect(nextRing(ring, [])).toBeNull();
  });

  test('has members without shards: those of weight 0', () => {
    const ring = nextRing(null, [member('a'), member('g', { weight: 0, url: 'ws://g' })]) as Ring;
    expect(memberOf(ring, nodeIdOf('g', 'i1'))?.url).toBe('ws://g');
    expect(shardsOf(ring, nodeIdOf('g', 'i1'))).toEqual([]);
    expect(shardsOf(ring, nodeIdOf('a', 'i1')).length).toBe(RING_SHARDS);
  });

  test('is above the epoch that is known of', () => {
    expect(nextRing(null, [member('a')], { epochMin: 58 })?.epoch).toBe(58);
  });

  test('is the same after encoding, and bytes of no ring are refused', () => {
    const three = ['a', 'b', 'c'].map((name) => member(name));
    const first = nextRing(null, three) as Ring;
    const second = nextRing(first, three.slice(1), { isDone: () => false }) as Ring;
    for (const ring of [first, second]) expect(decodeRing(encodeRing(ring, 'x'))).toEqual(ring);
    const bytes = encodeRing(first);
    expect(encodeRing(first, 'p1')).not.toEqual(encodeRing(first, 'p2'));
    expect(() => decodeRing(Uint8Array.of(1, 2, 3))).toThrow();
    for (let cut = 1; cut < 200; cut += 7) expect(() => decodeRing(bytes.slice(0, bytes.length - cut))).toThrow();
  });

  test('names earlier owners whose handing over is not known to be done', () => {
    const [a, b, c] = [member('a'), member('b'), member('c')];
    const one = nextRing(null, [a]) as Ring;
    const two = nextRing(one, [a, b]) as Ring;
    expect(two.moves.length).toBe(PLANNED_MOVES_MAX);
    // b died before it was done; what it was to get comes from a, or from b: both have to be asked.
    const three = nextRing(two, [a, c], { isDone: () => false }) as Ring;
    const toB = new Set(two.moves.map((move) => move.shard));
    expect(three.moves.filter((move) => move.from === b.id).map((move) => move.shard)).toEqual([...toB]);
    for (const move of three.moves) {
      if (move.from === b.id) expect(move.earlier).toEqual(move.to === a.id ? [] : [a.id]);
    }
    // And a move that goes on stands in the next ring as it was.
    const four = nextRing(three, [a, c], { isDone: () => false }) as Ring;
    for (const move of three.moves) {
      if (ownerOf(four, move.shard) === move.to) expect(four.moves).toContainEqual(move);
    }
    expect(nextRing(three, [a, c], { isDone: () => true })?.moves.every((move) => move.earlier.length === 0)).toBe(
      true,
    );
  });

  test('gives a node that starts again much of what it had', () => {
    const names = ['a', 'b', 'c', 'd'];
    const before = nextRing(
      null,
      names.map((name) => member(name)),
    ) as Ring;
    const again = names.map((name) => (name === 'c' ? member(name, { id: nodeIdOf('c', 'i2') }) : member(name)));
    const after = nextRing(before, again) as Ring;
    const kept = shardsOf(before, nodeIdOf('c', 'i1')).filter((shard) => ownerOf(after, shard) === 'c#i2');
    expect(kept.length).toBeGreaterThan(225);
  });
});

describe('the next ring, whatever happens,', () => {
  const run = (check: (prev: Ring | null, members: RingMember[], next: Ring) => void): void => {
    fc.assert(
      fc.property(weights, fc.array(change, { maxLength: 4 }), (first, changes) => {
        let members = first.map((weight, index) => member(`m${index}`, { weight }));
        let ring: Ring | null = null;
        const step = (): void => {
          for (let epochs = 0; epochs < 30; epochs++) {
            const next = nextRing(ring, members);
            if (next === null) return;
            check(ring, members, next);
            ring = next;
            if (epochs === 2 && changes.length % 2 === 1) return;
          }
        };
        step();
        for (const [round, each] of changes.entries()) {
          members = applied(members, each, round);
          step();
        }
      }),
      { numRuns: 60 },
    );
  };

  test('keeps no dead owner, gives nothing to one that drains or weighs nothing, and leaves no shard out', () => {
    run((_, members, next) => {
      const alive = new Set<string>(members.map((each) => each.id));
      for (const each of next.members) expect(alive.has(each.id)).toBe(true);
      expect(owners(next)).not.toContain(null);
      const mayTake = new Set<string>(takes(members).map((each) => each.id));
      expect(next.moves.filter((move) => !mayTake.has(move.to))).toEqual([]);
    });
  });

  test('moves what owners had that died or lost their weight, or else 5 % at the most; and says what moved', () => {
    run((prev, members, next) => {
      if (prev === null) return;
      const alive = new Set(members.filter((each) => each.weight > 0).map((each) => each.id));
      const orphans = prev.owners.filter(
        (_, shard) => !alive.has(ownerOf(prev, shard) ?? nodeIdOf('none', 'x')),
      ).length;
      expect(movedBetween(prev, next)).toBeLessThanOrEqual(orphans > 0 ? orphans : PLANNED_MOVES_MAX);
      expect(next.moves.length).toBe(movedBetween(prev, next));
      const lies = next.moves.filter(
        ({ shard, from, to }) => from !== ownerOf(prev, shard) || to !== ownerOf(next, shard),
      );
      expect(lies).toEqual([]);
      expect(next.epoch).toBe(prev.epoch + 1);
    });
  });

  test('is the same on every node, in whatever order it learned of the members', () => {
    run((prev, members, next) => {
      const shuffled = members.map((each) => ({ ...each })).reverse();
      const copy = prev === null ? null : decodeRing(encodeRing(prev));
      expect(nextRing(copy, shuffled)).toEqual(next);
    });
  });

  test('comes to rest with all in their bands: nobody over 1.1 times its share', () => {
    fc.assert(
      fc.property(weights, fc.array(change, { maxLength: 3 }), (first, changes) => {
        let members = first.map((weight, index) => member(`m${index}`, { weight }));
        let { ring } = settled(null, members);
        for (const [round, each] of changes.entries()) {
          members = applied(members, each, round);
          ring = settled(ring, members).ring;
          if (ring === null || takes(members).length === 0) return;
          for (const one of members) {
            const count = shardsOf(ring, one.id).length;
            const { least, most } = band(members, one);
            expect(count).toBeLessThanOrEqual(most);
            expect(count).toBeGreaterThanOrEqual(least);
          }
          expect(ring.members.some((one) => one.draining)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('gets there with at most 1.2 times the moves that no plan could do without', () => {
    let most = 0;
    fc.assert(
      fc.property(weights, change, (first, what) => {
        const before = first.map((weight, index) => member(`m${index}`, { weight }));
        const start = settled(null, before).ring;
        const members = applied(before, what, 0);
        if (start === null || takes(members).length === 0) return;
        const { rings } = settled(start, members);
        let moves = 0;
        let last = start;
        for (const ring of rings) {
          moves += movedBetween(last, ring);
          last = ring;
        }
        const counts = members.map((each) => ({ ...band(members, each), count: shardsOf(start, each.id).length }));
        const orphans = RING_SHARDS - counts.reduce((sum, each) => sum + each.count, 0);
        const tooMany = counts.reduce((sum, each) => sum + Math.max(0, each.count - each.most), 0);
        const tooFew = counts.reduce((sum, each) => sum + Math.max(0, each.least - each.count), 0);
        const least = Math.max(orphans + tooMany, tooFew);
        expect(moves).toBeLessThanOrEqual(1.2 * least);
        most = Math.max(most, least === 0 ? 0 : moves / least);
      }),
      { numRuns: 150 },
    );
    expect(most).toBeGreaterThanOrEqual(1);
  });

  test('of a hundred nodes still holds them within a tenth', () => {
    const members = Array.from({ length: 100 }, (_, index) => member(`node-${index}`));
    const { ring } = settled(null, members);
    const counts = members.map((each) => shardsOf(ring as Ring, each.id).length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(11);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(9);
  });
});

test('a node id has a name and an incarnation, and nothing that breaks a key', () => {
  const id = nodeIdOf('node-1', 'aB3_-xyz');
  expect(id).toBe('node-1#aB3_-xyz');
  expect(nameOf(id)).toBe('node-1');
  for (const name of ['', 'a.b', 'a#b', 'a b', 'a*', 'ü', 'x'.repeat(65)]) expect(() => nodeIdOf(name, 'i')).toThrow();
  for (const text of ['', 'a', '#i', 'a#', 'a#b#c', 'a.b#c', 7, null]) expect(parseNodeId(text)).toBeNull();
  expect(parseNodeId(id)).toBe(id);
});
