// I7, looked at from outside: at any moment one node at the most may tell of what it wrote for a shard, and nobody tells anything of a
// shard that has had a newer owner since, or under a lease that has run out.
import { SHARDS, shardOf } from '../../actors/index.ts';
import type { Node } from '../../app/node.ts';
import { ForeignRef, type Ref } from '../../runtime/index.ts';
import type { Life } from './host.ts';
import type { Wiretap } from './wiretap.ts';
import type { World } from './world.ts';

interface Owned {
  readonly life: Life;
  readonly fence: number;
}
/** Of ShardTable, what is looked at. It has no event for others, so its methods are wrapped in place. */
interface Table {
  opened(shard: number, fence: number): void;
  left(shard: number, self: string, now: number): void;
  fence(shard: number): number;
}
interface Parts {
  readonly shards: { readonly table: Table };
  readonly member: { holdsLease(now: number): boolean };
}
/** What an owner tells: that something is taken, and the entry itself. */
const TOLD = new Set(['posted', 'deliver']);
/** A turn may take this long. */
const TURN_MS = 2;
/** A mail is passed on so often at the most; then it goes back to its sender. */
const HOPS_MOST = 2;

export class Ownership {
  /** Openings, and those of them after a handoff in order. */
  readonly counts = { opened: 0, handedOver: 0 };
  private readonly newest = new Map<number, Owned>();
  /** Its owner gave it up in order. */
  private readonly released = new Set<number>();
  private readonly holders = new Map<Life, Table>();
  private readonly parts = new Map<Life, Parts>();
  private readonly world: World;
  private readonly tap: Wiretap;

  constructor(world: World, tap: Wiretap) {
    this.world = world;
    this.tap = tap;
  }

  watch(life: Life, node: Node): void {
    const { cluster, kernel } = node;
    const { parts } = cluster as unknown as { parts: Parts };
    const { table } = parts.shards;
    this.holders.set(life, table);
    this.parts.set(life, parts);
    const { opened, left } = table;
    table.opened = (shard, fence) => {
      opened.call(table, shard, fence);
      this.opened(life, shard, fence);
    };
    table.left = (shard, self, now) => {
      if (this.newest.get(shard)?.life === life) this.released.add(shard);
      left.call(table, shard, self, now);
    };
    const { world } = this;
    kernel.trace = (what, to, mail, from) => {
      if (what === 'queued') this.told(life, mail, from);
      if (world.trace.notes === null || what === 'queued') return;
      const sender = from instanceof ForeignRef ? from.node : '';
      const text = (): string => `${sender} ${this.tap.describeMail(mail, from)}`;
      world.note(`.${what}`, life.owner.name, `${to.kind}:${to.key}`, 0, '', text);
    };
    const router = cluster?.router;
    if (router === undefined) return;
    const routeAll = router.routeAll.bind(router);
    router.routeAll = (kind, keys, mail, from) => {
      this.told(life, mail, from);
      return routeAll(kind, keys, mail, from);
    };
    const routeTo = router.routeTo.bind(router);
    router.routeTo = (node, kind, keys, mail, from, call, hops) => {
      if (hops > HOPS_MOST) world.fail('I9', `${life.owner.name} passes on ${kind} ${keys[0]}, hop ${hops}`, [...keys]);
      routeTo(node, kind, keys, mail, from, call, hops);
    };
    const send = router.send.bind(router);
    router.send = (to, mail, from, lane) => {
      this.told(life, mail, from);
      return send(to, mail, from, lane);
    };
  }

  /** Who opened it last, if that one lives. */
  ownerOf(shard: number): Life | null {
    const life = this.newest.get(shard)?.life;
    return life?.owner.alive === true ? life : null;
  }

  /** Shards that no living node works, or that two do; null: none. */
  fault(): string | null {
    for (let shard = 0; shard < SHARDS; shard++) {
      const holders = this.holdersOf(shard);
      if (holders.length !== 1)
        return `shard ${shard} is open on ${holders.map(({ owner }) => owner.name).join(' and ') || 'no node'}`;
    }
    return null;
  }

  private holdersOf(shard: number): Life[] {
    const found: Life[] = [];
    for (const [life, table] of this.holders) {
      if (!life.owner.alive) this.holders.delete(life);
      else if (table.fence(shard) !== 0 && life.node?.cluster?.holds(shard, table.fence(shard)) === true)
        found.push(life);
    }
    return found;
  }

  private opened(life: Life, shard: number, fence: number): void {
    this.counts.opened++;
    const before = this.newest.get(shard);
    if (before !== undefined && fence <= before.fence)
      this.world.fail('I7', `${life.owner.name} opens shard ${shard} under fence ${fence} after ${before.fence}`, []);
    // What the last owner said of cursors may be under way still, and it may have died before it stored them.
    if (before !== undefined) this.tap.forgetShard(shard);
    if (before !== undefined && this.released.delete(shard)) this.counts.handedOver++;
    this.newest.set(shard, { life, fence });
    for (const other of this.holdersOf(shard))
      if (other !== life)
        this.world.fail(
          'I7',
          `${other.owner.name} holds shard ${shard} when ${life.owner.name} opens it under fence ${fence}`,
          [life.owner.name, other.owner.name],
        );
  }

  /** Judged while its chat is there: it may wait for its receiver's shard, or come back with it, when the chat has moved on. */
  private told(life: Life, mail: unknown, from: Ref | null): void {
    if (from === null || from.kind !== 'chat' || from instanceof ForeignRef) return;
    const what = (mail as { readonly t?: string } | null)?.t ?? '';
    if (!TOLD.has(what) || life.node?.kernel.isAlive(from) !== true) return;
    const shard = shardOf('chat', from.key);
    const newest = this.newest.get(shard);
    const table = this.holders.get(life);
    const say = (why: string): void =>
      this.world.fail('I7', `${life.owner.name} says ${what} for ${from.key} of shard ${shard}, ${why}`, [from.key]);
    if (newest !== undefined && newest.life !== life)
      say(`and ${newest.life.owner.name} has opened it since under fence ${newest.fence}`);
    else if (table !== undefined && !this.isLeased(life)) say('and has no lease');
  }

  private isLeased(life: Life): boolean {
    return this.parts.get(life)?.member.holdsLease(this.world.now - TURN_MS) ?? false;
  }
}
