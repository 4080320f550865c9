// Who is in the cluster and who owns what, as one node sees it: the door that the rest of the node uses, and the words between the pure
// machine (membership-state.ts) and its shell (member.ts).
import type { LiveRecord } from './live.ts';
import type { NodeId } from './node-id.ts';
import type { Ring } from './ring.ts';

export interface Membership {
  /** Another one after each rejoin; it changes right before `onRejoined`. */
  readonly self: NodeId;
  /** The newest ring seen; null: none yet. */
  readonly ring: Ring | null;
  /** We are in the ring, and the last renewal that was acknowledged was sent less than 4 s ago (own monotonic clock). Two compares. */
  holdsLease(now: number): boolean;
  /** The lease ran out, and the store has not answered since: what we know of the others may be long past. */
  readonly isLost: boolean;
  /** Members seen alive now, ourselves among them. */
  alive(): readonly NodeId[];
  /** What that incarnation last said of itself; null: nothing known. */
  record(node: NodeId): LiveRecord | null;
  /**
   * True when it is safe to open what that incarnation owned: by our own linearizable read its live key has not changed for 7 s, or
   * it said `gone`. One that we never heard of is looked at from now on. False while we hold no lease ourselves: the read could be of
   * a leader that is none any more.
   */
  surelyDead(node: NodeId, now: number): boolean;
  /** Somebody knows of a ring of that epoch: look for it now, not at the next renewal. */
  look(epoch: number): void;
  /** All that rings up to `epoch` gave to us is open here. Until all say so, no planned ring follows. */
  done(epoch: number): void;
  /** Our share of the shards from now on. 0: all of them go to others at once, unless all say so; for who cannot work them. */
  setWeight(weight: number): void;
  /** Hands over all shards and leaves the ring. True: a ring without us is in force. False: nobody to hand to, lease lost, or `limitMs` over. */
  drain(limitMs: number): Promise<boolean>;
  /** After everything was stopped: says `gone`, so that nobody has to wait. Resolves when said, or when it could not be. */
  gone(): Promise<void>;
  /** Stops all timers and watches. Does not close the coordination store. */
  close(): Promise<void>;
}

export interface MembershipEvents {
  onRing(ring: Ring, before: Ring | null): void;
  /** That incarnation is dead, for good. */
  onDown(node: NodeId): void;
  /** Stop all work on shards now: nothing that is in flight may be acknowledged, also not after `onRejoined`. */
  onLeaseLost(why: string): void;
  /** We are `self` now, and own nothing until a ring says so. */
  onRejoined(self: NodeId): void;
  /** This node must not run: another one has its name. */
  onFatal(reason: string): void;
}

export interface MembershipConfig {
  /** Unique in the cluster. */
  readonly name: string;
  /** Share of the shards against the others', to begin with; 0: only connections. */
  readonly weight: number;
  readonly url: string | null;
  /** Version of the mail between nodes. */
  readonly wire: number;
  /** A fresh incarnation. */
  incarnation(): string;
}

/** What the shell reports. `now` comes with each. */
export type MembershipInput =
  | { readonly t: 'tick' }
  /** The put was sent at `sentAt`, acknowledged, and after that no ring newer than ours was there. */
  | { readonly t: 'renewed'; readonly id: NodeId; readonly sentAt: number }
  | { readonly t: 'hint'; readonly id: NodeId; readonly record: LiveRecord }
  | { readonly t: 'read'; readonly id: NodeId; readonly record: LiveRecord | null; readonly sentAt: number }
  | { readonly t: 'listed'; readonly ids: readonly NodeId[] }
  | { readonly t: 'ring'; readonly ring: Ring }
  /** A linearizable read that was sent at `sentAt` found none of that epoch. */
  | { readonly t: 'noRing'; readonly epoch: number; readonly sentAt: number }
  /** The store was asked for its newest ring, and it is in. */
  | { readonly t: 'found' }
  | { readonly t: 'stored'; readonly epoch: number }
  | { readonly t: 'proposed'; readonly epoch: number; readonly outcome: 'won' | 'lost' | 'failed' }
  | { readonly t: 'done'; readonly epoch: number }
  | { readonly t: 'weight'; readonly weight: number }
  | { readonly t: 'drain' };

/** What the shell is to do, in order. */
export type MembershipEffect =
  | { readonly t: 'renew'; readonly id: NodeId; readonly record: LiveRecord }
  | { readonly t: 'probe'; readonly id: NodeId }
  | { readonly t: 'list' }
  /** Look for the newest ring of all. */
  | { readonly t: 'find' }
  | { readonly t: 'fetch'; readonly epoch: number }
  | { readonly t: 'askStored' }
  | { readonly t: 'propose'; readonly ring: Ring }
  /** A member does not know it: should it be gone from the store, it is put back. */
  | { readonly t: 'restore'; readonly ring: Ring }
  | { readonly t: 'onRing'; readonly ring: Ring; readonly before: Ring | null }
  | { readonly t: 'onDown'; readonly id: NodeId }
  | { readonly t: 'onLeaseLost'; readonly why: string }
  | { readonly t: 'onRejoined'; readonly self: NodeId }
  | { readonly t: 'onFatal'; readonly reason: string }
  | { readonly t: 'drained'; readonly ok: boolean };
