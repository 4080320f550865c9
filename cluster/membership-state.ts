// Membership as a pure machine: inputs in, effects out, handed `now` (own monotonic clock). Owns the lease, the ring, the view of the
// others and the decision to propose; knows no store and no timer. Started by member.ts.
import { isDone, joiners, movesUnderWay, rankOf, someGaveUp, stayers, type View, yields } from './candidates.ts';
import type { LiveRecord, LiveState } from './live.ts';
import type { MembershipConfig, MembershipEffect, MembershipInput } from './membership.ts';
import {
  FIND_EVERY_MS,
  HEARTBEAT_MS,
  LEASE_MS,
  LIST_EVERY_MS,
  MOVES_MS,
  QUIET_MS,
  RESTORE_MS,
  SILENCE_MS,
  STAGGER_MS,
} from './membership-limits.ts';
import { type NodeId, nodeIdOf } from './node-id.ts';
import { Peers } from './peers.ts';
import { memberOf, type Ring, type RingMember } from './ring.ts';
import { nextRing } from './ring-plan.ts';

const NEVER = Number.NEGATIVE_INFINITY;

/** `lost`: waits for the store to take a new incarnation. `left`: drained, in no ring. `ended`: says nothing any more. */
export type Phase = 'joining' | 'up' | 'lost' | 'left' | 'ended';

export class MembershipState {
  self: NodeId;
  phase: Phase = 'joining';
  ring: Ring | null = null;
  readonly peers = new Peers();
  readonly past = new Set<NodeId>();
  draining = false;
  private weight: number;
  private weightlessSince: number | null = null;
  private readonly config: MembershipConfig;
  private effects: MembershipEffect[] = [];
  /** Who we shall be once the store has answered. */
  private next: NodeId | null = null;
  /** A ring that holds us already: others saw our record before we heard that it was taken, and without a lease nothing may be claimed. */
  private early: Ring | null = null;
  /** When, at the last, the store had no ring of an epoch above ours. */
  private readonly missing = new Map<number, number>();
  private leaseUntil = NEVER;
  private counter = 0;
  private doneEpoch = 0;
  private stored: number | null = null;
  private found = false;
  private listed = false;
  private proposing = false;
  /** Not before then; a new ring is news. */
  private proposeAt = NEVER;
  private ringAt = NEVER;
  private takers: ReadonlySet<NodeId> = new Set();
  /** These members, and the ring as it is: nothing is to change. Asked many times a second, so it is remembered. */
  private contentWith: { readonly ring: Ring | null; readonly members: string } | null = null;
  /** Since when none came and none went. */
  private quietSince = NEVER;
  private joinedAt = NEVER;
  private wishAt: number | null = null;
  private renewAt = NEVER;
  private listAt = NEVER;
  private findAt = NEVER;

  constructor(config: MembershipConfig) {
    this.config = config;
    this.weight = config.weight;
    this.self = nodeIdOf(config.name, config.incarnation());
  }

  step(input: MembershipInput, now: number): readonly MembershipEffect[] {
    this.effects = [];
    if (this.phase === 'ended') return [];
    // First of all, whatever the input: a lease that has run out does not come back by an answer that is late.
    if (this.leased && now >= this.leaseUntil) this.lose('no renewal was acknowledged in time', now);
    this.apply(input, now);
    return this.effects;
  }

  holdsLease(now: number): boolean {
    return this.phase === 'up' && now < this.leaseUntil;
  }

  /** The store took what we said of ourselves a moment ago, member of a ring or not. */
  isFresh(now: number): boolean {
    return now < this.leaseUntil;
  }

  surelyDead(id: NodeId, now: number): boolean {
    if (id === this.self) return false;
    if (this.past.has(id)) return true;
    const { dead } = this.peers.observe(id, now);
    return dead === 'gone' || (dead === 'silent' && this.isFresh(now));
  }

  alive(now: number): NodeId[] {
    const others = [...this.peers.values()].filter(
      (peer) => this.peers.seenAlive(peer, now) && !this.past.has(peer.id),
    );
    return [this.self, ...others.map((peer) => peer.id)];
  }

  /** The last word: after it nothing more is said. */
  end(): LiveRecord {
    this.phase = 'ended';
    this.leaseUntil = NEVER;
    return this.record('gone');
  }

  private get leased(): boolean {
    return this.leaseUntil !== NEVER && this.phase !== 'lost';
  }

  private apply(input: MembershipInput, now: number): void {
    switch (input.t) {
      case 'tick':
        this.tick(now);
        break;
      case 'renewed':
        this.renewed(input.id, input.sentAt, now);
        break;
      case 'hint':
        if (this.isOther(input.id) && this.peers.hinted(input.id, input.record, now)) this.news(input.id, now);
        break;
      case 'read':
        if (!this.isOther(input.id)) break;
        if (this.peers.read(input.id, input.record, input.sentAt, now)) this.news(input.id, now);
        if (this.hasRival(input.id)) {
          this.end();
          this.push({ t: 'onFatal', reason: `another node named ${this.config.name} is running` });
        }
        break;
      case 'listed':
        this.listed = true;
        for (const id of input.ids) if (this.isOther(id)) this.peers.observe(id, now);
        this.probe(now);
        break;
      case 'ring':
        this.adopt(input.ring, now);
        break;
      case 'noRing':
        if (input.epoch > this.epoch) this.missing.set(input.epoch, input.sentAt);
        break;
      case 'found':
        this.found = true;
        break;
      case 'stored':
        this.stored = input.epoch;
        break;
      case 'proposed':
        this.proposing = false;
        if (input.outcome === 'won') break;
        // A store that refuses at once is not asked again at once.
        this.proposeAt = now + STAGGER_MS;
        this.push({ t: 'fetch', epoch: input.epoch });
        break;
      case 'done':
        this.doneEpoch = Math.max(this.doneEpoch, Math.min(input.epoch, this.ring?.epoch ?? 0));
        this.renewSoon(now);
        break;
      case 'weight':
        this.weight = input.weight;
        this.weightlessSince = input.weight === 0 ? now : null;
        this.renewSoon(now);
        break;
      case 'drain':
        this.drain(now);
        break;
    }
    this.propose(now);
  }

  private tick(now: number): void {
    if (now >= this.renewAt) this.renew(now);
    this.probe(now);
    if (now >= this.listAt) {
      this.listAt = now + LIST_EVERY_MS;
      this.push({ t: 'list' });
      this.peers.forget(now, (id) => this.ring !== null && memberOf(this.ring, id) !== null);
    }
    if (now >= this.findAt) {
      this.findAt = now + FIND_EVERY_MS;
      if (!this.found) this.push({ t: 'find' });
      if (this.stored === null) this.push({ t: 'askStored' });
      const epoch = this.epochOfOthers();
      if (epoch > this.epoch) this.push({ t: 'fetch', epoch });
      if (this.ring !== null && now - this.ringAt >= RESTORE_MS && this.isAwaited(this.ring))
        this.push({ t: 'restore', ring: this.ring });
    }
    if (this.draining && this.phase === 'up' && this.isStuck(now)) this.push({ t: 'drained', ok: false });
  }

  private get epoch(): number {
    return this.ring?.epoch ?? 0;
  }

  private renew(now: number): void {
    this.renewAt = now + HEARTBEAT_MS;
    this.push({ t: 'renew', id: this.next ?? this.self, record: this.record() });
  }

  /** What others wait for is said at once, not at the next beat. */
  private renewSoon(now: number): void {
    if (this.phase === 'up' || this.phase === 'left') this.renew(now);
  }

  private record(state: LiveState = this.state): LiveRecord {
    const { url, wire } = this.config;
    const { epoch, doneEpoch: done, weight } = this;
    return { state, n: ++this.counter, weight, url, wire, epoch, done };
  }

  private get state(): LiveState {
    if (this.draining) return 'draining';
    return this.phase === 'up' ? 'up' : 'joining';
  }

  private renewed(id: NodeId, sentAt: number, now: number): void {
    const until = sentAt + LEASE_MS;
    if (now >= until) return;
    if (this.next !== null && id === this.next) this.rejoin(this.next, now);
    if (id !== this.self || this.phase === 'lost') return;
    if (this.leaseUntil === NEVER) this.joinedAt = this.quietSince = now;
    this.leaseUntil = Math.max(this.leaseUntil, until);
    const { early } = this;
    this.early = null;
    if (early !== null) this.adopt(early, now);
  }

  private lose(why: string, now: number): void {
    this.phase = 'lost';
    this.leaseUntil = NEVER;
    this.wishAt = null;
    this.past.add(this.self);
    this.next = nodeIdOf(this.config.name, this.config.incarnation());
    this.early = null;
    this.renewAt = now;
    this.push({ t: 'onLeaseLost', why });
    if (this.draining) this.push({ t: 'drained', ok: false });
  }

  private rejoin(next: NodeId, now: number): void {
    this.self = next;
    this.next = null;
    this.phase = this.draining ? 'left' : 'joining';
    this.doneEpoch = 0;
    this.found = false;
    this.listed = false;
    this.findAt = this.listAt = now;
    this.push({ t: 'onRejoined', self: next });
  }

  /** A record changed, or somebody is dead. */
  private news(id: NodeId, now: number): void {
    const peer = this.peers.get(id);
    if (peer === null || this.past.has(id)) return;
    if (peer.dead !== null) {
      // Nobody is disturbed by the leftovers of a cluster that is no more.
      if (this.ring === null || stayers(this.viewAt(now)).length > 0) this.quietSince = now;
      this.push({ t: 'onDown', id });
    } else if (peer.record?.state === 'joining' && peer.appeared) this.quietSince = now;
  }

  /** Another life of our name, read to be alive, that does not give way. */
  private hasRival(id: NodeId): boolean {
    if (this.phase !== 'joining' || this.past.has(id)) return false;
    return this.peers.namesakes(this.self).some((peer) => peer.id === id && peer.beats > 1 && !yields(peer, this.self));
  }

  private isOther(id: NodeId): boolean {
    return id !== this.self && id !== this.next;
  }

  private probe(now: number): void {
    const doubted = this.phase === 'joining' ? this.config.name : null;
    for (const id of this.peers.probes(now, doubted)) this.push({ t: 'probe', id });
  }

  /** An epoch that is not above the one seen is refused. */
  private adopt(ring: Ring, now: number): void {
    if (ring.epoch <= this.epoch) return;
    const isHeard = this.next === null && this.leaseUntil !== NEVER;
    if (!isHeard && memberOf(ring, this.next ?? this.self) !== null) {
      if (ring.epoch > (this.early?.epoch ?? 0)) this.early = ring;
      return;
    }
    const before = this.ring;
    const isIn = memberOf(ring, this.self) !== null;
    if (this.phase === 'up' && !isIn && !this.draining) this.lose(`ring ${ring.epoch} leaves this node out`, now);
    const drained = this.phase === 'up' && !isIn && this.draining;
    if (drained) this.phase = 'left';
    else if (isIn && (this.phase === 'joining' || this.phase === 'left')) this.phase = 'up';
    this.ring = ring;
    this.ringAt = now;
    for (const epoch of this.missing.keys()) if (epoch <= ring.epoch) this.missing.delete(epoch);
    this.wishAt = null;
    this.proposeAt = NEVER;
    for (const { id } of [...ring.members, ...(before?.members ?? [])]) {
      if (!this.isOther(id)) continue;
      const peer = this.peers.observe(id, now);
      if (memberOf(ring, id) === null) peer.removed = true;
    }
    this.takers = new Set(ring.moves.map((move) => move.to));
    if (!this.takers.has(this.self)) this.doneEpoch = ring.epoch;
    this.push({ t: 'onRing', ring, before });
    if (drained) this.push({ t: 'drained', ok: true });
    this.renewSoon(now);
  }

  private drain(now: number): void {
    this.draining = true;
    if (this.phase === 'joining') {
      this.phase = 'left';
      this.push({ t: 'drained', ok: true });
    }
    this.renewSoon(now);
  }

  /** We drain, and there is nobody to hand to. */
  private isStuck(now: number): boolean {
    const view = this.viewAt(now);
    const others = [...stayers(view), ...joiners(view)].filter((member) => member.id !== this.self);
    return !others.some((member) => member.weight > 0 && !member.draining);
  }

  private viewAt(now: number): View {
    const { self, ring, peers, past, takers, weight, weightlessSince, state, epoch, doneEpoch: done } = this;
    const { url, wire } = this.config;
    const record = { state, n: this.counter, weight, url, wire, epoch, done };
    return { now, self, record, weightlessSince, ring, peers, past, takers };
  }

  /** Some member of it says that it knows only older ones. */
  private isAwaited(ring: Ring): boolean {
    return ring.members.some(({ id }) => {
      const peer = this.isOther(id) ? this.peers.get(id) : null;
      return peer !== null && peer.dead === null && peer.record !== null && peer.record.epoch < ring.epoch;
    });
  }

  /** What the dead knew counts too, until the store was asked for it after we heard of it, and had lost it. */
  private epochOfOthers(): number {
    let highest = 0;
    for (const { dead, record, since } of this.peers.values()) {
      const epoch = record?.epoch ?? 0;
      const isLost = dead !== null && (this.missing.get(epoch) ?? Number.NEGATIVE_INFINITY) >= since;
      if (!isLost) highest = Math.max(highest, epoch);
    }
    return highest;
  }

  private propose(now: number): void {
    if (this.proposing || now < this.proposeAt || !this.knowsEnough(now)) return;
    const view = this.viewAt(now);
    const staying = stayers(view);
    const isUrgent = staying.length < (this.ring?.members.length ?? 0) || someGaveUp(this.ring, staying);
    const isQuiet = now - this.quietSince >= QUIET_MS;
    const joining = isQuiet ? joiners(view) : [];
    if (!isUrgent && movesUnderWay(view) && now - this.ringAt < MOVES_MS) {
      this.wishAt = null;
      return;
    }
    const members = [...staying, ...joining];
    const key = JSON.stringify(members);
    if (this.contentWith?.ring === this.ring && this.contentWith.members === key) return;
    // Only who is first in order works it out at once; mostly the others never have to.
    this.wishAt ??= now;
    if (now < this.wishAt + rankOf(view, joiners(view)) * STAGGER_MS) return;
    this.wishAt = null;
    const ring = this.wish(view, members);
    if (ring === null) this.contentWith = { ring: this.ring, members: key };
    else {
      this.proposing = true;
      this.push({ t: 'propose', ring });
    }
  }

  private wish(view: View, members: readonly RingMember[]): Ring | null {
    let epoch = Math.max(this.epoch, this.stored ?? 0);
    for (const peer of this.peers.values()) epoch = Math.max(epoch, peer.record?.epoch ?? 0);
    return nextRing(this.ring, members, { epochMin: epoch + 1, isDone: (move) => isDone(view, move.to) });
  }

  /** A proposal by one who knows less than others would undo what they did. */
  private knowsEnough(now: number): boolean {
    if ((this.phase !== 'joining' && this.phase !== 'up') || !this.isFresh(now)) return false;
    if (!this.found || !this.listed || this.epochOfOthers() > this.epoch) return false;
    for (const peer of this.peers.values()) if (!peer.known && peer.dead === null) return false;
    if (this.ring !== null) return true;
    // The store is empty, but there was a cluster: one who still holds a lease of it may be cut off from the store, so wait it out.
    return this.stored === 0 || (this.stored !== null && now - this.joinedAt >= SILENCE_MS);
  }

  private push(effect: MembershipEffect): void {
    this.effects.push(effect);
  }
}
