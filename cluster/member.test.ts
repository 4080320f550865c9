import { describe, expect, test } from 'vitest';
import { type CoordinationFaults, coordinationFaults, MemoryCoordination } from './memory/coordination.ts';
import { shardsOf } from './ring.ts';
import { ModelNode, ModelWorld } from './testing/model-node.ts';
import { VirtualClock } from './testing/virtual-clock.ts';

class Cluster {
  readonly clock: VirtualClock;
  readonly store = new MemoryCoordination();
  readonly world = new ModelWorld();
  readonly faults = new Map<ModelNode, CoordinationFaults>();

  constructor(seed = 1) {
    this.clock = new VirtualClock(seed);
  }

  start(name: string, more: { weight?: number; pace?: number } = {}): ModelNode {
    const env = this.clock.env({ pace: more.pace ?? 1 });
    const faults = coordinationFaults({ delayMs: () => this.clock.between(0.2, 3) });
    const coordination = this.store.connect(env, faults);
    const mailMs = (): number => this.clock.between(0.1, 5);
    const node = new ModelNode(this.world, { name, env, coordination, mailMs, weight: more.weight ?? 1 });
    this.faults.set(node, faults);
    return node;
  }

  fault(node: ModelNode): CoordinationFaults {
    return this.faults.get(node) as CoordinationFaults;
  }

  get isSettled(): boolean {
    const { nodes } = this.world;
    const epochs = new Set(nodes.map((node) => node.member.ring?.epoch));
    const counts = nodes.reduce((sum, node) => sum + node.openCount, 0);
    return epochs.size === 1 && counts === 1_024 && nodes.every((node) => node.isSettled);
  }

  /** Virtual milliseconds until the condition holds; fails after `limitMs`. */
  async until(condition: () => boolean, limitMs: number): Promise<number> {
    const start = this.clock.nowMs;
    while (!condition()) {
      if (this.clock.nowMs - start >= limitMs) throw new Error(`not within ${limitMs} ms: ${this.describe()}`);
      await this.clock.run(50);
    }
    return this.clock.nowMs - start;
  }

  /** The same for a while: no epoch follows. */
  async rests(): Promise<void> {
    await this.until(() => this.isSettled, 60_000);
    await this.clock.run(2_000);
    await this.until(() => this.isSettled, 60_000);
    expect(this.world.broken).toEqual([]);
  }

  describe(): string {
    return this.world.nodes
      .map(({ member, openCount }) => `${member.self} ring ${member.ring?.epoch} open ${openCount}`)
      .join(', ');
  }
}

describe('one node', () => {
  test('has the whole ring after the quiet time', async () => {
    const cluster = new Cluster();
    const a = cluster.start('a');
    const ms = await cluster.until(() => a.isSettled, 10_000);
    expect(ms).toBeGreaterThanOrEqual(3_000);
    expect(ms).toBeLessThanOrEqual(3_500);
    expect(a.openCount).toBe(1_024);
    expect(a.rings).toEqual([1]);
    await a.member.ready;
  });

  test('on a store that is empty, in a database that is not, starts above it, and waits a lease that may be held', async () => {
    const cluster = new Cluster();
    cluster.world.stored = 57;
    const a = cluster.start('a');
    const ms = await cluster.until(() => a.isSettled, 10_000);
    expect(ms).toBeGreaterThanOrEqual(7_000);
    expect(a.rings).toEqual([58]);
  });

  test('that started again waits for its last life, unless that had said that it is gone', async () => {
    const cluster = new Cluster();
    const first = cluster.start('a');
    await cluster.rests();
    first.kill();
    const second = cluster.start('a');
    const afterKill = await cluster.until(() => second.isSettled, 20_000);
    expect(afterKill).toBeGreaterThanOrEqual(7_000 - 1_000);
    expect(afterKill).toBeLessThanOrEqual(9_000);
    second.leave(0);
    await cluster.clock.run(500);
    const third = cluster.start('a');
    expect(await cluster.until(() => third.isSettled, 20_000)).toBeLessThanOrEqual(3_500);
    expect(cluster.world.broken).toEqual([]);
  });

  test('loses its lease when the store does not answer for 4 s, and comes back as another', async () => {
    const cluster = new Cluster();
    const a = cluster.start('a');
    await cluster.rests();
    const before = a.member.self;
    cluster.fault(a).unavailable = true;
    const lost = await cluster.until(() => a.lost.length > 0, 10_000);
    expect(lost).toBeGreaterThanOrEqual(2_900);
    expect(lost).toBeLessThanOrEqual(4_400);
    expect(a.openCount).toBe(0);
    await cluster.clock.run(20_000);
    expect(a.member.self).toBe(before);
    cluster.fault(a).unavailable = false;
    await cluster.rests();
    expect(a.member.self).not.toBe(before);
    expect(a.lost).toEqual(['no renewal was acknowledged in time']);
    expect(a.rejoins).toBe(1);
  });

  test('holds no lease from the moment it wakes after a pause, before any timer runs', async () => {
    const cluster = new Cluster();
    const a = cluster.start('a');
    await cluster.rests();
    a.env.pause(10_000);
    await cluster.clock.run(9_990);
    expect(a.member.holdsLease(a.env.now())).toBe(false);
    expect(a.lost).toEqual([]);
    await cluster.clock.run(300);
    expect(a.lost.length).toBe(1);
    await cluster.rests();
  });

  test('keeps its ring when the store is restarted empty', async () => {
    const cluster = new Cluster();
    const a = cluster.start('a');
    await cluster.rests();
    cluster.store.wipe();
    await cluster.clock.run(10_000);
    expect(a.lost).toEqual([]);
    expect(a.isSettled).toBe(true);
    cluster.start('b');
    await cluster.rests();
    expect(a.rings[1]).toBe(2);
    expect(a.lost).toEqual([]);
  });
});

describe('several nodes', () => {
  test('that start together make one ring', async () => {
    const cluster = new Cluster();
    const nodes = ['a', 'b', 'c'].map((name) => cluster.start(name));
    await cluster.rests();
    expect(nodes[0]?.rings).toEqual([1]);
    for (const node of nodes) expect(node.openCount).toBeGreaterThan(300);
    expect([...(nodes[1]?.member.alive() ?? [])].sort()).toEqual(nodes.map((node) => node.member.self).sort());
  });

  test('let one in that comes later, 5 % of the shards at a time, each epoch when the last is done', async () => {
    const cluster = new Cluster();
    const a = cluster.start('a');
    await cluster.rests();
    const b = cluster.start('b');
    const ms = await cluster.until(() => b.openCount >= 460 && cluster.isSettled, 30_000);
    expect(ms).toBeLessThan(8_000);
    await cluster.rests();
    expect(a.member.ring?.epoch).toBeGreaterThanOrEqual(1 + Math.ceil(460 / 51));
    expect(a.lost).toEqual([]);
  });

  test('take over from one that was killed, 7 to 9 s later', async () => {
    const cluster = new Cluster();
    const [, b] = ['a', 'b', 'c'].map((name) => cluster.start(name));
    await cluster.rests();
    const dead = b?.member.self;
    b?.kill();
    const ms = await cluster.until(() => cluster.isSettled, 20_000);
    expect(ms).toBeGreaterThanOrEqual(6_000);
    expect(ms).toBeLessThanOrEqual(9_000);
    for (const node of cluster.world.nodes) expect(node.downs).toEqual([dead]);
    await cluster.rests();
  });

  test('do without one that drains: it hands over all and is gone', async () => {
    const cluster = new Cluster();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.start(name)) as [ModelNode, ModelNode, ModelNode];
    await cluster.rests();
    let drained: boolean | null = null;
    b.member.drain(30_000).then((ok) => {
      drained = ok;
    });
    const ms = await cluster.until(() => drained !== null, 31_000);
    expect(drained).toBe(true);
    expect(ms).toBeLessThan(8_000);
    expect(b.openCount).toBe(0);
    expect(b.lost).toEqual([]);
    expect(a.openCount + c.openCount).toBe(1_024);
    b.leave(0);
    await cluster.rests();
    expect(a.lost).toEqual([]);
    expect(a.downs.length).toBe(1);
  });

  test('tell one that drains when there is nobody to hand to', async () => {
    const cluster = new Cluster();
    const a = cluster.start('a');
    cluster.start('g', { weight: 0 });
    await cluster.rests();
    const left = a.leave(60_000);
    await cluster.clock.run(1_000);
    expect(await left).toBe(false);
  });

  test('do not wait for one that was paused, and take it back as another', async () => {
    const cluster = new Cluster();
    const [a, b] = ['a', 'b'].map((name) => cluster.start(name)) as [ModelNode, ModelNode];
    await cluster.rests();
    const before = b.member.self;
    b.env.pause(12_000);
    await cluster.until(() => a.openCount === 1_024, 9_000);
    await cluster.rests();
    expect(b.member.self).not.toBe(before);
    expect(b.rejoins).toBe(1);
    expect(a.lost).toEqual([]);
    expect(b.openCount).toBeGreaterThan(400);
  });

  test('of weight 0 own nothing, and of double weight twice as much', async () => {
    const cluster = new Cluster();
    const [a, b] = [cluster.start('a', { weight: 2 }), cluster.start('b')];
    const gateway = cluster.start('g', { weight: 0 });
    await cluster.rests();
    expect(gateway.openCount).toBe(0);
    expect(gateway.isSettled).toBe(true);
    expect(a.openCount / b.openCount).toBeGreaterThan(1.6);
    expect(shardsOf(a.member.ring as never, a.member.self).length).toBe(a.openCount);
  });

  test('take over at once from one that cannot work its shards, and give them back when it can', async () => {
    const cluster = new Cluster();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.start(name)) as [ModelNode, ModelNode, ModelNode];
    await cluster.rests();
    b.member.setWeight(0);
    await cluster.until(() => b.openCount === 0 && a.openCount + c.openCount === 1_024, 4_000);
    await cluster.rests();
    b.member.setWeight(1);
    await cluster.rests();
    expect(b.openCount).toBeGreaterThan(250);
    expect([a.lost, b.lost, c.lost]).toEqual([[], [], []]);
  });

  test('of one name: the second refuses to run, the first goes on', async () => {
    const cluster = new Cluster();
    const first = cluster.start('a');
    await cluster.rests();
    const second = cluster.start('a');
    const ready = expect(second.member.ready).rejects.toThrow('another node named a is running');
    await cluster.until(() => second.fatal !== null, 5_000);
    await ready;
    second.kill();
    await cluster.rests();
    expect(first.openCount).toBe(1_024);
    expect(first.lost).toEqual([]);
  });

  test('of one name that start at once: one of them runs', async () => {
    const cluster = new Cluster();
    const two = [cluster.start('a'), cluster.start('a')];
    await cluster.until(() => two.some((node) => node.fatal !== null), 10_000);
    const [refused] = two.filter((node) => node.fatal !== null);
    refused?.kill();
    await cluster.rests();
    expect(two.filter((node) => node.fatal === null).length).toBe(1);
  });

  test('lose all leases when the store is away, and agree anew when it is back, empty', async () => {
    const cluster = new Cluster();
    const nodes = ['a', 'b', 'c'].map((name) => cluster.start(name));
    await cluster.rests();
    const epoch = nodes[0]?.member.ring?.epoch ?? 0;
    for (const node of nodes) cluster.fault(node).silent = true;
    await cluster.until(() => nodes.every((node) => node.lost.length > 0), 6_000);
    cluster.store.wipe();
    await cluster.clock.run(5_000);
    for (const node of nodes) cluster.fault(node).silent = false;
    await cluster.rests();
    expect(nodes[0]?.member.ring?.epoch).toBeGreaterThan(epoch);
  });
});
