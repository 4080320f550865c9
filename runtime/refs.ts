// Addresses that are no cells: what takes mail for itself (services), what lives on another node, and one answer for the outside.
// Also the router, the seam by which a cluster places mail without the actors knowing.
import { Address } from './address.ts';
import type { CallResult, ExitReason, Ref, Refusal, Refused } from './kind.ts';

/** An actor of this node that has an inbox of its own; services are. */
export abstract class Outlet extends Address {
  /** Null: taken. */
  abstract take(mail: object, from: Ref | null): Refusal | null;
  abstract info(): OutletInfo;
}

/** What an operator may see of a service. */
export interface OutletInfo {
  readonly kind: string;
  readonly key: string;
  readonly status: 'starting' | 'live' | 'stopping' | 'crashed' | 'stopped';
  readonly accepting: boolean;
  readonly inbox: number;
  readonly mails: number;
  readonly batches: number;
  /** Time between handing a batch over and its promise settled, waits included. */
  readonly busyMs: number;
  readonly starts: number;
  readonly crashes: number;
  readonly lastCrash: ExitReason | null;
  /** Names from the root supervisor down. */
  readonly path: string;
}

/** An actor of another node. The cluster makes one per actor and keeps it, as refs are compared by identity. */
export class ForeignRef extends Address {
  readonly node: string;
  readonly kind: string;
  readonly key: string;
  /** Which incarnation of the name, as its node counts them. */
  readonly life: number;

  constructor(node: string, kind: string, key: string, life = 0) {
    super();
    this.node = node;
    this.kind = kind;
    this.key = key;
    this.life = life;
  }
}

/** Takes one reply on behalf of code that is no actor. */
export class OutsideRef extends Address {
  readonly kind = 'outside';
  readonly key: string;
  readonly take: (reply: object) => void;

  constructor(key: string, take: (reply: object) => void) {
    super();
    this.key = key;
    this.take = take;
  }
}

/**
 * Where mail goes that is not for this node. All of it is synchronous; the answers come back through the kernel:
 * `routeLocal`, `foreignRefused`, `foreignAnswer`, `foreignDown`, `nodeDown`.
 */
export interface Router {
  /**
   * `local`: this node hosts that cell. Null: taken, on its way to another node. Else why it was not taken.
   * `call` is not 0 when an answer is expected; it goes with the mail and comes back with `foreignAnswer`.
   */
  route(kind: string, key: string, mail: object, from: Ref | null, call: number): 'local' | Refusal | null;
  /** One mail to many keys, so that it can be encoded once a node. Returns the keys that are local. Default: `route` for each. */
  routeAll?(kind: string, keys: Iterable<string>, mail: object, from: Ref | null): Iterable<string>;
  /** As `routeAll` for hints, which wake nobody; the other nodes use `hintLocal`. Default: all keys are local. */
  hint?(kind: string, keys: Iterable<string>, mail: object, from: Ref | null): Iterable<string>;
  /** Mail to an actor of another node by its ref; a reply goes to its system lane. */
  send?(to: ForeignRef, mail: object, from: Ref | null, lane: 'user' | 'reply'): Refusal | null;
  /** A mail that came from another node was not taken after all. */
  refused?(to: ForeignRef, refused: Refused, call: number): void;
  /** The answer to a call from another node. */
  answer?(to: ForeignRef, call: number, value: unknown): void;
  monitor?(ref: ForeignRef, monitor: number): void;
  demonitor?(ref: ForeignRef, monitor: number): void;
  link?(from: Ref, to: ForeignRef): void;
  unlink?(from: Ref, to: ForeignRef): void;
  /** A local actor that is linked to `to` ended. */
  exit?(from: Ref, to: ForeignRef, reason: ExitReason): void;
}

export type Answer = Omit<CallResult, 't' | 'token'>;
