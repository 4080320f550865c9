// What an author of services writes against: coarse asynchronous actors that do input and output, a few tens a node.
// Types only; runtime/service.ts runs them on nact, the one file that imports it.
import type { Env } from './env.ts';
import type { ExitReason, Ref } from './kind.ts';

/** One mail of a batch, with who sent it: a cell, a service, or null for the outside. */
export interface Letter<M> {
  readonly from: Ref | null;
  readonly mail: M;
}

export interface ServiceCtx {
  readonly env: Env;
  readonly self: Ref;
  /** Into a cell's system lane, as `onReply`. A cell that is gone makes a dead letter. */
  reply(to: Ref, mail: object): void;
  /** Mail to a cell by kind and key, user lane. */
  route(kind: string, key: string, mail: object): void;
  /** Mail to a service; false: not taken. */
  tell(service: Ref, mail: object): boolean;
  /** Resolves after `ms` of Env time, or at once when the service is stopping. */
  sleep(ms: number): Promise<void>;
  /** True from the moment that a stop was asked for. */
  readonly stopping: boolean;
  /** With false, `tell` from others is refused until it is set to true again. */
  setAccepting(on: boolean): void;
}

/** One batch at a time: the next comes when the promise is settled. A throw or a rejection is a crash; the supervisor decides. */
export interface ServiceKind<S, M extends object> {
  readonly name: string;
  /** Mails waiting at the most; `tell` beyond it is refused. */
  readonly inboxMailsMax: number;
  /** Mails handed over at once at the most. */
  readonly batchMailsMax: number;
  init(ctx: ServiceCtx): S | Promise<S>;
  receive(ctx: ServiceCtx, state: S, batch: readonly Letter<M>[]): void | Promise<void>;
  /** Last word: finish, flush. Given `shutdownMs` of time. */
  onStop?(ctx: ServiceCtx, state: S, reason: ExitReason): void | Promise<void>;
  readonly shutdownMs?: number;
}
