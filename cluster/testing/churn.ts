// Shards under rings that churn: a few shards go from node to node many times a second, rings reach nodes late or never, links are slow and
// lose mail, nodes pause and die. A fake membership that keeps no more than membership promises: an incarnation works 4 s at the most after
// its last renewal, a renewal brings the newest ring, and nobody is surely dead before 7 s after it. One churn is one seed.
import { CONTINUE, createKernel, type Kind } from '../../runtime/index.ts';
import { type NodeId, nodeIdOf } from '../node-id.ts';
import { type Move, ownerOf, RING_SHARDS, type Ring } from '../ring.ts';
import type { ShardMail } from '../shard-mail.ts';
import { Shards } from '../shards.ts';
import type { FenceRow } from '../shards-options.ts';
import { type NodeEnv, VirtualClock } from './virtual-clock.ts';

const SHARDS = 3;
const LEASE_MS = 4_000;
const SILENCE_MS = 7_000;
/** Of all fences: what is read may be old by then. */
const READ_MS_MOST = 1_000;

export interface ChurnPlan {
  readonly chaosMs: number;
  /** Whether the table of fences is looked at by those who open: the second line of defence. */
  readonly fencesShown: boolean;
  /** Whether rings tell who may hold a shard that moves: the first. One that is made when the store lost all the others cannot. */
  readonly movesShown: boolean;
}

export class Churn {
  readonly clock: VirtualClock;
  readonly nodes: ChurnNode[];
  readonly broken: string[] = [];
  readonly fences = new Map<number, FenceRow>();
  readonly plan: ChurnPlan;
  ring: Ring = { epoch: 0, members: [], owners: [], moves: [] };
  openings = 0;
  calm = false;
  /** When each incarnation renewed last, by the clock of the world. */
  readonly renewedAt = new Map<NodeId, number>();
  private readonly links = new Map<string, number>();

  constructor(seed: number, plan: ChurnPlan) {
    this.plan = plan;
    this.clock = new VirtualClock(seed);
    this.nodes = ['a', 'b', 'c', 'd'].map((name) => new ChurnNode(this, name));
    this.clock.at(10, () => this.turn());
    this.clock.at(50, () => this.strike());
  }

  /** The next ring: some shards somewhere else. */
  private turn(): void {
    const { clock, ring } = this;
    const members = this.nodes
      .filter((node) => this.calm || node.isIn || clock.chance(0.7))
      .map(({ self, name }) => ({ id: self, name, weight: 1, url: null, draining: false }));
    const owners = Array.from({ length: RING_SHARDS }, () => -1);
    const moves: Move[] = [];
    const last = new Map(ring.moves.map((move) => [move.shard, move]));
    for (let shard = 0; shard < SHARDS && members.length > 0; shard++) {
      const from = ownerOf(ring, shard);
      const stays = members.findIndex(({ id }) => id === from);
      const to = stays >= 0 && clock.chance(0.5) ? stays : Math.floor(clock.random() * members.length);
      owners[shard] = to;
      const open = last.get(shard);
      const unfinished = open !== undefined && !this.isDone(open.to, ring.epoch) ? open : null;
      const target = members[to]?.id ?? ('' as NodeId);
      if (from === target) {
        if (unfinished !== null) moves.push(unfinished);
        continue;
      }
      const before = unfinished === null ? [] : [unfinished.from, ...unfinished.earlier];
      const earlier = [...new Set(before)].filter((id): id is NodeId => id !== null && id !== target && id !== from);
      moves.push({ shard, from, to: target, earlier });
    }
    if (!this.plan.movesShown)
      for (const [at, move] of moves.entries()) moves[at] = { ...move, from: null, earlier: [] };
    this.ring = { epoch: ring.epoch + 1, members, owners, moves };
    // Who is away as a ring is made goes on by the last one, as long as its lease lasts.
    const away = this.nodes[Math.floor(clock.random() * this.nodes.length)];
    if (!this.calm && clock.chance(0.5)) away?.cut(clock.between(500, LEASE_MS));
    for (const node of this.nodes) if (clock.chance(0.8)) clock.at(clock.between(0, 800), () => node.look());
    if (!this.calm) clock.at(clock.chance(0.5) ? clock.between(5, 200) : clock.between(200, 4_000), () => this.turn());
  }

  /** No more churn, but a ring for those who came back as others. */
  private gather(): void {
    const ids = new Set(this.ring.members.map(({ id }) => id));
    if (this.nodes.some(({ self }) => !ids.has(self))) this.turn();
    this.clock.at(5_000, () => this.gather());
  }

  private isDone(id: NodeId, epoch: number): boolean {
    return this.nodes.some((node) => node.self === id && node.doneEpoch >= epoch);
  }

  private strike(): void {
    if (this.calm) return;
    const { clock } = this;
    const node = this.nodes[Math.floor(clock.random() * this.nodes.length)];
    if (node !== undefined) {
      const dice = clock.random();
      if (dice < 0.5) node.env.pause(clock.between(500, 11_000));
      else if (dice < 0.75) node.cut(clock.between(500, 11_000));
      else node.crash();
    }
    clock.at(clock.between(500, 8_000), () => this.strike());
  }

  tell(from: NodeId, to: NodeId, mail: ShardMail): void {
    const { clock } = this;
    if (!this.calm && clock.chance(0.2)) return;
    const name = `${from}>${to}`;
    const slow = !this.calm && clock.chance(0.3) ? clock.between(0, 3_000) : clock.between(0, 20);
    const arrival = Math.max(this.links.get(name) ?? 0, clock.nowMs + slow);
    this.links.set(name, arrival);
    clock.at(arrival - clock.nowMs, () => {
      const node = this.nodes.find(({ self }) => self === to);
      if (node !== undefined) clock.add(0, () => node.self === to && node.shards.onMail(from, mail), node.env);
    });
  }

  take(env: NodeEnv, shard: number, owner: string, epoch: number): Promise<number> {
    const { clock } = this;
    return new Promise((resolve, reject) => {
      const slow = clock.chance(0.2) ? 3_000 : 600;
      clock.at(clock.between(0, this.calm ? 20 : slow), () => {
        const row = this.fences.get(shard);
        const refused = row !== undefined && row.epoch > epoch;
        const fence = (row?.fence ?? 0) + 1;
        if (!refused) this.fences.set(shard, { shard, fence, owner, epoch });
        const lost = refused || (!this.calm && clock.chance(0.2));
        env.setTimer(() => (lost ? reject(new Error('planned')) : resolve(fence)), clock.between(0, 20));
      });
    });
  }

  private look(): void {
    for (let shard = 0; shard < SHARDS; shard++) {
      const holders = this.nodes.filter((node) => node.holds(shard)).map(({ self }) => self);
      if (holders.length > 1)
        this.broken.push(`${Math.round(this.clock.nowMs)} shard ${shard}: ${holders.join(' and ')}`);
    }
  }

  /** Ms from the end of all faults until every shard is open where the last ring says; throws when two held one, or it takes a minute. */
  async run(): Promise<number> {
    const { clock } = this;
    while (clock.nowMs < this.plan.chaosMs && this.broken.length === 0) {
      await clock.run(10);
      this.look();
    }
    this.calm = true;
    for (const node of this.nodes) node.heal();
    clock.at(0, () => this.gather());
    const begin = clock.nowMs;
    while (this.broken.length === 0) {
      await clock.run(20);
      this.look();
      if (clock.nowMs - begin > 1_000 && this.nodes.every((node) => node.isSettled)) return clock.nowMs - begin;
      if (clock.nowMs - begin < 60_000) continue;
      const states = this.nodes.map(
        (node) => `${node.self} ${node.shards.epoch} ${JSON.stringify(node.shards.counts)}`,
      );
      throw new Error(`not settled in ring ${this.ring.epoch}: ${states.join(' ')}`);
    }
    throw new Error(this.broken.slice(0, 3).join('\n'));
  }
}

/** A cell that has something under way for a while, whenever its shard is sealed. */
const busyKind = (quiet: () => boolean): Kind<null, object> => ({
  name: 'busy',
  restart: 'transient',
  activate: 'mail',
  init: () => null,
  receive: () => CONTINUE,
  quiet,
});

class ChurnNode {
  readonly env: NodeEnv;
  readonly shards: Shards;
  readonly name: string;
  self: NodeId;
  doneEpoch = 0;
  private cutUntil = 0;
  private leaseUntil = Number.NEGATIVE_INFINITY;
  private lives = 1;
  private readonly churn: Churn;
  private readonly past = new Set<NodeId>();

  constructor(churn: Churn, name: string) {
    this.churn = churn;
    this.name = name;
    this.self = nodeIdOf(name, '1');
    const env = churn.clock.env();
    this.env = env;
    const kernel = createKernel({ env, node: name });
    kernel.register(busyKind(() => churn.clock.chance(0.01)));
    this.shards = new Shards({
      env,
      kernel,
      kinds: ['busy'],
      shardOf: (_kind, key) => Number(key),
      self: () => this.self,
      holdsLease: () => this.holdsLease,
      surelyDead: (id) => this.past.has(id) || churn.clock.nowMs >= (churn.renewedAt.get(id) ?? 0) + SILENCE_MS,
      fences: () => {
        const rows = churn.plan.fencesShown ? [...churn.fences.values()] : this.without();
        const readMs = churn.calm ? 5 : churn.clock.between(5, READ_MS_MOST);
        return new Promise((resolve) => env.setTimer(() => resolve(rows), readMs));
      },
      takeFence: (shard, owner, epoch) => churn.take(env, shard, owner, epoch),
      opened: (shard) => {
        churn.openings++;
        kernel.route('busy', String(shard), { t: 'work' });
      },
      rest: () => null,
      tell: (to, mail) => churn.tell(this.self, to, mail),
      stale: () => env.setTimer(() => this.look(), 5),
      settled: (epoch) => {
        this.doneEpoch = epoch;
      },
    });
    env.setTimer(() => this.renew(), churn.clock.between(0, 900));
  }

  /** Nobody else is named: only the rings say who may hold a shard. */
  private without(): FenceRow[] {
    return [...this.churn.fences.values()].map((row) => ({ ...row, owner: this.self }));
  }

  get isIn(): boolean {
    return this.churn.ring.members.some(({ id }) => id === this.self);
  }

  /** In the newest ring that it has seen, and renewed in time. */
  get holdsLease(): boolean {
    return this.churn.clock.nowMs < this.leaseUntil;
  }

  holds(shard: number): boolean {
    if (!this.holdsLease) return false;
    try {
      return this.shards.holds(shard, this.shards.fenceOf(shard));
    } catch {
      return false;
    }
  }

  get isSettled(): boolean {
    const { ring } = this.churn;
    if (!this.holdsLease || this.shards.epoch !== ring.epoch) return false;
    for (let shard = 0; shard < SHARDS; shard++)
      if ((ownerOf(ring, shard) === this.self) !== (this.shards.whereIs(shard) === 'here')) return false;
    return true;
  }

  /** From rings and renewals, not from the others and not from the database. */
  cut(forMs: number): void {
    this.cutUntil = Math.max(this.cutUntil, this.churn.clock.nowMs + forMs);
  }

  heal(): void {
    this.cutUntil = 0;
    this.env.pausedUntil = 0;
  }

  /** The process is another one from here on; the rest of it is as good as new. */
  crash(): void {
    this.lose();
  }

  private lose(): void {
    this.shards.drop();
    this.leaseUntil = Number.NEGATIVE_INFINITY;
    this.past.add(this.self);
    this.self = nodeIdOf(this.name, String(++this.lives));
    this.doneEpoch = 0;
  }

  private renew(): void {
    const { churn, env } = this;
    env.setTimer(() => this.renew(), 1_000);
    if (this.leaseUntil > 0 && !this.holdsLease) this.lose();
    if (churn.clock.nowMs < this.cutUntil) return;
    const { self } = this;
    const sentAt = churn.clock.nowMs;
    churn.clock.at(churn.clock.between(0, churn.calm ? 20 : 300), () => {
      churn.renewedAt.set(self, churn.clock.nowMs);
      churn.clock.add(churn.clock.between(0, 100), () => this.renewed(self, sentAt), env);
    });
  }

  private renewed(self: NodeId, sentAt: number): void {
    if (self !== this.self) return;
    if (this.leaseUntil > 0 && !this.holdsLease) return this.lose();
    this.look();
    if (self === this.self && this.isIn) this.leaseUntil = Math.max(this.leaseUntil, sentAt + LEASE_MS);
  }

  /** The newest ring, if it is news. One that leaves us out ends this incarnation. */
  look(): void {
    const { ring, clock } = this.churn;
    if (clock.nowMs < this.cutUntil || clock.nowMs < this.env.pausedUntil || ring.epoch <= this.shards.epoch) return;
    if (this.leaseUntil > 0 && (!this.holdsLease || !this.isIn)) this.lose();
    this.shards.onRing(ring);
  }
}
