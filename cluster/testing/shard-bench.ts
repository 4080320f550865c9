// Nodes with shards over a fake membership, fake links and one table of fences, for tests: the clock moves when a test says so, links are
// ordered and may be held back, fences may fail, be unheard of, or be taken by strangers.
import { CONTINUE, createKernel, type Kernel, type Kind, type Ref, type Refusal } from '../../runtime/index.ts';
import { TestEnv } from '../../runtime/testing/test-env.ts';
import type { HeldMail } from '../held-mail.ts';
import { type NodeId, nodeIdOf } from '../node-id.ts';
import { type Move, RING_SHARDS, type Ring } from '../ring.ts';
import type { ShardMail } from '../shard-mail.ts';
import { Shards } from '../shards.ts';
import type { FenceRow } from '../shards-options.ts';

export const nodeOf = (name: string, incarnation = '1'): NodeId => nodeIdOf(name, incarnation);

/** A ring in which only these shards have owners. */
export function ringOf(epoch: number, owners: Readonly<Record<number, NodeId>>, moves: readonly Move[] = []): Ring {
  const ids = [...new Set(Object.values(owners))].sort();
  const members = ids.map((id) => ({
    id,
    name: id.slice(0, id.indexOf('#')),
    weight: 1,
    url: null,
    draining: false,
  }));
  const table = Array.from({ length: RING_SHARDS }, (_, shard) => ids.indexOf(owners[shard] ?? ('' as NodeId)));
  return { epoch, members, owners: table, moves };
}

export const moveOf = (shard: number, from: NodeId | null, to: NodeId, ...earlier: NodeId[]): Move => ({
  shard,
  from,
  to,
  earlier,
});

/** What a cell of the bench was sent: tests look at the order. */
export interface Said {
  readonly node: string;
  readonly key: string;
  readonly text: string;
}

export class Bench {
  readonly env = new TestEnv();
  readonly nodes = new Map<NodeId, BenchNode>();
  readonly fences = new Map<number, FenceRow>();
  readonly said: Said[] = [];
  readonly refused: string[] = [];
  /** Of `refused`, as their senders heard it. */
  readonly reasons: Refusal[] = [];
  readonly dead = new Set<NodeId>();
  /** The next takings: what becomes of each. */
  readonly takings: ('fails' | 'unheard' | ((shard: number) => 'heard' | 'unheard'))[] = [];
  /** How long a taking is under way. */
  takeMs = 1;
  /** Mail between these, `from>to`, waits for `release`. */
  readonly stuck = new Map<string, (() => void)[]>();

  node(name: string): BenchNode {
    const node = new BenchNode(this, nodeOf(name));
    this.nodes.set(node.id, node);
    return node;
  }

  carry(from: NodeId, to: NodeId, run: (node: BenchNode) => void): void {
    const deliver = (): void => {
      const node = this.nodes.get(to);
      if (node !== undefined && !this.dead.has(to)) run(node);
    };
    const stuck = this.stuck.get(`${from}>${to}`);
    if (stuck !== undefined) stuck.push(deliver);
    else this.env.setTimer(deliver, 1);
  }

  hold(from: BenchNode, to: BenchNode): void {
    this.stuck.set(`${from.id}>${to.id}`, []);
  }

  release(from: BenchNode, to: BenchNode): void {
    const name = `${from.id}>${to.id}`;
    const waiting = this.stuck.get(name) ?? [];
    this.stuck.delete(name);
    for (const deliver of waiting) deliver();
  }

  take(shard: number, owner: string, epoch: number): number {
    const fence = (this.fences.get(shard)?.fence ?? 0) + 1;
    this.fences.set(shard, { shard, fence, owner, epoch });
    return fence;
  }

  takeLater(shard: number, owner: string, epoch: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const plan = this.takings.shift();
      this.env.setTimer(() => {
        const outcome = typeof plan === 'function' ? plan(shard) : plan;
        if (outcome === 'fails') return reject(new Error('planned'));
        const fence = this.take(shard, owner, epoch);
        if (outcome === 'unheard') reject(new Error('planned'));
        else resolve(fence);
      }, this.takeMs);
    });
  }

  /** Who says that it holds the shard. */
  holders(shard: number): string[] {
    return [...this.nodes.values()].filter((node) => node.holdsShard(shard)).map((node) => node.name);
  }
}

export class BenchNode {
  readonly name: string;
  id: NodeId;
  lease = true;
  readonly kernel: Kernel;
  readonly shards: Shards;
  private readonly poster: Ref;
  readonly opened: number[] = [];
  readonly stale: number[] = [];
  private readonly bench: Bench;

  constructor(bench: Bench, id: NodeId) {
    this.bench = bench;
    this.id = id;
    this.name = id.slice(0, id.indexOf('#'));
    const { env } = bench;
    this.kernel = createKernel({ env, node: id });
    this.kernel.register(wordKind((key, text) => bench.said.push({ node: this.name, key, text })));
    this.kernel.register(
      posterKind((text, reason) => {
        bench.refused.push(text);
        bench.reasons.push(reason);
      }),
    );
    this.poster = this.kernel.spawn('poster', 'only');
    this.shards = new Shards({
      env,
      kernel: this.kernel,
      kinds: ['word'],
      shardOf: (_kind, key) => Number(key.split('-')[0]),
      self: () => this.id,
      holdsLease: () => this.lease,
      surelyDead: (node) => bench.dead.has(node),
      fences: async () => [...bench.fences.values()],
      takeFence: (shard, owner, epoch) => bench.takeLater(shard, owner, epoch),
      opened: (shard) => this.opened.push(shard),
      rest: (to, shard, mail) => {
        bench.carry(this.id, to, (node) => node.shards.rest(shard, mail));
        return null;
      },
      tell: (to, mail: ShardMail) => bench.carry(this.id, to, (node) => node.shards.onMail(this.id, mail)),
      stale: (epoch) => this.stale.push(epoch),
      settled: () => {},
    });
  }

  holdsShard(shard: number): boolean {
    try {
      return this.shards.holds(shard, this.shards.fenceOf(shard));
    } catch {
      return false;
    }
  }

  /** As a router would. */
  post(mail: HeldMail): void {
    const shard = Number(mail.key.split('-')[0]);
    const where = this.shards.whereIs(shard);
    if (where === 'here') this.kernel.routeLocal(mail.kind, mail.key, mail.mail, mail.from);
    else if (where === 'hold') {
      if (this.shards.hold(shard, mail) !== null) this.bench.refused.push(textOf(mail));
    } else if (where === null) this.bench.refused.push(textOf(mail));
    else this.bench.carry(this.id, where, (node) => node.post(mail));
  }

  say(key: string, text: string): void {
    this.post({ kind: 'word', key, mail: { t: 'word', text }, from: this.poster, call: 0, hops: 0 });
  }
}

const textOf = (mail: { readonly mail: object }): string => (mail.mail as Word).text;

interface Word {
  readonly t: 'word';
  readonly text: string;
}

/** Notes what it is told. Told `busy`, it has something under way until a reply comes. */
const wordKind = (note: (key: string, text: string) => void): Kind<{ busy: boolean }, Word> => ({
  name: 'word',
  restart: 'transient',
  activate: 'mail',
  init: () => ({ busy: false }),
  receive(ctx, state, { text }) {
    if (text === 'busy') state.busy = true;
    note(ctx.key, text);
    return CONTINUE;
  },
  onReply(_ctx, state) {
    state.busy = false;
    return CONTINUE;
  },
  quiet: (state) => !state.busy,
});

const posterKind = (onRefused: (text: string, reason: Refusal) => void): Kind<null, object> => ({
  name: 'poster',
  restart: 'transient',
  activate: 'spawn',
  init: () => null,
  receive: () => CONTINUE,
  onRefused(_ctx, _state, refused) {
    onRefused(textOf(refused as { mail: object }), refused.reason);
    return CONTINUE;
  },
});
