// Requests that carry a `ref` and their answers. A request outlives connections: it goes again on the next one, with the same ref,
// and after a refusal that may pass. All requests of the wire may be repeated: those that make something carry an id of their own.
import { type ClientFrame, encodeFrame, type Frame, OP, ProtocolError } from '../../protocol/index.ts';
import { backoffMs, ceilingOf } from './backoff.ts';
import type { ClientEnv, Timer } from './env.ts';
import { errorOf, ParleyError } from './errors.ts';

export const REQUESTS_MAX = 1_024;
export const REQUEST_TIMEOUT_MS = 30_000;
/** Without an answer a request goes again: mail inside the server may be lost. */
export const REQUEST_AGAIN_MS = 8_000;

type Answer = Frame<'OK' | 'HISTORY_PAGE' | 'CHATS' | 'CHAT' | 'DEVICES'>;
interface Pending {
  readonly bytes: Uint8Array;
  readonly answer: number;
  readonly done: (frame: Answer) => void;
  readonly failed: (error: ParleyError) => void;
  readonly end: () => void;
  failures: number;
  again: Timer;
  /** True while it waits as the server told it to. */
  waits: boolean;
}
export interface AskOptions {
  /** Milliseconds until it is given up, waiting for a connection included. Infinity: never. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Requests {
  readonly #env: ClientEnv;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #pending = new Map<number, Pending>();
  #ref = 0;
  #closed: ParleyError | null = null;

  /** `send` drops what is sent while there is no connection; `online` sends it again. */
  constructor(env: ClientEnv, send: (bytes: Uint8Array) => void) {
    this.#env = env;
    this.#send = send;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Asks, and calls one of the two later; never from within. */
  ask<N extends 'OK' | 'HISTORY_PAGE' | 'CHATS' | 'CHAT' | 'DEVICES'>(
    frameOf: (ref: number) => ClientFrame,
    answer: N,
    done: (frame: Frame<N>) => void,
    failed: (error: ParleyError) => void,
    options: AskOptions = {},
  ): void {
    this.#ref = (this.#ref % 0xffff_ffff) + 1;
    const ref = this.#ref;
    const bytes = this.#refusal(options.signal) ?? encoded(frameOf(ref));
    if (bytes instanceof ParleyError) {
      this.#env.setTimer(() => failed(bytes), 0);
      return;
    }
    const give = (code: 'timeout' | 'aborted') => this.#take(ref)?.failed(new ParleyError(code));
    const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? null : this.#env.setTimer(() => give('timeout'), timeoutMs);
    const abort = (): void => void give('aborted');
    options.signal?.addEventListener('abort', abort);
    const end = (): void => {
      if (timer !== null) this.#env.clearTimer(timer);
      options.signal?.removeEventListener('abort', abort);
    };
    const taken = done as unknown as (frame: Answer) => void; // `answered` gives it no other frame
    const again = this.#env.setTimer(() => this.#go(ref), REQUEST_AGAIN_MS);
    this.#pending.set(ref, { bytes, answer: OP[answer], done: taken, failed, end, failures: 0, again, waits: false });
    this.#send(bytes);
  }

  #go(ref: number): void {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return;
    this.#plan(ref, pending, REQUEST_AGAIN_MS, false);
    this.#send(pending.bytes);
  }

  #plan(ref: number, pending: Pending, ms: number, waits: boolean): void {
    this.#env.clearTimer(pending.again);
    pending.waits = waits;
    pending.again = this.#env.setTimer(() => this.#go(ref), ms);
  }

  promise<N extends 'OK' | 'HISTORY_PAGE' | 'CHATS' | 'CHAT' | 'DEVICES'>(
    frameOf: (ref: number) => ClientFrame,
    answer: N,
    options: AskOptions = {},
  ): Promise<Frame<N>> {
    return new Promise((done, failed) => this.ask(frameOf, answer, done, failed, options));
  }

  #refusal(signal: AbortSignal | undefined): ParleyError | null {
    if (this.#closed !== null) return this.#closed;
    if (signal?.aborted === true) return new ParleyError('aborted');
    return this.#pending.size >= REQUESTS_MAX ? new ParleyError('too_many_requests') : null;
  }

  #take(ref: number): Pending | undefined {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return undefined;
    this.#pending.delete(ref);
    this.#env.clearTimer(pending.again);
    pending.end();
    return pending;
  }

  answered(frame: Answer): void {
    if (this.#pending.get(frame.ref)?.answer === frame.op) this.#take(frame.ref)?.done(frame);
  }

  refused(ref: number, frame: Frame<'ERROR'>): void {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return;
    if (!frame.retry) {
      this.#take(ref)?.failed(errorOf(frame));
      return;
    }
    if (pending.waits) return;
    pending.failures++;
    const backoff = backoffMs(pending.failures, () => this.#env.random(), ceilingOf(frame.code));
    this.#plan(ref, pending, Math.max(frame.afterMs, backoff), true);
  }

  /** A new connection: everything unanswered goes again, except what waits as the server told it to. */
  online(): void {
    for (const [ref, pending] of [...this.#pending]) if (!pending.waits) this.#go(ref);
  }

  /** Fails what waits, and from now on everything when `forever`. */
  fail(error: ParleyError, forever: boolean): void {
    if (forever) this.#closed = error;
    for (const ref of [...this.#pending.keys()]) this.#take(ref)?.failed(error);
  }
}

function encoded(frame: ClientFrame): Uint8Array | ParleyError {
  try {
    return encodeFrame(frame);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return new ParleyError(error.code === 'too_large' ? 'too_large' : 'bad_argument', error.message);
  }
}
