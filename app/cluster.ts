// The cluster side of a node, composed: membership, links, router and shards around one kernel. It knows the seams, no driver and no
// chat. Made before the kernel, which needs its router, and started after the services; node.ts does both.

import { MAIL_SHAPES, shardOf } from '../actors/index.ts';
import {
  type Carrier,
  ClusterRouter,
  type Coordination,
  type LinkStats,
  type Links,
  MailShapes,
  type Member,
  memberOf,
  type NodeId,
  NodeLinks,
  ownerOf,
  type Placement,
  type RouterStats,
  type ShardCounts,
  Shards,
  startMember,
  WIRE_VERSIONS,
} from '../cluster/index.ts';
import type { Env, Kernel } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';
import { StoreReach } from './store-reach.ts';

export interface ClusterOptions {
  readonly coordination: Coordination;
  readonly carrier: Carrier;
  /** Clusters of different names on one carrier know nothing of each other. */
  readonly name: string;
  /** Share of the shards; 0: only connections. */
  readonly weight: number;
  /** Where clients reach this node; null: not known to others. */
  readonly url: string | null;
}

/** What an operator, and the metrics, may know of it. */
export interface ClusterView {
  readonly self: NodeId;
  readonly epoch: number;
  readonly members: readonly NodeId[];
  readonly alive: readonly NodeId[];
  readonly holdsLease: boolean;
  readonly shards: ShardCounts;
  readonly links: LinkStats;
  readonly router: RouterStats;
}

export interface ClusterSideEvents {
  /** The shard is ours, and its dirty chats are to be woken. */
  opened(shard: number): void;
  /** The link to it broke: what it had taken and not answered, it may never answer. Null: so it is with all, this node itself included. */
  nodesDown(node: NodeId | null): void;
  onFatal(reason: string): void;
}

const SHAPES = new MailShapes(MAIL_SHAPES);
const SHARDED = new Set(['chat', 'session']);

export class ClusterSide {
  readonly router: ClusterRouter;
  private readonly env: Env;
  private readonly name: string;
  private readonly store: Store;
  private readonly options: ClusterOptions;
  private parts: {
    readonly member: Member;
    readonly links: Links;
    readonly shards: Shards;
    readonly reach: StoreReach;
  } | null = null;

  constructor(env: Env, name: string, store: Store, options: ClusterOptions) {
    this.env = env;
    this.name = name;
    this.store = store;
    this.options = options;
    this.router = new ClusterRouter(env, this.placement(), SHAPES);
  }

  /** Resolves when a ring holds this node. */
  async start(kernel: Kernel, events: ClusterSideEvents): Promise<void> {
    const { env, store, options, router } = this;
    const { coordination, carrier } = options;
    let self: NodeId | null = null;
    const member = startMember({
      env,
      coordination,
      name: this.name,
      weight: options.weight,
      url: options.url,
      wire: WIRE_VERSIONS.max,
      storedEpoch: async () => (await store.fences()).reduce((most, { epoch }) => Math.max(most, epoch), 0),
      events: {
        onRing: (ring) => this.shards.onRing(ring),
        onDown: (node) => router.nodeDown(node),
        onLeaseLost: () => {
          this.shards.drop();
          events.nodesDown(null);
        },
        onRejoined: (now) => {
          this.shards.drop();
          const before = self;
          self = now;
          if (before !== null) router.rejoined(before);
        },
        onFatal: events.onFatal,
      },
    });
    self = member.self;
    const links = new NodeLinks({
      env,
      carrier,
      self: member.self,
      epoch: () => member.ring?.epoch ?? 0,
      accepts: (from, epoch) => this.accepts(from, epoch),
      onMail: router.receive,
      onBroken: (node, lost) => {
        router.broken(node, lost);
        events.nodesDown(node);
      },
      prefix: options.name,
    });
    const shards = new Shards({
      env,
      kernel,
      kinds: [...SHARDED],
      shardOf,
      self: () => member.self,
      holdsLease: (now) => member.holdsLease(now),
      surelyDead: (node, now) => member.surelyDead(node, now),
      fences: () => store.fences(),
      takeFence: (shard, owner, epoch) => store.takeFence(shard, owner, epoch),
      opened: events.opened,
      rest: (to, shard, mail) => router.rest(to, shard, mail),
      tell: (to, mail) => router.shards(to, mail),
      stale: (epoch) => member.look(epoch),
      settled: (epoch) => member.done(epoch),
    });
    const reach = new StoreReach(env, store, (isOut) => {
      if (isOut) env.log.warn({}, 'the database is out of reach; other nodes take over what they can');
      else env.log.info({}, 'the database is in reach again');
      member.setWeight(isOut ? 0 : options.weight);
    });
    this.parts = { member, links, shards, reach };
    router.start(kernel, links);
    // A timer alone is not enough: a process that was paused wakes in the middle of its work.
    kernel.onSliceStart(() => {
      if (!member.holdsLease(env.now()) && !shards.isEmpty) shards.drop();
    });
    await member.ready;
  }

  get self(): string | null {
    return this.parts?.member.self ?? null;
  }

  fenceOf(shard: number): number {
    return this.shards.fenceOf(shard);
  }

  holds(shard: number, fence: number): boolean {
    return this.shards.holds(shard, fence);
  }

  /** The node that a chat is on; null: here, or on its way. */
  ownerOf(chat: string): NodeId | null {
    const where = this.shards.whereIs(shardOf('chat', chat));
    return where === 'here' || where === 'hold' ? null : where;
  }

  isOpen(shard: number): boolean {
    return this.shards.whereIs(shard) === 'here';
  }

  /** Why this node is not to be given new clients; null: it may. */
  notReady(): string | null {
    if (this.parts === null || !this.parts.member.holdsLease(this.env.now())) return 'no lease';
    return null;
  }

  /** Where a client of that user had best connect; null: here, or anywhere. */
  routeFor(user: string): string | null {
    const ring = this.parts?.member.ring ?? null;
    const owner = ring === null ? null : ownerOf(ring, shardOf('session', user));
    if (ring === null || owner === null || owner === this.parts?.member.self) return null;
    return memberOf(ring, owner)?.url ?? null;
  }

  /** Where clients of a node that leaves may go, one after the other. */
  others(): readonly string[] {
    const { ring, self } = this.member;
    return (ring?.members ?? []).flatMap(({ id, url, draining }) =>
      id === self || draining || url === null ? [] : [url],
    );
  }

  /** Hands all shards to other nodes. False: not all of them within `limitMs`, or there is no other node. */
  async drain(limitMs: number): Promise<boolean> {
    return (await this.member.drain(limitMs)) && this.shards.isEmpty;
  }

  /** After the kernel has stopped: nobody has to wait for this node's lease to run out. */
  async stop(): Promise<void> {
    if (this.parts === null) return;
    const { member, links, shards, reach } = this.parts;
    reach.close();
    shards.close();
    await member.gone();
    await member.close();
    links.close();
  }

  view(): ClusterView {
    const { member, links, shards } = this.started;
    return {
      self: member.self,
      epoch: member.ring?.epoch ?? 0,
      members: member.ring?.members.map(({ id }) => id) ?? [],
      alive: member.alive(),
      holdsLease: member.holdsLease(this.env.now()),
      shards: shards.counts,
      links: links.stats(),
      router: this.router.stats(),
    };
  }

  private placement(): Placement {
    const side = this;
    return {
      get self() {
        return side.member.self;
      },
      get epoch() {
        return side.member.ring?.epoch ?? 0;
      },
      shardOf: (kind, key) => (SHARDED.has(kind) ? shardOf(kind, key) : null),
      whereIs: (shard) => (side.member.isLost ? null : side.shards.whereIs(shard)),
      hold: (shard, kind, key, mail, from, call, hops) =>
        side.shards.hold(shard, { kind, key, mail, from, call, hops }),
      rest: (shard, mail) => side.shards.rest(shard, mail),
      onShards: (from, mail) => side.shards.onMail(from, mail),
      accepts: (from, epoch) => side.accepts(from, epoch),
      stale: (epoch) => side.member.look(epoch),
    };
  }

  /** Of a member of our ring, of a node that we see alive, or of one that knows a newer ring than we do. */
  private accepts(from: NodeId, epoch: number): boolean {
    const { member } = this.started;
    const { ring } = member;
    if (epoch > (ring?.epoch ?? 0)) return true;
    return (ring !== null && memberOf(ring, from) !== null) || member.alive().includes(from);
  }

  private get started() {
    if (this.parts === null) throw new Error('the cluster side was not started');
    return this.parts;
  }

  private get member(): Member {
    return this.started.member;
  }

  private get shards(): Shards {
    return this.started.shards;
  }
}
