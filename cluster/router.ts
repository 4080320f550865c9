// The kernel's router in a cluster: places mail by shard, carries it and the signals of actors over links, and hands over what others
// send. What cannot be delivered comes back to its sender as a refusal, also when a link breaks under it: nobody waits in silence.
// Knows neither NATS nor how the ring is agreed on; the receiving half is router-inbound.ts.
import type { Env, ExitReason, ForeignRef, Kernel, Ref, Refusal, Refused, Router } from '../runtime/index.ts';
import { ForeignRef as Foreign, OutsideRef } from '../runtime/index.ts';
import { type Envelope, encodeEnvelope, type LocalName } from './envelope.ts';
import type { HeldMail } from './held-mail.ts';
import type { TakenMail } from './link-state.ts';
import type { Links } from './links.ts';
import { type MailShapes, NO_SHAPES } from './mail-shapes.ts';
import type { NodeId } from './node-id.ts';
import type { Placement } from './placement.ts';
import { RefTable } from './ref-table.ts';
import { Inbound } from './router-inbound.ts';
import { RouterCounters, type RouterStats } from './router-stats.ts';
import type { ShardMail } from './shard-mail.ts';

/** Keys of one mail; more become several mails. */
const KEYS_MAX = 4_096;

export class ClusterRouter implements Router {
  readonly counters = new RouterCounters();
  readonly refs: RefTable;
  readonly placement: Placement;
  readonly shapes: MailShapes;
  private readonly inbound: Inbound;
  private theKernel: Kernel | null = null;
  private links: Links | null = null;

  constructor(env: Env, placement: Placement, shapes: MailShapes = NO_SHAPES) {
    this.placement = placement;
    this.shapes = shapes;
    this.refs = new RefTable(
      env,
      () => placement.self,
      () => this.kernel,
    );
    this.inbound = new Inbound(this, env);
  }

  /** Once, before any mail: the router is part of the kernel, and the links hand over to the router. */
  start(kernel: Kernel, links: Links): void {
    this.theKernel = kernel;
    this.links = links;
    kernel.onSliceEnd(() => links.flush());
  }

  get kernel(): Kernel {
    if (this.theKernel === null) throw new Error('the router was not started');
    return this.theKernel;
  }

  // From the kernel.

  route(kind: string, key: string, mail: object, from: Ref | null, call: number): 'local' | Refusal | null {
    const shard = this.placement.shardOf(kind, key);
    if (shard === null) return 'local';
    const where = this.placement.whereIs(shard);
    if (where === 'here' || where === this.placement.self) return 'local';
    return this.toward(where, shard, kind, key, mail, from, call, 0);
  }

  routeAll(kind: string, keys: Iterable<string>, mail: object, from: Ref | null): string[] {
    const { local, byNode } = this.group(kind, keys, (key, shard, where) => {
      const refusal = this.toward(where, shard, kind, key, mail, from, 0, 0);
      if (refusal !== null) this.refuse(kind, key, mail, from, 0, refusal);
    });
    for (const [node, theirs] of byNode) this.routeTo(node, kind, theirs, mail, from, 0, 0);
    return local;
  }

  hint(kind: string, keys: Iterable<string>, mail: object, from: Ref | null): string[] {
    const { local, byNode } = this.group(kind, keys, () => this.counters.hintsDropped++);
    for (const [node, theirs] of byNode) {
      for (const some of chunksOf(theirs)) {
        const epoch = this.placement.epoch;
        const refusal = this.post(node, { t: 'hint', kind, keys: some, mail, from, call: 0, epoch, hops: 0 });
        if (refusal === null) this.counters.hintsOut++;
        else this.counters.hintsDropped += some.length;
      }
    }
    return local;
  }

  send(to: ForeignRef, mail: object, from: Ref | null, lane: 'user' | 'reply'): Refusal | null {
    this.counters.sendsOut++;
    return this.post(to.node as NodeId, { t: 'send', to: nameOf(to), mail, from, lane }, lane === 'reply');
  }

  refused(to: ForeignRef, refused: Refused, call: number): void {
    const { kind, key, reason } = refused;
    this.counters.refusalsOut++;
    const mail = call > 0 ? null : refused.mail;
    const envelope = { t: 'refused', to: nameOf(to), kind, key, mail, reason, call } as const;
    // Only what is larger than any message is busy now: a refusal of it without its content is better than none.
    if (this.signal(to.node, envelope) === 'busy') this.signal(to.node, { ...envelope, mail: { t: 'tooLarge' } });
  }

  answer(to: ForeignRef, call: number, value: unknown): void {
    this.counters.answersOut++;
    if (this.signal(to.node, { t: 'answer', call, value }) !== 'busy') return;
    this.refused(to, { t: 'refused', kind: to.kind, key: to.key, mail: null, reason: 'busy' }, call);
  }

  monitor(ref: ForeignRef, monitor: number): void {
    const refusal = this.signal(ref.node, { t: 'monitor', to: nameOf(ref), monitor });
    if (refusal !== null) this.kernel.foreignDown(ref, monitor, 'noconnection');
  }

  demonitor(ref: ForeignRef, monitor: number): void {
    this.signal(ref.node, { t: 'demonitor', monitor });
  }

  link(from: Ref, to: ForeignRef): void {
    const refusal = this.signal(to.node, { t: 'link', from: this.ownName(from), to: nameOf(to) });
    if (refusal !== null) this.kernel.foreign.exit(from, to, 'noconnection');
  }

  // A link that is not there needs no word of its end: the break, which both sides hear of, ends it too.

  unlink(from: Ref, to: ForeignRef): void {
    this.signal(to.node, { t: 'unlink', from: this.ownName(from), to: nameOf(to) });
  }

  exit(from: Ref, to: ForeignRef, reason: ExitReason): void {
    this.signal(to.node, { t: 'exit', from: this.ownName(from), to: nameOf(to), reason });
  }

  // From the links and the membership.

  /** For `LinksOptions.onMail`. */
  readonly receive = (from: NodeId, bytes: Uint8Array): void => this.inbound.receive(from, bytes);

  /** For `LinksOptions.onBroken`: what was lost is refused to its senders, and all actors of that node are down for us. */
  readonly broken = (node: NodeId, lost: readonly TakenMail[]): void => {
    this.counters.lost += lost.length;
    this.inbound.lost(lost);
    this.inbound.unwatch(node);
    this.kernel.nodeDown(node);
  };

  nodeDown(node: NodeId): void {
    this.links?.down(node);
    this.inbound.unwatch(node);
    this.kernel.nodeDown(node);
  }

  /** We are another incarnation (`placement.self` says so already): for the others the old one is dead, and so they are for us. */
  rejoined(before: NodeId): void {
    this.refs.wasSelf(before);
    this.links?.restart(this.placement.self);
  }

  /**
   * Sends a mail on that was not for us, or waits here: to where its shard is now. For `Placement.hold`, with the hops it was given.
   * Null: taken. A refusal is the caller's to tell, with `refuse`.
   */
  forward(
    kind: string,
    key: string,
    mail: object,
    from: Ref | null,
    call: number,
    hops: number,
  ): 'local' | Refusal | null {
    const shard = this.placement.shardOf(kind, key);
    const where = shard === null ? 'here' : this.placement.whereIs(shard);
    if (shard === null || where === 'here' || where === this.placement.self) return 'local';
    return this.toward(where, shard, kind, key, mail, from, call, hops);
  }

  /** Tells the sender of a mail, wherever it is, that `kind` and `key` did not take it. */
  refuse(kind: string, key: string, mail: object, from: Ref | null, call: number, reason: Refusal): void {
    const refused: Refused = { t: 'refused', kind, key, mail, reason };
    if (from instanceof Foreign) this.refused(from, refused, call);
    else if (call > 0) this.kernel.foreignAnswer(call, { ok: false, value: null, reason });
    else if (from !== null) this.kernel.foreignRefused(from, refused);
    else this.kernel.deadLetter({ kind, key }, reason, mail, null);
  }

  stats(): RouterStats {
    return { ...this.counters, foreignRefs: this.refs.size, watches: this.inbound.watches };
  }

  /** One mail to many keys of one node. What is not taken is refused to `from`. */
  routeTo(
    node: NodeId,
    kind: string,
    keys: readonly string[],
    mail: object,
    from: Ref | null,
    call: number,
    hops: number,
  ): void {
    for (const some of chunksOf(keys)) {
      const refusal = this.postRoute(node, kind, some, mail, from, call, hops);
      if (refusal !== null) for (const key of some) this.refuse(kind, key, mail, from, call, refusal);
    }
  }

  /** The rest of a mailbox, to its shard's next owner. A refusal is the caller's to tell. */
  rest(node: NodeId, shard: number, { kind, key, mail, from, call, hops }: HeldMail): Refusal | null {
    return this.post(node, { t: 'rest', shard, kind, key, mail, from, call, hops }, true);
  }

  shards(node: NodeId, mail: ShardMail): void {
    this.signal(node, { t: 'shards', mail });
  }

  /** Mail that must not be refused. Null, or why it could not be: no link, or larger than any message. */
  signal(node: string, envelope: Envelope): Refusal | null {
    this.counters.signalsOut++;
    return this.post(node as NodeId, envelope, true);
  }

  private toward(
    where: NodeId | 'hold' | null,
    shard: number,
    kind: string,
    key: string,
    mail: object,
    from: Ref | null,
    call: number,
    hops: number,
  ): Refusal | null {
    if (where === null) return 'noconnection';
    if (where === 'hold') {
      this.counters.held++;
      return this.placement.hold(shard, kind, key, mail, from, call, hops);
    }
    return this.postRoute(where, kind, [key], mail, from, call, hops);
  }

  private postRoute(
    node: NodeId,
    kind: string,
    keys: readonly string[],
    mail: object,
    from: Ref | null,
    call: number,
    hops: number,
  ): Refusal | null {
    // A call of the outside is answered by its number; its address only has to say where it is from.
    const sender =
      call > 0 && from instanceof OutsideRef ? this.refs.foreign(this.placement.self, from.kind, from.key, 0) : from;
    const { epoch } = this.placement;
    const refusal = this.post(node, { t: 'route', kind, keys, mail, from: sender, call, epoch, hops });
    if (refusal === null) {
      this.counters.routesOut++;
      this.counters.keysOut += keys.length;
    }
    return refusal;
  }

  private post(node: NodeId, envelope: Envelope, urgent = false): Refusal | null {
    if (this.links === null) throw new Error('the router was not started');
    return this.links.send(node, encodeEnvelope(envelope, this.refs, this.shapes), urgent);
  }

  private group(
    kind: string,
    keys: Iterable<string>,
    elsewhere: (key: string, shard: number, where: NodeId | 'hold' | null) => void,
  ): { local: string[]; byNode: Map<NodeId, string[]> } {
    const { placement } = this;
    const local: string[] = [];
    const byNode = new Map<NodeId, string[]>();
    for (const key of keys) {
      const shard = placement.shardOf(kind, key);
      const where = shard === null ? 'here' : placement.whereIs(shard);
      if (shard === null || where === 'here' || where === placement.self) local.push(key);
      else if (where === null || where === 'hold') elsewhere(key, shard, where);
      else {
        const theirs = byNode.get(where);
        if (theirs === undefined) byNode.set(where, [key]);
        else theirs.push(key);
      }
    }
    return { local, byNode };
  }

  private ownName(ref: Ref): LocalName {
    return [ref.kind, ref.key, this.kernel.foreign.lifeOf(ref)];
  }
}

const nameOf = (ref: ForeignRef): LocalName => [ref.kind, ref.key, ref.life];

function* chunksOf(keys: readonly string[]): Iterable<readonly string[]> {
  if (keys.length <= KEYS_MAX) yield keys;
  else for (let at = 0; at < keys.length; at += KEYS_MAX) yield keys.slice(at, at + KEYS_MAX);
}
