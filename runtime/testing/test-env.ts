// An Env whose clock only moves when a test says so, for tests of actors without waiting. `run` does all that is due now,
// `advance` moves the clock from timer to timer. Randomness is a fixed sequence; log lines are kept.
import type { Env, EnvTimer, Log } from '../env.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const START_MS = 1_000;
const START_WALL_MS = 1_700_000_000_000;
/** A test that runs this many events is in a loop. */
const EVENTS_MAX = 1_000_000;

export class TestEnv implements Env {
  clockMs = START_MS;
  readonly lines: LogLine[] = [];
  readonly log: Log;
  private readonly timers = new Set<Pending>();
  private immediates: (() => void)[] = [];
  private order = 0;
  private seed = 1;

  constructor() {
    const keep =
      (level: LogLine['level']) =>
      (fields: object, message: string): void => {
        this.lines.push({ level, fields, message });
      };
    this.log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  }

  now(): number {
    return this.clockMs;
  }

  wallNow(): number {
    return START_WALL_MS + Math.floor(this.clockMs - START_MS);
  }

  setTimer(run: () => void, delayMs: number): EnvTimer {
    const timer: Pending = { at: this.clockMs + Math.max(0, delayMs), order: ++this.order, run };
    this.timers.add(timer);
    return timer;
  }

  clearTimer(timer: EnvTimer): void {
    this.timers.delete(timer as Pending);
  }

  setImmediate(run: () => void): void {
    this.immediates.push(run);
  }

  /** Lehmer's generator: the same numbers in every run. */
  random(): number {
    this.seed = (this.seed * 48_271) % 2_147_483_647;
    return this.seed / 2_147_483_647;
  }

  id(): string {
    return String(++this.order).padStart(22, '0');
  }

  get timersSet(): number {
    return this.timers.size;
  }

  /** Runs immediates until there are none; the clock stands still. */
  run(): void {
    for (let events = 0; this.immediates.length > 0; events++) {
      if (events > EVENTS_MAX) throw new Error('this test does not come to rest');
      this.step();
    }
  }

  /** Runs the immediates that are due now, once. */
  step(): void {
    const due = this.immediates;
    this.immediates = [];
    for (const run of due) run();
  }

  /** Moves the clock, timer by timer, and runs what each brings. */
  advance(ms: number): void {
    const until = this.clockMs + ms;
    this.run();
    for (;;) {
      const next = this.earliest(until);
      if (next === null) break;
      this.timers.delete(next);
      this.clockMs = Math.max(this.clockMs, next.at);
      next.run();
      this.run();
    }
    this.clockMs = Math.max(this.clockMs, until);
  }

  /** For asynchronous actors: the same, but promises and the host's own immediates get their turn after each event. */
  async settle(ms = 0): Promise<void> {
    const until = this.clockMs + ms;
    for (;;) {
      await this.drain();
      const next = this.earliest(until);
      if (next === null) break;
      this.timers.delete(next);
      this.clockMs = Math.max(this.clockMs, next.at);
      next.run();
    }
    this.clockMs = Math.max(this.clockMs, until);
  }

  private async drain(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet++) {
      if (this.immediates.length > 0) quiet = 0;
      this.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private earliest(until: number): Pending | null {
    let first: Pending | null = null;
    for (const timer of this.timers) {
      if (timer.at > until) continue;
      if (first === null || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    }
    return first;
  }
}
