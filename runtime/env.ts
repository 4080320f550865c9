// Everything ambient that server code may use comes in through one Env, so that a simulation can own it all.
// This file owns the shape; runtime/real-env.ts is the one for production, the simulation brings its own.

/** A timer handle, opaque; give it back to `clearTimer`. */
export type EnvTimer = unknown;

/** Structured log, in pino's shape: fields first, then a constant message. Never content of a chat message. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Env {
  /** Monotonic milliseconds, fractional; the origin has no meaning. */
  now(): number;
  /** Milliseconds since the Unix epoch, integral. For time stamps that a person reads; never for durations. */
  wallNow(): number;
  setTimer(run: () => void, delayMs: number): EnvTimer;
  clearTimer(timer: EnvTimer): void;
  /** Run after pending I/O had its turn (`setImmediate`). */
  setImmediate(run: () => void): void;
  /** Uniform in [0, 1). */
  random(): number;
  /** A fresh id of 22 characters of base64url, 128 random bits. */
  id(): string;
  readonly log: Log;
}
