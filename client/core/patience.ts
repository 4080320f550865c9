// How long a client stays with a server that answers but cannot serve: a node that is cut off from the others keeps its sockets and says
// `unavailable`. Only who wants to send leaves, and each time later, so that an outage of the whole cluster moves few. Pure.

export const PATIENCE = { firstMs: 5_000, maxMs: 80_000 } as const;

export class Patience {
  #since: number | null = null;
  #ms: number = PATIENCE.firstMs;

  /** A message was refused because its chat is out of reach. True: it is time to try another server. */
  refused(now: number): boolean {
    this.#since ??= now;
    if (now - this.#since < this.#ms) return false;
    this.#since = null;
    this.#ms = Math.min(PATIENCE.maxMs, this.#ms * 2);
    return true;
  }

  /** Something was taken. */
  served(): void {
    this.#since = null;
    this.#ms = PATIENCE.firstMs;
  }

  /** The connection is another one. */
  disconnected(): void {
    this.#since = null;
  }
}
