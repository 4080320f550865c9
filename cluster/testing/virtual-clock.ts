// A clock for several nodes in one test: each has an Env of its own, with its own origin and pace, and may be paused: all that it was
// to do then happens when it wakes. Events run in the order of (time, turn); promises get their turn after each.
import type { Env, EnvTimer, Log } from '../../runtime/index.ts';
import { silentLog } from '../../runtime/index.ts';

interface Due {
  at: number;
  turn: number;
  run: (() => void) | null;
  readonly env: NodeEnv | null;
}

/** Enough for the longest chain of promises between two timers; fewer would still be the same in every run. */
const HOPS = 16;

export class VirtualClock {
  nowMs = 0;
  events = 0;
  private readonly heap: Due[] = [];
  private turn = 0;
  private seed: number;

  constructor(seed: number) {
    this.seed = (Math.imul(seed, 2_654_435_761) >>> 0) | 1;
  }

  /** Mulberry32. */
  random(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  chance(of: number): boolean {
    return this.random() < of;
  }

  env(options: { readonly pace?: number; readonly log?: Log } = {}): NodeEnv {
    return new NodeEnv(this, options.pace ?? 1, options.log ?? silentLog);
  }

  /** By the clock itself, whoever is paused. */
  at(delayMs: number, run: () => void): void {
    this.add(delayMs, run, null);
  }

  add(delayMs: number, run: () => void, env: NodeEnv | null): Due {
    const due = { at: this.nowMs + Math.max(0, delayMs), turn: ++this.turn, run, env };
    this.push(due);
    return due;
  }

  async run(ms: number): Promise<void> {
    const until = this.nowMs + ms;
    for (let first = this.heap[0]; first !== undefined && first.at <= until; first = this.heap[0]) {
      this.pop();
      if (first.run === null || first.env?.isDead) continue;
      if (first.env !== null && first.env.pausedUntil > first.at) {
        first.at = first.env.pausedUntil;
        this.push(first);
        continue;
      }
      this.nowMs = Math.max(this.nowMs, first.at);
      this.events++;
      first.run();
      for (let hop = 0; hop < HOPS; hop++) await null;
    }
    this.nowMs = until;
  }

  private push(due: Due): void {
    const { heap } = this;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!before(due, heap[up] as Due)) break;
      heap[at] = heap[up] as Due;
      at = up;
    }
    heap[at] = due;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1] as Due, heap[down] as Due)) down++;
      if (!before(heap[down] as Due, last)) break;
      heap[at] = heap[down] as Due;
      at = down;
    }
    heap[at] = last;
  }
}

const before = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn);

export class NodeEnv implements Env {
  pausedUntil = 0;
  /** Killed: nothing of it runs any more. */
  isDead = false;
  readonly log: Log;
  private readonly clock: VirtualClock;
  private readonly pace: number;
  private readonly origin: number;

  constructor(clock: VirtualClock, pace: number, log: Log) {
    this.clock = clock;
    this.pace = pace;
    this.log = log;
    this.origin = clock.between(0, 1e6);
  }

  now(): number {
    return this.origin + this.clock.nowMs * this.pace;
  }

  wallNow(): number {
    return 1_700_000_000_000 + Math.floor(this.clock.nowMs);
  }

  setTimer(run: () => void, delayMs: number): EnvTimer {
    return this.clock.add(delayMs / this.pace, run, this);
  }

  clearTimer(timer: EnvTimer): void {
    if (timer !== null) (timer as Due).run = null;
  }

  setImmediate(run: () => void): void {
    this.clock.add(0, run, this);
  }

  random(): number {
    return this.clock.random();
  }

  id(): string {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    return Array.from({ length: 22 }, () => letters[Math.floor(this.clock.random() * 64)]).join('');
  }

  pause(ms: number): void {
    this.pausedUntil = this.clock.nowMs + ms;
  }
}
