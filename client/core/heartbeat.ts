// Keeps one connection known to be alive: a HEARTBEAT when nothing else was sent, or nothing was heard, for an interval. Two
// intervals without a sign of life after it, and the connection is dead. A late clock (a laptop that slept) first asks, then judges.
import type { ClientEnv, Timer } from './env.ts';

/** Whatever a server asks for. */
const EVERY_MS_MIN = 1_000;

export class Heartbeat {
  readonly #env: ClientEnv;
  readonly #send: (n: number) => void;
  readonly #dead: () => void;
  #everyMs = 0;
  #sentAt = 0;
  #heardAt = 0;
  /** When the HEARTBEAT that nothing followed was sent. */
  #askedAt: number | null = null;
  #timer: Timer | null = null;

  constructor(env: ClientEnv, send: (n: number) => void, dead: () => void) {
    this.#env = env;
    this.#send = send;
    this.#dead = dead;
  }

  start(everyMs: number): void {
    this.stop();
    this.#everyMs = Math.max(EVERY_MS_MIN, everyMs);
    this.#sentAt = this.#env.now();
    this.#heardAt = this.#sentAt;
    this.#arm();
  }

  stop(): void {
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    this.#timer = null;
    this.#askedAt = null;
  }

  sent(): void {
    this.#sentAt = this.#env.now();
  }

  heard(): void {
    this.#heardAt = this.#env.now();
    this.#askedAt = null;
  }

  /** Asks now: the network may have changed. */
  ask(): void {
    if (this.#timer === null) return;
    const now = this.#env.now();
    this.#askedAt ??= now;
    this.#sentAt = now;
    this.#send(Math.floor(now));
    this.#arm();
  }

  // Looks at the times when the timer fires instead of setting it anew with every frame.
  #arm(): void {
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    const due =
      this.#askedAt === null
        ? Math.min(this.#sentAt, this.#heardAt) + this.#everyMs
        : Math.min(this.#askedAt + 2 * this.#everyMs, this.#sentAt + this.#everyMs);
    this.#timer = this.#env.setTimer(() => this.#look(), Math.max(1, due - this.#env.now()));
  }

  #look(): void {
    const now = this.#env.now();
    if (this.#askedAt !== null && now >= this.#askedAt + 2 * this.#everyMs) {
      this.stop();
      this.#dead();
      return;
    }
    const asked = this.#askedAt !== null;
    const due = (asked ? this.#sentAt : Math.min(this.#sentAt, this.#heardAt)) + this.#everyMs;
    if (now >= due) this.ask();
    else this.#arm();
  }
}
