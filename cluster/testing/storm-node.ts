// A node for storms over shards: a real member and the real shards, over links that delay and break, and one table of fences that loses
// answers and knows a storm too. Cells there are none; the order of their mail is tested elsewhere.
import { createKernel, type Kernel } from '../../runtime/index.ts';
import type { Coordination } from '../coordination.ts';
import { type Member, startMember } from '../member.ts';
import type { NodeId } from '../node-id.ts';
import { ownerOf, RING_SHARDS } from '../ring.ts';
import type { ShardMail } from '../shard-mail.ts';
import { Shards } from '../shards.ts';
import type { FenceRow } from '../shards-options.ts';
import type { NodeEnv, VirtualClock } from './virtual-clock.ts';

/** All nodes of a storm, their links, and the database. */
export class StormWorld {
  readonly clock: VirtualClock;
  readonly nodes: StormNode[] = [];
  readonly broken: string[] = [];
  readonly fences = new Map<number, FenceRow>();
  /** Chance that a mail is lost, with its link; that a taking is not heard of, and that it was applied then. */
  readonly faults = { lostMail: 0, lostTake: 0, refusedTake: 0 };
  /** By `from>to`: when the last mail of the link arrives. */
  private readonly links = new Map<string, number>();

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  tell(from: NodeId, to: NodeId, mail: ShardMail): void {
    if (this.clock.chance(this.faults.lostMail)) return;
    const name = `${from}>${to}`;
    const arrival = Math.max(this.links.get(name) ?? 0, this.clock.nowMs + this.clock.between(0.1, 40));
    this.links.set(name, arrival);
    this.clock.at(arrival - this.clock.nowMs, () => {
      const node = this.nodes.find(({ member }) => member.self === to);
      if (node !== undefined)
        this.clock.add(0, () => node.member.self === to && node.shards.onMail(from, mail), node.env);
    });
  }

  take(env: NodeEnv, shard: number, owner: string, epoch: number): Promise<number> {
    const { clock, faults } = this;
    return new Promise((resolve, reject) => {
      const fails = (): void => reject(new Error('planned'));
      if (clock.chance(faults.refusedTake)) return void env.setTimer(fails, clock.between(1, 500));
      clock.at(clock.between(0.5, 30), () => {
        const row = this.fences.get(shard);
        if (row !== undefined && row.epoch > epoch) return void env.setTimer(fails, 1);
        const fence = (row?.fence ?? 0) + 1;
        this.fences.set(shard, { shard, fence, owner, epoch });
        if (clock.chance(faults.lostTake)) env.setTimer(fails, clock.between(100, 2_000));
        else env.setTimer(() => resolve(fence), clock.between(0.5, 30));
      });
    });
  }

  /** No shard is worked by two. */
  look(): void {
    for (let shard = 0; shard < RING_SHARDS; shard++) {
      const holders = this.nodes.filter((node) => node.holds(shard));
      if (holders.length > 1)
        this.broken.push(`shard ${shard} is held by ${holders.map(({ name }) => name).join(' and ')}`);
    }
  }

  /** After each opening: nobody else may work that shard. */
  opened(by: StormNode, shard: number): void {
    for (const node of this.nodes) {
      if (node !== by && node.holds(shard))
        this.broken.push(`shard ${shard} opened by ${by.member.self} is held by ${node.member.self}`);
    }
  }
}

export interface StormNodeOptions {
  readonly name: string;
  readonly env: NodeEnv;
  readonly coordination: Coordination;
}

export class StormNode {
  readonly name: string;
  readonly env: NodeEnv;
  readonly member: Member;
  readonly shards: Shards;
  fatal: string | null = null;
  rejoins = 0;
  private readonly world: StormWorld;
  private readonly kernel: Kernel;

  constructor(world: StormWorld, { name, env, coordination }: StormNodeOptions) {
    this.world = world;
    this.name = name;
    this.env = env;
    this.kernel = createKernel({ env, node: name });
    this.member = startMember({
      env,
      coordination,
      name,
      weight: 1,
      url: null,
      wire: 1,
      storedEpoch: async () => [...world.fences.values()].reduce((most, { epoch }) => Math.max(most, epoch), 0),
      events: {
        onRing: (ring) => this.shards.onRing(ring),
        onDown: () => {},
        onLeaseLost: () => this.shards.drop(),
        onRejoined: () => {
          this.rejoins++;
          this.shards.drop();
        },
        onFatal: (reason) => {
          this.fatal = reason;
        },
      },
    });
    this.shards = new Shards({
      env,
      kernel: this.kernel,
      kinds: [],
      shardOf: () => 0,
      self: () => this.member.self,
      holdsLease: (now) => this.member.holdsLease(now),
      surelyDead: (node, now) => this.member.surelyDead(node, now),
      fences: () => new Promise((resolve) => env.setTimer(() => resolve([...world.fences.values()]), 3)),
      takeFence: (shard, owner, epoch) => world.take(env, shard, owner, epoch),
      opened: (shard) => world.opened(this, shard),
      rest: () => null,
      tell: (to, mail) => world.tell(this.member.self, to, mail),
      stale: (epoch) => this.member.look(epoch),
      settled: (epoch) => this.member.done(epoch),
      takesAtOnce: 256,
    });
    world.nodes.push(this);
  }

  holds(shard: number): boolean {
    if (this.env.isDead || !this.member.holdsLease(this.env.now())) return false;
    const where = this.shards.whereIs(shard);
    if (where !== 'hold') return where === 'here';
    try {
      // Sealing: it may still tell what it wrote.
      return this.shards.holds(shard, this.shards.fenceOf(shard));
    } catch {
      return false;
    }
  }

  /** In the ring, lease held, exactly what is ours is open. */
  get isSettled(): boolean {
    const { ring, self } = this.member;
    if (ring === null || ring.epoch !== this.shards.epoch || !this.member.holdsLease(this.env.now())) return false;
    for (let shard = 0; shard < RING_SHARDS; shard++)
      if ((ownerOf(ring, shard) === self) !== (this.shards.whereIs(shard) === 'here')) return false;
    return true;
  }

  kill(): void {
    this.env.isDead = true;
    this.shards.close();
    this.world.nodes.splice(this.world.nodes.indexOf(this), 1);
  }

  async leave(limitMs: number): Promise<boolean> {
    const ok = await this.member.drain(limitMs);
    const until = this.env.now() + limitMs;
    while (!this.shards.isEmpty && this.env.now() < until)
      await new Promise<void>((resolve) => this.env.setTimer(resolve, 50));
    this.shards.drop();
    this.shards.close();
    await this.member.gone();
    this.world.nodes.splice(this.world.nodes.indexOf(this), 1);
    return ok;
  }
}
