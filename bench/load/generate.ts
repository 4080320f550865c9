// When messages leave. Closed loop: each pair keeps a window of messages under way. Open loop: arrivals at a rate, by chance (Poisson,
// seeded), whatever the server does. Late is late: the intended time stays what it was. Started by the worker.
import { seededRandom } from './random.ts';

export type Load =
  | { readonly mode: 'saturation'; readonly window: number }
  | { readonly mode: 'open'; readonly perSecond: number; readonly seed: number };

/** Below this the loop is polled instead of slept, since a timer is late by a millisecond. */
const POLL_MS = 2;

export class OpenLoop {
  private readonly meanMs: number;
  private readonly random: () => number;
  private readonly pairs: number;
  private readonly send: (pair: number, intended: number) => void;
  private nextAt = 0;
  private running = false;

  constructor(
    load: { perSecond: number; seed: number },
    pairs: number,
    send: (pair: number, intended: number) => void,
  ) {
    this.meanMs = 1_000 / load.perSecond;
    this.random = seededRandom(load.seed);
    this.pairs = pairs;
    this.send = send;
  }

  start(): void {
    this.running = true;
    this.nextAt = performance.now() + this.gap();
    this.turn();
  }

  stop(): void {
    this.running = false;
  }

  private readonly turn = (): void => {
    if (!this.running) return;
    const now = performance.now();
    while (this.nextAt <= now) {
      this.send(Math.floor(this.random() * this.pairs), this.nextAt);
      this.nextAt += this.gap();
    }
    if (this.nextAt - now > POLL_MS) setTimeout(this.turn, this.nextAt - now - POLL_MS);
    else setImmediate(this.turn);
  };

  private gap(): number {
    return -Math.log(1 - this.random()) * this.meanMs;
  }
}
