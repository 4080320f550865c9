// A node for tests of membership: a real member, and a model of what the rest of a node does with shards. It opens what a ring gives it
// when all who may hold it are surely dead or have seen a ring as new; it closes what a ring takes, and all when its lease is lost.
import type { Coordination } from '../coordination.ts';
import { type Member, startMember } from '../member.ts';
import type { NodeId } from '../node-id.ts';
import { type Move, ownerOf, RING_SHARDS, type Ring } from '../ring.ts';
import type { NodeEnv } from './virtual-clock.ts';

/** All nodes of a test, and what they tell each other by mail. */
export class ModelWorld {
  readonly nodes: ModelNode[] = [];
  /** What each incarnation said: it holds nothing that rings up to this epoch have taken from it. */
  readonly released = new Map<NodeId, number>();
  readonly broken: string[] = [];
  /** The database's word for the highest epoch whose shards were opened. */
  stored = 0;

  opened(by: ModelNode, shard: number): void {
    for (const node of this.nodes) {
      if (node !== by && node.holds(shard)) {
        this.broken.push(`shard ${shard} opened by ${by.member.self} is held by ${node.member.self}`);
      }
    }
  }
}

export interface ModelNodeOptions {
  readonly name: string;
  readonly env: NodeEnv;
  readonly coordination: Coordination;
  readonly weight?: number;
  /** How long a message to others takes. */
  mailMs(): number;
}

export class ModelNode {
  readonly member: Member;
  readonly env: NodeEnv;
  readonly name: string;
  readonly lost: string[] = [];
  readonly downs: NodeId[] = [];
  readonly rings: number[] = [];
  rejoins = 0;
  fatal: string | null = null;
  private readonly world: ModelWorld;
  private readonly mailMs: () => number;
  private readonly open = new Uint8Array(RING_SHARDS);
  /** Ours by the ring, not open yet: who may hold it. */
  private readonly waiting = new Map<number, Set<NodeId>>();
  private doneEpoch = 0;

  constructor(world: ModelWorld, options: ModelNodeOptions) {
    const { env, name, coordination, weight = 1, mailMs } = options;
    this.world = world;
    this.env = env;
    this.name = name;
    this.mailMs = mailMs;
    this.member = startMember({
      name,
      weight,
      url: null,
      wire: 1,
      env,
      coordination,
      storedEpoch: async () => world.stored,
      events: {
        onRing: (ring) => this.onRing(ring),
        onDown: (node) => this.downs.push(node),
        onLeaseLost: (why) => {
          this.lost.push(why);
          this.open.fill(0);
          this.waiting.clear();
        },
        onRejoined: () => {
          this.rejoins++;
        },
        onFatal: (reason) => {
          this.fatal = reason;
        },
      },
    });
    world.nodes.push(this);
    env.setTimer(() => this.poll(), 100);
  }

  holds(shard: number): boolean {
    return this.open[shard] === 1 && !this.env.isDead && this.member.holdsLease(this.env.now());
  }

  get openCount(): number {
    return this.open.reduce((sum, each) => sum + each, 0);
  }

  /** In the ring, lease held, all that is ours is open. */
  get isSettled(): boolean {
    const { ring, self } = this.member;
    if (ring === null || !this.member.holdsLease(this.env.now()) || this.waiting.size > 0) return false;
    return this.open.every((open, shard) => (ownerOf(ring, shard) === self) === (open === 1));
  }

  kill(): void {
    this.env.isDead = true;
    this.world.nodes.splice(this.world.nodes.indexOf(this), 1);
  }

  async leave(limitMs: number): Promise<boolean> {
    const ok = await this.member.drain(limitMs);
    this.open.fill(0);
    this.waiting.clear();
    await this.member.gone();
    this.world.nodes.splice(this.world.nodes.indexOf(this), 1);
    return ok;
  }

  private onRing(ring: Ring): void {
    this.rings.push(ring.epoch);
    const { self } = this.member;
    const moves = new Map<number, Move>(ring.moves.map((move) => [move.shard, move]));
    for (let shard = 0; shard < RING_SHARDS; shard++) {
      if (ownerOf(ring, shard) !== self) {
        this.open[shard] = 0;
        this.waiting.delete(shard);
      } else if (this.open[shard] === 0 && this.lost.length === this.rejoins) this.await(shard, moves.get(shard));
    }
    const { env, world } = this;
    env.setTimer(() => {
      world.released.set(self, Math.max(world.released.get(self) ?? 0, ring.epoch));
    }, this.mailMs());
  }

  private await(shard: number, move: Move | undefined): void {
    const before = this.waiting.get(shard);
    if (move === undefined && before === undefined) {
      this.world.broken.push(`${this.member.self} got shard ${shard} without a move`);
    }
    const holders = new Set(before);
    for (const id of [move?.from ?? null, ...(move?.earlier ?? [])]) {
      if (id !== null && id !== this.member.self) holders.add(id);
    }
    this.waiting.set(shard, holders);
  }

  private poll(): void {
    this.env.setTimer(() => this.poll(), 100);
    const { member, env, world, waiting } = this;
    const { ring } = member;
    if (ring === null || !member.holdsLease(env.now())) return;
    for (const [shard, holders] of waiting) {
      for (const id of holders) {
        if ((world.released.get(id) ?? 0) >= ring.epoch || member.surelyDead(id, env.now())) holders.delete(id);
      }
      if (holders.size > 0) continue;
      waiting.delete(shard);
      this.open[shard] = 1;
      world.opened(this, shard);
      world.stored = Math.max(world.stored, ring.epoch);
    }
    if (waiting.size === 0 && this.doneEpoch < ring.epoch) {
      this.doneEpoch = ring.epoch;
      member.done(ring.epoch);
    }
  }
}
