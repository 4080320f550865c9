// The receiving half of the router: what other nodes send is handed to the kernel, passed on when it is not ours, and refused back when
// nobody takes it. It keeps who watches our actors from where, so that a lost node is forgotten whole.
import { Address, type Env, type ForeignRef, type Kernel, type Ref, type Refusal } from '../runtime/index.ts';
import {
  decodeEnvelope,
  type Envelope,
  type LinkEnvelope,
  type LocalName,
  type MonitorEnvelope,
  type RefusedEnvelope,
  type RouteEnvelope,
  type SendEnvelope,
} from './envelope.ts';
import type { TakenMail } from './link-state.ts';
import type { MailShapes } from './mail-shapes.ts';
import type { NodeId } from './node-id.ts';
import type { Placement } from './placement.ts';
import type { RefTable } from './ref-table.ts';
import type { RouterCounters } from './router-stats.ts';

/** A mail that was passed on so often goes back to its sender. */
export const HOPS_MAX = 2;
/** A node is told at most so often that it has an old ring. */
const NOT_OWNER_MS = 100;

/** The sending half, as this one needs it. */
export interface Outbound {
  readonly kernel: Kernel;
  readonly placement: Placement;
  readonly refs: RefTable;
  readonly counters: RouterCounters;
  readonly shapes: MailShapes;
  refuse(kind: string, key: string, mail: object, from: Ref | null, call: number, reason: Refusal): void;
  routeTo(
    node: NodeId,
    kind: string,
    keys: readonly string[],
    mail: object,
    from: Ref | null,
    call: number,
    hops: number,
  ): void;
  signal(node: NodeId, envelope: Envelope): Refusal | null;
}

export class Inbound {
  private readonly router: Outbound;
  private readonly env: Env;
  private readonly counters: RouterCounters;
  private readonly placement: Placement;
  private readonly refs: RefTable;
  /** How to stop each watch on actors here, by the watcher's node and number. */
  private readonly watchesOf = new Map<NodeId, Map<number, () => void>>();
  private readonly toldAt = new Map<NodeId, number>();

  constructor(router: Outbound, env: Env) {
    this.router = router;
    this.env = env;
    this.counters = router.counters;
    this.placement = router.placement;
    this.refs = router.refs;
  }

  get watches(): number {
    let count = 0;
    for (const each of this.watchesOf.values()) count += each.size;
    return count;
  }

  receive(from: NodeId, bytes: Uint8Array): void {
    const envelope = this.decode(from, bytes);
    if (envelope === null) return;
    const { kernel } = this.router;
    switch (envelope.t) {
      case 'route':
        return this.routed(from, envelope);
      case 'hint':
        return this.hinted(envelope);
      case 'send':
        return this.sent(envelope);
      case 'refused':
        return this.refused(envelope);
      case 'answer':
        return kernel.foreignAnswer(envelope.call, { ok: true, value: envelope.value, reason: null });
      case 'monitor':
        return this.monitored(from, envelope);
      case 'demonitor':
        return this.demonitored(from, envelope.monitor);
      case 'down':
        return kernel.foreignDown(this.foreign(from, envelope.from), envelope.monitor, envelope.reason);
      case 'link':
        return this.linked(from, envelope);
      case 'unlink':
        return kernel.foreign.unlink(this.local(envelope.to), this.foreign(from, envelope.from));
      case 'exit':
        return kernel.foreign.exit(this.local(envelope.to), this.foreign(from, envelope.from), envelope.reason);
      case 'notOwner':
        this.counters.notOwnerIn++;
        if (envelope.epoch > this.placement.epoch) this.placement.stale(envelope.epoch);
        return;
      case 'rest':
        return this.placement.rest(envelope.shard, envelope);
      case 'shards':
        return this.placement.onShards(from, envelope.mail);
    }
  }

  /** Mails of ours that a broken link took. Who sent one hears that it may not have arrived. */
  lost(mails: readonly TakenMail[]): void {
    for (const { bytes } of mails) {
      const envelope = this.decode(this.placement.self, bytes);
      if (envelope?.t === 'route' || envelope?.t === 'rest') {
        const { kind, mail, from, call } = envelope;
        const keys = envelope.t === 'rest' ? [envelope.key] : envelope.keys;
        for (const key of keys) this.router.refuse(kind, key, mail, from, call, 'noconnection');
      } else if (envelope?.t === 'send') {
        const [kind, key] = envelope.to;
        if (envelope.lane === 'user') this.router.refuse(kind, key, envelope.mail, envelope.from, 0, 'noconnection');
        else this.router.kernel.deadLetter({ kind, key }, 'noconnection', envelope.mail, envelope.from);
      }
    }
  }

  /** A node was lost: it watches nobody any more. */
  unwatch(node: NodeId): void {
    const watches = this.watchesOf.get(node);
    this.watchesOf.delete(node);
    this.toldAt.delete(node);
    if (watches !== undefined) for (const stop of watches.values()) stop();
  }

  private decode(from: NodeId, bytes: Uint8Array): Envelope | null {
    try {
      return decodeEnvelope(bytes, this.refs, from, this.router.shapes);
    } catch (error) {
      this.counters.unreadable++;
      this.env.log.error({ error: String(error) }, 'a mail of another node could not be read');
      return null;
    }
  }

  private routed(node: NodeId, envelope: RouteEnvelope): void {
    const { kind, keys, mail, from, call, epoch, hops } = envelope;
    this.counters.keysIn += keys.length;
    if (epoch > this.placement.epoch) this.placement.stale(epoch);
    const accepted = this.placement.accepts(node, epoch);
    let onward: Map<NodeId, string[]> | null = null;
    for (const key of keys) {
      const refusal = accepted ? this.place(node, envelope, key) : 'noconnection';
      if (refusal === null) continue;
      if (typeof refusal === 'string') {
        this.router.refuse(kind, key, mail, from, call, refusal);
        continue;
      }
      onward ??= new Map();
      const theirs = onward.get(refusal.owner) ?? [];
      onward.set(refusal.owner, theirs);
      theirs.push(key);
    }
    if (onward === null) return;
    for (const [owner, theirs] of onward) this.router.routeTo(owner, kind, theirs, mail, from, call, hops + 1);
  }

  /** Null: it has its place. Else why not, or to whom it goes on. */
  private place(node: NodeId, envelope: RouteEnvelope, key: string): Refusal | null | { readonly owner: NodeId } {
    const { kind, mail, from, call, hops } = envelope;
    const shard = this.placement.shardOf(kind, key);
    const where = shard === null ? 'here' : this.placement.whereIs(shard);
    if (shard === null || where === 'here' || where === this.placement.self) return this.routeHere(envelope, key);
    if (where === 'hold') {
      this.counters.held++;
      return this.placement.hold(shard, kind, key, mail, from, call, hops);
    }
    this.tellNotOwner(node, shard, where);
    if (where === null) return 'noconnection';
    if (hops >= HOPS_MAX) {
      this.counters.tooManyHops++;
      return 'busy';
    }
    this.counters.forwarded++;
    return { owner: where };
  }

  private routeHere({ kind, mail, from, call }: RouteEnvelope, key: string): Refusal | null {
    const refusal = this.router.kernel.routeLocal(kind, key, mail, from, call);
    // Without a sender it is a dead letter already.
    return from === null ? null : refusal;
  }

  private tellNotOwner(node: NodeId, shard: number, owner: NodeId | null): void {
    const now = this.env.now();
    if (now - (this.toldAt.get(node) ?? Number.NEGATIVE_INFINITY) < NOT_OWNER_MS) return;
    this.toldAt.set(node, now);
    this.counters.notOwnerOut++;
    this.router.signal(node, { t: 'notOwner', shard, epoch: this.placement.epoch, owner });
  }

  private hinted({ kind, keys, mail, from }: RouteEnvelope): void {
    this.counters.hintsIn += keys.length;
    for (const key of keys) {
      const shard = this.placement.shardOf(kind, key);
      const where = shard === null ? 'here' : this.placement.whereIs(shard);
      const isHere = where === 'here' || where === this.placement.self;
      if (isHere) this.router.kernel.hintLocal(kind, key, mail, from);
      else this.counters.hintsDropped++;
    }
  }

  private sent({ to, mail, from, lane }: SendEnvelope): void {
    this.counters.sendsIn++;
    const { kernel } = this.router;
    const target = this.local(to);
    const [kind, key] = to;
    if (lane === 'reply') {
      if (target instanceof Address) kernel.reply(target, mail, from);
      else kernel.deadLetter(target, 'noproc', mail, from);
      return;
    }
    const refusal = this.sentUser(kernel, target, mail, from);
    if (refusal !== null && from !== null) this.router.refuse(kind, key, mail, from, 0, refusal);
  }

  private sentUser(kernel: Kernel, target: Ref, mail: object, from: Ref | null): Refusal | null {
    // As within a node: user mail to a former life goes to the name, when that lives on.
    const { kind, key } = target;
    if (!(target instanceof Address) && kernel.whereis(kind, key) !== null)
      return kernel.routeLocal(kind, key, mail, from);
    return kernel.send(target, mail, from);
  }

  private refused({ to, kind, key, mail, reason, call }: RefusedEnvelope): void {
    this.counters.refusalsIn++;
    const { kernel } = this.router;
    if (call > 0) kernel.foreignAnswer(call, { ok: false, value: null, reason });
    else kernel.foreignRefused(this.local(to), { t: 'refused', kind, key, mail, reason });
  }

  private monitored(node: NodeId, { to, monitor }: MonitorEnvelope): void {
    let over = false;
    const stop = this.router.kernel.watch(this.local(to), ({ reason }) => {
      over = true;
      this.watchesOf.get(node)?.delete(monitor);
      this.router.signal(node, { t: 'down', from: to, monitor, reason });
    });
    if (over) return;
    const watches = this.watchesOf.get(node) ?? new Map<number, () => void>();
    this.watchesOf.set(node, watches.set(monitor, stop));
  }

  private demonitored(node: NodeId, monitor: number): void {
    const watches = this.watchesOf.get(node);
    const stop = watches?.get(monitor);
    if (stop === undefined) return;
    watches?.delete(monitor);
    stop();
  }

  private linked(node: NodeId, { from, to }: LinkEnvelope): void {
    if (this.router.kernel.foreign.link(this.local(to), this.foreign(node, from))) return;
    this.router.signal(node, { t: 'exit', from: to, to: from, reason: 'noproc' });
  }

  private local([kind, key, life]: LocalName): Ref {
    return this.refs.local(kind, key, life);
  }

  private foreign(node: NodeId, [kind, key, life]: LocalName): ForeignRef {
    return this.refs.foreign(node, kind, key, life);
  }
}
