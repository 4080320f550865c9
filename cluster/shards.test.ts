import { describe, expect, test } from 'vitest';
import { HELD_SHARD_MAX } from './held-mail.ts';
import { HOLD_PATIENCE_MS, SEAL_PATIENCE_MS } from './shards.ts';
import { Bench, type BenchNode, moveOf, nodeOf, ringOf } from './testing/shard-bench.ts';

const [A, B, C] = [nodeOf('a'), nodeOf('b'), nodeOf('c')];

interface Three {
  readonly bench: Bench;
  readonly a: BenchNode;
  readonly b: BenchNode;
  readonly c: BenchNode;
}
/** Shard 1 is open on `a`. */
async function three(): Promise<Three> {
  const bench = new Bench();
  const [a, b, c] = [bench.node('a'), bench.node('b'), bench.node('c')];
  for (const node of [a, b, c]) node.shards.onRing(ringOf(1, { 1: A }, [moveOf(1, null, A)]));
  await bench.env.settle(500);
  expect(bench.holders(1)).toEqual(['a']);
  return { bench, a, b, c };
}
const toB = ringOf(2, { 1: B }, [moveOf(1, A, B)]);
const texts = (bench: Bench, node?: string): string[] =>
  bench.said.filter((said) => node === undefined || said.node === node).map((said) => said.text);

describe('a planned handoff', () => {
  test('the rest of the mailbox is handled first, then what the source took meanwhile, then what the target held', async () => {
    const { bench, a, b } = await three();
    a.say('1-x', 'busy');
    await bench.env.settle();
    b.shards.onRing(toB);
    b.say('1-x', 'held by b');
    bench.hold(a, b);
    // Waits in the mailbox of the cell that is sealed.
    a.say('1-x', 'rest 1');
    a.say('1-x', 'rest 2');
    a.shards.onRing(toB);
    a.say('1-x', 'taken while sealing');
    const cell = a.kernel.whereis('word', '1-x');
    if (cell !== null) a.kernel.reply(cell, {});
    await bench.env.settle(500);
    expect(bench.holders(1)).toEqual([]);
    bench.release(a, b);
    await bench.env.settle(500);
    expect(bench.holders(1)).toEqual(['b']);
    expect(texts(bench, 'b')).toEqual(['rest 1', 'rest 2', 'taken while sealing', 'held by b']);
    expect(bench.refused).toEqual([]);
    expect(a.shards.isEmpty).toBe(true);
    expect(b.shards.counts).toMatchObject({ open: 1, held: 0, remainder: 3 });
  });

  test('waits for what a cell has under way, but not for ever', async () => {
    const { bench, a, b } = await three();
    a.say('1-x', 'busy');
    await bench.env.settle();
    for (const node of [a, b]) node.shards.onRing(toB);
    await bench.env.settle(SEAL_PATIENCE_MS - 200);
    // It may still tell what it wrote.
    expect(bench.holders(1)).toEqual(['a']);
    await bench.env.settle(1_000);
    expect(bench.holders(1)).toEqual(['b']);
  });

  test('the source dies in the middle: the target waits until that is sure', async () => {
    const { bench, a, b } = await three();
    a.say('1-x', 'busy');
    await bench.env.settle();
    for (const node of [a, b]) node.shards.onRing(toB);
    a.shards.close();
    bench.nodes.delete(A);
    await bench.env.settle(3_000);
    expect(bench.holders(1)).toEqual([]);
    bench.dead.add(A);
    await bench.env.settle(1_000);
    expect(bench.holders(1)).toEqual(['b']);
  });

  test('the target dies in the middle: the next ring names another', async () => {
    const { bench, a, b, c } = await three();
    b.shards.close();
    bench.nodes.delete(B);
    for (const node of [a, c]) node.shards.onRing(toB);
    await bench.env.settle(1_000);
    expect(bench.holders(1)).toEqual([]);
    for (const node of [a, c]) node.shards.onRing(ringOf(3, { 1: C }, [moveOf(1, B, C, A)]));
    await bench.env.settle(3_000);
    // `b` may have it, as far as anybody knows.
    expect(bench.holders(1)).toEqual([]);
    bench.dead.add(B);
    await bench.env.settle(2_000);
    expect(bench.holders(1)).toEqual(['c']);
  });

  test('the ring moves on before the target has opened it: the next one waits for both', async () => {
    const { bench, a, b, c } = await three();
    a.say('1-x', 'busy');
    await bench.env.settle();
    for (const node of [a, b]) node.shards.onRing(toB);
    b.say('1-x', 'first');
    await bench.env.settle(100);
    for (const node of [b, c]) node.shards.onRing(ringOf(3, { 1: C }, [moveOf(1, B, C, A)]));
    await bench.env.settle(1_000);
    expect(b.shards.isEmpty).toBe(true);
    expect(bench.holders(1)).toEqual(['a']);
    a.shards.onRing(ringOf(3, { 1: C }, [moveOf(1, B, C, A)]));
    await bench.env.settle(3_000);
    expect(bench.holders(1)).toEqual(['c']);
    expect(texts(bench, 'c')).toEqual(['first']);
  });

  test('two that pass a shard on do not wait for each other', async () => {
    const { bench, a, b, c } = await three();
    for (const node of [b, c]) {
      node.shards.onRing(toB);
      node.shards.onRing(ringOf(3, { 1: C }, [moveOf(1, B, C, A)]));
    }
    c.shards.onRing(ringOf(4, { 1: B }, [moveOf(1, C, B, A)]));
    for (const node of [a, b]) node.shards.onRing(ringOf(5, { 1: A }, [moveOf(1, B, A, C)]));
    c.shards.onRing(ringOf(5, { 1: A }, [moveOf(1, B, A, C)]));
    await bench.env.settle(2_000);
    expect(bench.holders(1)).toEqual(['a']);
    for (const node of [b, c]) expect(node.shards.isEmpty).toBe(true);
  });

  test('a ring that takes it back at once leaves nobody waiting for ever', async () => {
    const { bench, a, b } = await three();
    b.shards.onRing(toB);
    const back = ringOf(3, { 1: A }, [moveOf(1, B, A)]);
    b.shards.onRing(back);
    // It never saw the ring between.
    a.shards.onRing(back);
    await bench.env.settle(2_000);
    expect(bench.holders(1)).toEqual(['a']);
    expect(b.shards.isEmpty).toBe(true);
  });
});

describe('`released`', () => {
  test('may come before the ring', async () => {
    const { bench, a, b } = await three();
    a.shards.onRing(toB);
    await bench.env.settle(100);
    b.shards.onRing(toB);
    await bench.env.settle(200);
    expect(bench.holders(1)).toEqual(['b']);
  });

  test('that was lost is asked for', async () => {
    const { bench, a, b } = await three();
    bench.hold(a, b);
    for (const node of [a, b]) node.shards.onRing(toB);
    await bench.env.settle(300);
    bench.stuck.clear();
    await bench.env.settle(2_000);
    expect(bench.holders(1)).toEqual(['b']);
  });

  test('of long ago, from a node that has it again, opens nothing', async () => {
    const { bench, a, b } = await three();
    bench.hold(a, b);
    a.shards.onRing(toB);
    await bench.env.settle(100);
    const again = ringOf(3, { 1: A }, [moveOf(1, B, A)]);
    a.shards.onRing(again);
    bench.dead.add(B);
    await bench.env.settle(1_000);
    bench.dead.delete(B);
    expect(bench.holders(1)).toEqual(['a']);
    b.shards.onRing(ringOf(4, { 1: B }, [moveOf(1, A, B)]));
    bench.release(a, b);
    await bench.env.settle(1_000);
    expect(bench.holders(1)).toEqual(['a']);
    expect(a.stale).toContain(4);
    a.shards.onRing(ringOf(4, { 1: B }, [moveOf(1, A, B)]));
    await bench.env.settle(2_000);
    expect(bench.holders(1)).toEqual(['b']);
  });
});

describe('the fence', () => {
  test('that could not be taken is taken later', async () => {
    const { bench, a, b } = await three();
    bench.takings.push('fails');
    for (const node of [a, b]) node.shards.onRing(toB);
    await bench.env.settle(1_500);
    expect(bench.holders(1)).toEqual(['b']);
    expect(b.shards.fenceOf(1)).toBe(2);
  });

  test('that was taken unheard of is taken again', async () => {
    const { bench, a, b } = await three();
    bench.takings.push('unheard');
    for (const node of [a, b]) node.shards.onRing(toB);
    await bench.env.settle(1_500);
    expect(bench.holders(1)).toEqual(['b']);
    expect(b.shards.fenceOf(1)).toBe(3);
  });

  test('taken under our hands: whoever did it may have it open, and is waited out', async () => {
    for (const plan of ['heard', 'unheard'] as const) {
      const { bench, a, b } = await three();
      bench.takings.push((shard) => {
        bench.take(shard, C, 1);
        return plan;
      });
      for (const node of [a, b]) node.shards.onRing(toB);
      await bench.env.settle(5_000);
      expect(bench.holders(1)).toEqual([]);
      await bench.env.settle(7_000);
      expect(bench.holders(1)).toEqual(['b']);
    }
  });

  test('the lease is lost in the middle of taking it: nothing opens', async () => {
    const { bench, a, b } = await three();
    bench.takeMs = 1_000;
    for (const node of [a, b]) node.shards.onRing(toB);
    await bench.env.settle(500);
    expect(b.shards.counts.waiting).toBe(1);
    b.lease = false;
    await bench.env.settle(3_000);
    expect(bench.holders(1)).toEqual([]);
    expect(b.opened).toEqual([]);
    b.shards.drop();
    expect(b.shards.isEmpty).toBe(true);
  });

  test('the ring moves on and comes back while it is being taken: taken once, opened once', async () => {
    const { bench, a, b } = await three();
    bench.takeMs = 1_000;
    for (const node of [a, b]) node.shards.onRing(toB);
    await bench.env.settle(500);
    b.shards.onRing(ringOf(3, { 1: C }, [moveOf(1, B, C, A)]));
    b.shards.onRing(ringOf(4, { 1: B }, [moveOf(1, C, B, A)]));
    bench.dead.add(C);
    a.shards.onRing(ringOf(4, { 1: B }, [moveOf(1, C, B, A)]));
    await bench.env.settle(4_000);
    expect(bench.holders(1)).toEqual(['b']);
    expect(b.shards.fenceOf(1)).toBe(bench.fences.get(1)?.fence);
    expect(b.opened).toEqual([1]);
  });
});

describe('mail that waits', () => {
  test('is bounded, and its sender hears when it has waited too long', async () => {
    const { bench, a, b } = await three();
    bench.hold(a, b);
    for (const node of [a, b]) node.shards.onRing(toB);
    for (let i = 0; i < HELD_SHARD_MAX + 2; i++) b.say('1-x', `m${i}`);
    await bench.env.settle();
    expect(bench.refused).toEqual([`m${HELD_SHARD_MAX}`, `m${HELD_SHARD_MAX + 1}`]);
    await bench.env.settle(HOLD_PATIENCE_MS + 500);
    expect(bench.refused.length).toBe(HELD_SHARD_MAX + 2);
    expect(b.shards.counts.held).toBe(0);
    b.say('1-x', 'late');
    expect(bench.refused.at(-1)).toBe('late');
    bench.release(a, b);
    await bench.env.settle(1_500);
    b.say('1-x', 'again');
    await bench.env.settle();
    expect(texts(bench)).toEqual(['again']);
  });

  test('is refused when the lease is lost, and cells end without a word', async () => {
    const { bench, a, b } = await three();
    a.say('1-x', 'busy');
    await bench.env.settle();
    b.shards.onRing(toB);
    b.say('1-x', 'waits');
    for (const node of [a, b]) node.lease = false;
    expect(bench.holders(1)).toEqual([]);
    for (const node of [a, b]) node.shards.drop();
    await bench.env.settle();
    expect(bench.refused).toEqual(['waits']);
    expect(bench.reasons).toEqual(['noconnection']);
    expect(a.kernel.whereis('word', '1-x')).toBeNull();
    expect(() => a.shards.fenceOf(1)).toThrow();
  });

  test('for a shard that a ring gives to nobody is refused, not forgotten', async () => {
    const { bench, a } = await three();
    a.say('1-x', 'busy');
    await bench.env.settle();
    a.shards.onRing(ringOf(2, { 2: A }));
    a.say('1-x', 'for nobody');
    await bench.env.settle(SEAL_PATIENCE_MS + 500);
    expect(bench.refused).toEqual(['for nobody']);
  });
});

test('the rest of a mailbox for a shard of a ring that we have not seen is refused when the lease is lost', async () => {
  const fresh = new Bench().node('a');
  const mail = { kind: 'word', key: '1-x', mail: { t: 'word', text: 'rest' }, from: null, call: 0, hops: 0 };
  fresh.shards.rest(1, mail);
  expect(fresh.shards.isEmpty).toBe(true);
  expect(fresh.shards.counts.held).toBe(1);
  fresh.shards.drop();
  expect(fresh.shards.counts.held).toBe(0);
});

test('while the database is down it is told now and then, not each time that a fence is asked for', async () => {
  const bench = new Bench();
  const a = bench.node('a');
  for (let tries = 0; tries < 20_000; tries++) bench.takings.push('fails');
  a.shards.onRing(ringOf(1, Object.fromEntries(Array.from({ length: 32 }, (_, shard) => [shard, A]))));
  await bench.env.settle(15_000);
  const told = () => bench.env.lines.filter(({ level }) => level === 'warn').length;
  expect(bench.takings.length).toBeLessThan(19_000);
  expect(told()).toBe(2);
  bench.takings.length = 0;
  await bench.env.settle(5_000);
  expect(a.shards.counts.open).toBe(32);
  expect(told()).toBe(2);
  expect(bench.env.lines.filter(({ message }) => message === 'fences can be taken again')).toHaveLength(1);
});
