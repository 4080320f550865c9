// What an author of actors writes against: the kind of a cell, the context its handlers get, and what they return.
// Types and constants only; the kernel (kernel.ts) gives them life. Knows nothing of chat.
import type { Env } from './env.ts';

/** Why an actor ended. `normal` and `shutdown` are no crash; `crash: …` carries the error's message, cut to 200 characters. */
export type ExitReason = 'normal' | 'shutdown' | 'killed' | 'noproc' | 'noconnection' | `crash: ${string}`;

/**
 * Why a mail was not taken. All but `noproc` may be tried again later. `noconnection`: the way to its node broke; it may have been
 * handled all the same.
 */
export type Refusal = 'mailboxFull' | 'noproc' | 'parked' | 'crashed' | 'busy' | 'noconnection';

/** An actor's address on this node: a cell's own object or a service's. Opaque; compared by identity. */
export interface Ref {
  readonly kind: string;
  readonly key: string;
}

/** What happens next, returned by every handler. */
export type Next = typeof CONTINUE | typeof HIBERNATE | Stop;
export const CONTINUE = 0;
/** Drop everything but the name; the next mail activates the cell anew through `init`. Only with an empty mailbox, else as CONTINUE. */
export const HIBERNATE = 1;
export interface Stop {
  readonly reason: ExitReason;
}
export const STOP_NORMAL: Stop = { reason: 'normal' };

/** One-way watch fired: the watched actor ended. */
export interface Down {
  readonly t: 'down';
  readonly monitor: number;
  readonly ref: Ref;
  readonly reason: ExitReason;
}
/** A linked actor ended; delivered only to kinds with `onExit` (OTP: trap_exit), others end with it unless `normal`. */
export interface Exit {
  readonly t: 'exit';
  readonly ref: Ref;
  readonly reason: ExitReason;
}
/** A mail that this cell sent was not taken. `kind` and `key` name who refused. */
export interface Refused {
  readonly t: 'refused';
  readonly kind: string;
  readonly key: string;
  readonly mail: unknown;
  readonly reason: Refusal;
}
/** The answer to a `call`, or that none came by its deadline. `token` is the caller's own. */
export interface CallResult {
  readonly t: 'callResult';
  readonly token: number;
  readonly ok: boolean;
  readonly value: unknown;
  readonly reason: 'deadline' | Refusal | null;
}

/** Shedding order on overflow: 3 goes first. 0 is never shed: its sender is refused. */
export type ShedClass = 0 | 1 | 2 | 3;
export const SHED_NEVER = 0;
export const SHED_RECEIPT = 1;
export const SHED_PRESENCE = 2;
export const SHED_TYPING = 3;

/**
 * One context a kernel, valid during a handler only: `self` and `sender` change from mail to mail.
 * Handlers are synchronous; nothing here returns a promise.
 */
export interface Ctx {
  readonly env: Env;
  readonly self: Ref;
  readonly key: string;
  /** Who sent the mail being handled: a cell or a service on this node; null when a timer or the outside did. */
  readonly sender: Ref | null;
  /** `env.now()` as read at the start of this turn. */
  now(): number;
  /** Mail to a known address. A refusal comes back as `Refused` through `onRefused`. */
  send(to: Ref, mail: object): void;
  /** Mail to a cell by kind and key, placed and activated as its host says. Refusals as with `send`. */
  route(kind: string, key: string, mail: object): void;
  /** One and the same mail to many keys of a kind (grouped by node, encoded once a node). Receivers must not change it. */
  routeAll(kind: string, keys: Iterable<string>, mail: object): void;
  /** As `routeAll`, but only to cells that are alive: never activates one, never refused; what finds nobody is counted and gone. */
  hint(kind: string, keys: Iterable<string>, mail: object): void;
  /** Mail to a service. False: its inbox is full or it is not accepting; nothing was taken. Answers come by `onReply`. */
  tell(service: Ref, mail: object): boolean;
  /** Ask another cell; `CallResult` comes back through `onReply` exactly once, with `token`, by the deadline. */
  call(kind: string, key: string, mail: object, deadlineMs: number, token: number): void;
  /** Answer the call being handled; outside a call it does nothing. */
  answer(value: unknown): void;
  /** After `delayMs`, `mail` arrives in this cell's own system lane as `receive`. Dies with the cell. Returns a timer id. */
  after(delayMs: number, mail: object): number;
  cancel(timer: number): void;
  /** Watch a cell by address; `Down` comes once, at once with `noproc` if it is gone already. Returns the monitor's id. */
  monitor(ref: Ref): number;
  demonitor(monitor: number): void;
  link(ref: Ref): void;
  unlink(ref: Ref): void;
  /** Leave user mail in the mailbox (system mail still comes) until `release`: for a cell that waits for its state. */
  hold(): void;
  release(): void;
}

/**
 * A kind of cell: shared by all its cells, which hold only their state `S`. `M` is the union of its mail.
 * A handler that throws crashes its cell; the host decides what follows.
 */
export interface Kind<S, M extends object> {
  readonly name: string;
  /** Makes the state. `arg` is what `spawn` was given; undefined when the cell was activated by a mail or restarted after one. */
  init(ctx: Ctx, key: string, arg: unknown): S;
  receive(ctx: Ctx, state: S, mail: M): Next;
  /** A service's answer, or a `CallResult`: by the system lane, before user mail. */
  onReply?(ctx: Ctx, state: S, reply: object): Next;
  onDown?(ctx: Ctx, state: S, down: Down): Next;
  onExit?(ctx: Ctx, state: S, exit: Exit): Next;
  onRefused?(ctx: Ctx, state: S, refused: Refused): Next;
  /** Before the cell leaves for any reason but a kill; must not throw. */
  onStop?(ctx: Ctx, state: S, reason: ExitReason): void;
  /** The cell is about to move to another node: store what is stored lazily, start nothing new. User mail is not handled any more. */
  onSeal?(ctx: Ctx, state: S): void;
  /** Nothing is under way that only this incarnation can finish: it may move. Asked after `onSeal`; default: always. */
  quiet?(state: S): boolean;
  /** User mails waiting at the most; default 1,024. System lane: 16,384, then the cell is crashed. */
  readonly mailboxMailsMax?: number;
  shedClass?(mail: M): ShedClass;
  readonly restart: 'permanent' | 'transient' | 'temporary';
  /** `mail`: a routed mail to an absent key starts the cell. `spawn`: only `spawn` does, such mail is refused with `noproc`. */
  readonly activate: 'mail' | 'spawn';
  /** What an operator may see of a state: never content. */
  redact?(state: S): unknown;
}
