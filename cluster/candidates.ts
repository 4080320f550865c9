// Who should be in the next ring, and in which order members may propose it. Pure; the rules of membership that need no state of their own.
import type { LiveRecord } from './live.ts';
import { WEIGHTLESS_MS } from './membership-limits.ts';
import { type NodeId, nameOf } from './node-id.ts';
import type { Peer, Peers } from './peers.ts';
import { memberOf, type Ring, type RingMember } from './ring.ts';

/** One node's view, at one moment. */
export interface View {
  readonly now: number;
  readonly self: NodeId;
  /** Our own record as we would put it now. */
  readonly record: LiveRecord;
  /** Since when that says weight 0; null: another. */
  readonly weightlessSince: number | null;
  readonly ring: Ring | null;
  readonly peers: Peers;
  /** Those that the ring's moves give to. */
  readonly takers: ReadonlySet<NodeId>;
  /** Our own earlier incarnations. */
  readonly past: ReadonlySet<NodeId>;
}

export const isDead = (view: View, id: NodeId): boolean => view.past.has(id) || view.peers.isDead(id);

const toMember = (id: NodeId, { weight, url, state }: LiveRecord): RingMember => ({
  id,
  name: nameOf(id),
  weight,
  url,
  draining: state === 'draining',
});

/**
 * Those of the ring that are not known to be dead. One whose record is gone (the store was wiped) stays as it was. Those that lost their
 * weight keep it until for a while nobody else did: when all do, as in an outage of the whole database, there is nobody to hand to.
 */
export function stayers(view: View): RingMember[] {
  const alive = (view.ring?.members ?? []).filter((member) => !isDead(view, member.id));
  const sayings = alive.map((member) => (member.id === view.self ? view : view.peers.get(member.id)));
  const lastLoss = Math.max(...sayings.map((saying) => saying?.weightlessSince ?? Number.NEGATIVE_INFINITY));
  const isNews = view.now - lastLoss < WEIGHTLESS_MS;
  return alive.map((member, at) => {
    const record = sayings[at]?.record ?? null;
    if (record === null) return member;
    const next = toMember(member.id, record);
    return next.weight === 0 && isNews ? { ...next, weight: member.weight } : next;
  });
}

/** Some of them had shards to work, and cannot any more. */
export const someGaveUp = (ring: Ring | null, staying: readonly RingMember[]): boolean =>
  ring !== null && staying.some(({ id, weight }) => weight === 0 && (memberOf(ring, id)?.weight ?? 0) > 0);

/** Those that say that they want to come in and live now, and whose name nobody else has. */
export function joiners(view: View): RingMember[] {
  const { now, self, record, peers } = view;
  const found: RingMember[] = [];
  if (mayJoin(view, self, record)) found.push(toMember(self, record));
  for (const peer of peers.values()) {
    if (peer.record === null || peer.removed || view.past.has(peer.id)) continue;
    if (peers.seenAlive(peer, now) && mayJoin(view, peer.id, peer.record)) found.push(toMember(peer.id, peer.record));
  }
  return found;
}

function mayJoin(view: View, id: NodeId, { state }: LiveRecord): boolean {
  if (state !== 'joining' || (view.ring !== null && memberOf(view.ring, id) !== null)) return false;
  // Leftovers in the store do not count: only one that was seen to live, or that the ring holds.
  const isRival = (peer: Peer): boolean =>
    !view.past.has(peer.id) &&
    !yields(peer, id) &&
    (peer.changes > 0 || (view.ring !== null && memberOf(view.ring, peer.id) !== null));
  const rivals = view.peers.namesakes(id).filter(isRival);
  const selfRivals =
    id !== view.self && nameOf(id) === nameOf(view.self) && !(view.record.state === 'joining' && id < view.self);
  return rivals.length === 0 && !selfRivals;
}

/** Of two that join under one name the lower id may; the other one finds out and refuses to run. */
export const yields = (peer: Peer, to: NodeId): boolean => peer.record?.state === 'joining' && peer.id > to;

/** 0 proposes at once, the others if nobody did. Members of the ring first, as they know it best. */
export function rankOf(view: View, joining: readonly RingMember[]): number {
  const members = stayers(view).map((member) => member.id);
  const order = [...members.sort(), ...joining.map((member) => member.id).sort()];
  const rank = order.indexOf(view.self);
  return rank < 0 ? order.length : rank;
}

const doneOf = (view: View, id: NodeId): number =>
  id === view.self ? view.record.done : (view.peers.get(id)?.record?.done ?? 0);

export const isDone = (view: View, taker: NodeId): boolean => doneOf(view, taker) >= (view.ring?.epoch ?? 0);

/** Some living member has not opened all that it got. */
export function movesUnderWay(view: View): boolean {
  for (const taker of view.takers) if (!isDone(view, taker) && !isDead(view, taker)) return true;
  return false;
}
