// The seams of the client: clock, timers, chance, sockets. Nothing in core/ reaches for a global instead, so that a simulation can
// run this very client over a virtual clock and network. `node.ts` and `browser.ts` bring the real ones.

/** Whatever `setTimer` gives; only handed back to `clearTimer`. */
export type Timer = unknown;

export interface ClientEnv {
  /** Milliseconds that only grow. */
  now(): number;
  /** Milliseconds since 1970, as this device believes. */
  wallNow(): number;
  setTimer(run: () => void, ms: number): Timer;
  clearTimer(timer: Timer): void;
  /** From 0 to below 1. */
  random(): number;
  /** A fresh id that nobody else has: 60 random bits at least, at most 24 characters of those that ids may hold. */
  id(): string;
}

export interface SocketEvents {
  onOpen(): void;
  /** One WebSocket message: one frame. */
  onMessage(bytes: Uint8Array): void;
  /** Last call, exactly once, also when it never opened. 1006 when there was no close frame. */
  onClose(code: number, reason: string): void;
}

export interface Socket {
  send(bytes: Uint8Array): void;
  /** May be called at any time, twice too. */
  close(code?: number, reason?: string): void;
}

export interface Transport {
  /** Calls back later, never from within. May throw for a URL that cannot be. */
  connect(url: string, protocols: readonly string[], on: SocketEvents): Socket;
}

/**
 * Goes on with the result of something that may be there already or come as a promise. What is there is used at once: with a
 * synchronous store and token no step of the client depends on the order of microtasks.
 */
export function settle<T>(
  start: () => T | PromiseLike<T>,
  then: (value: T) => void,
  failed: (why: unknown) => void,
): void {
  let value: T | PromiseLike<T>;
  try {
    value = start();
  } catch (why) {
    failed(why);
    return;
  }
  if (isPromise(value)) value.then(then, failed);
  else then(value);
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
