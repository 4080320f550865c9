// How long to wait: full jitter (Brooker, "Exponential Backoff And Jitter", 2015), pure. Chance is handed in.

export const BACKOFF = {
  baseMs: 500,
  maxMs: 20_000,
  unavailableMaxMs: 5_000,
  firstMs: 500,
  healthyMs: 10_000,
} as const;

/** Before attempt `n` (from 1) to do again what failed: 0 to min(`maxMs`, 0.5 s × 2^(n−1)). */
export function backoffMs(n: number, random: () => number, maxMs: number = BACKOFF.maxMs): number {
  const ceiling = Math.min(maxMs, BACKOFF.baseMs * 2 ** Math.min(n - 1, 16));
  return Math.floor(random() * ceiling);
}

/**
 * The longest wait after an error of that code. `unavailable` comes from a server that lives while an actor is on its way to another node,
 * which takes seconds; it says `overloaded` when it wants more patience.
 */
export const ceilingOf = (code: string | null): number =>
  code === 'unavailable' ? BACKOFF.unavailableMaxMs : BACKOFF.maxMs;

/** The attempts of one outage. A connection resets it only once it was healthy for 10 s: one that dies at once must not hammer. */
export class Reconnects {
  attempt = 0;
  #onlineAt: number | null = null;

  online(now: number): void {
    this.#onlineAt = now;
  }

  /** The connection, or the attempt at it, is lost: milliseconds to wait. The first is short, 0 to 500. */
  lost(now: number, random: () => number, maxMs: number = BACKOFF.maxMs): number {
    if (this.#onlineAt !== null && now - this.#onlineAt >= BACKOFF.healthyMs) this.attempt = 0;
    this.#onlineAt = null;
    this.attempt++;
    return this.attempt === 1 ? Math.floor(random() * BACKOFF.firstMs) : backoffMs(this.attempt, random, maxMs);
  }
}
