// What a member knows of the others: their records, since when each did not change, who is dead. Pure; handed `now`.
//
// Why one read proves silence: a member keeps its lease only by renewals without a gap. Say we knew its record r at time t (by a hint or
// a read), and a linearizable read that was sent at t + 7 s finds r still. Then no put was applied in between, so no renewal was
// acknowledged, so the lease that r had given ended before t + 4 s, and an incarnation whose lease has ended never holds one again.
import type { LiveRecord } from './live.ts';
import { LEASE_SEEN_MS, PROBE_AFTER_MS, PROBE_EVERY_MS, REMEMBER_MS, SILENCE_MS } from './membership-limits.ts';
import { type NodeId, nameOf } from './node-id.ts';

export interface Peer {
  readonly id: NodeId;
  /** Null: its key is not there, or nothing is known yet. */
  record: LiveRecord | null;
  /** Nothing is known until the first answer. */
  known: boolean;
  /** When we learned of the record as it is. */
  since: number;
  /** The newest `n` that was seen, also when the record is gone since: hints may be late. −1: none. */
  newest: number;
  /** How often a newer record was seen. */
  changes: number;
  /** Of the record as it was read last; −1: never. */
  readN: number;
  /** How often a read found a newer record than the one before. More than once: it lives; once may be a last put that was under way. */
  beats: number;
  /** Since when its record says weight 0; null: it says another, or is not there. */
  weightlessSince: number | null;
  /** Its record is there since the last change. */
  appeared: boolean;
  /** When it was read last; −∞: never. */
  askedAt: number;
  /** Final: an incarnation that is dead never returns. */
  dead: 'gone' | 'silent' | null;
  /** A ring has left it out: it is never let in again. */
  removed: boolean;
}

export class Peers {
  private readonly all = new Map<NodeId, Peer>();

  get(id: NodeId): Peer | null {
    return this.all.get(id) ?? null;
  }

  values(): IterableIterator<Peer> {
    return this.all.values();
  }

  /** From now on its record is looked at. */
  observe(id: NodeId, now: number): Peer {
    const known = this.all.get(id);
    if (known !== undefined) return known;
    const peer: Peer = {
      id,
      record: null,
      known: false,
      since: now,
      newest: -1,
      changes: 0,
      readN: -1,
      beats: 0,
      weightlessSince: null,
      appeared: false,
      askedAt: Number.NEGATIVE_INFINITY,
      dead: null,
      removed: false,
    };
    this.all.set(id, peer);
    return peer;
  }

  /** By a hint: newer than what is known, or nothing. True: it is news. */
  hinted(id: NodeId, record: LiveRecord, now: number): boolean {
    const peer = this.observe(id, now);
    if (peer.dead !== null || record.n <= peer.newest) return false;
    this.learn(peer, record, now);
    return true;
  }

  /** By a linearizable read that was sent at `sentAt`. True: it is news. */
  read(id: NodeId, record: LiveRecord | null, sentAt: number, now: number): boolean {
    const peer = this.observe(id, now);
    if (peer.dead !== null) return false;
    if (record !== null) {
      if (peer.readN >= 0 && record.n > peer.readN) peer.beats++;
      peer.readN = Math.max(peer.readN, record.n);
    }
    if (!peer.known || record?.n !== peer.record?.n) {
      this.learn(peer, record, now);
      return true;
    }
    if (sentAt - peer.since < SILENCE_MS) return false;
    peer.dead = 'silent';
    return true;
  }

  /** Whose record is to be read now: not known yet, or hints have not come, or of the name `doubted`. Marks them as asked. */
  probes(now: number, doubted: string | null): NodeId[] {
    const due: NodeId[] = [];
    for (const peer of this.all.values()) {
      if (peer.dead !== null || now - peer.askedAt < PROBE_EVERY_MS) continue;
      if (peer.known && now - peer.since < PROBE_AFTER_MS && nameOf(peer.id) !== doubted) continue;
      peer.askedAt = now;
      due.push(peer.id);
    }
    return due;
  }

  isDead(id: NodeId): boolean {
    return (this.all.get(id)?.dead ?? null) !== null;
  }

  /** Not dead, and its record changed within the time of a lease. */
  seenAlive(peer: Peer, now: number): boolean {
    return peer.dead === null && peer.record !== null && now - peer.since < LEASE_SEEN_MS;
  }

  /** Of one name, other than `id`, and not dead. */
  namesakes(id: NodeId): Peer[] {
    return [...this.all.values()].filter(
      (peer) => peer.dead === null && peer.id !== id && nameOf(peer.id) === nameOf(id),
    );
  }

  forget(now: number, keep: (id: NodeId) => boolean): void {
    for (const peer of this.all.values()) {
      if (peer.dead !== null && now - peer.since > REMEMBER_MS && !keep(peer.id)) this.all.delete(peer.id);
    }
  }

  private learn(peer: Peer, record: LiveRecord | null, now: number): void {
    if (record !== null && record.n > peer.newest) {
      if (peer.known) peer.changes++;
      peer.newest = record.n;
    }
    peer.known = true;
    peer.weightlessSince = record?.weight === 0 ? (peer.weightlessSince ?? now) : null;
    peer.appeared = peer.record === null && record !== null;
    peer.record = record;
    peer.since = now;
    // Whoever tells us: it says so once, last of all.
    if (record?.state === 'gone') peer.dead = 'gone';
  }
}
