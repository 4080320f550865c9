// The small world of the log model: a clock, timers and turns of several owners, the landing store, and what must hold of one chat. Owners
// share the clock; what belongs to one that is dead never happens. Synchronous but for promises, which have run when `quiet` resolves.
import type { Env, Log } from '../../../runtime/index.ts';
import { LandingDisk } from '../../../storage/testing/landing-store.ts';
import { drained, type Immediates } from '../globals.ts';
import { Random } from '../random.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly by: string;
  readonly run: () => void;
}

const TURNS_MAX = 2_000;

export class Broken extends Error {}

export class LogWorld implements Immediates {
  now = 1_000;
  readonly random: Random;
  readonly disk: LandingDisk;
  readonly dead = new Set<string>();
  readonly trace: string[] | null;
  private readonly timers = new Set<Timer>();
  private fault: string | null = null;
  private turns: (() => void)[] = [];
  private order = 0;

  constructor(seed: string, traced: boolean) {
    this.random = new Random(seed);
    this.disk = new LandingDisk(this.random.next);
    this.trace = traced ? [] : null;
    this.disk.onLanding = (write, by) => this.say(() => `lands: ${by} ${wordsOf(write)}`);
  }

  say(what: () => string): void {
    this.trace?.push(what());
  }

  /** Also from within a cell, whose kernel would take it for a crash: `quiet` says it again. */
  fail(what: string): never {
    this.fault ??= what;
    throw new Broken(what);
  }

  setImmediate(run: () => void): unknown {
    this.turns.push(run);
    return run;
  }

  clearImmediate(handle: unknown): void {
    this.turns = this.turns.filter((run) => run !== handle);
  }

  ambient(name: string): void {
    throw new Error(`${name} was used`);
  }

  envOf(by: string): Env {
    const log: Log = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (fields, message) => this.say(() => `${by}: ${message} ${JSON.stringify(fields)}`),
    };
    return {
      now: () => this.now,
      wallNow: () => 1_800_000_000_000 + Math.floor(this.now),
      setTimer: (run, delayMs) => {
        const timer = { at: Math.ceil(this.now + Math.max(0, delayMs)), order: this.order++, by, run };
        this.timers.add(timer);
        return timer;
      },
      clearTimer: (timer) => void this.timers.delete(timer as Timer),
      setImmediate: (run) => void this.turns.push(() => !this.dead.has(by) && run()),
      random: this.random.next,
      id: () => this.random.id(),
      log,
    };
  }

  /** Until nobody has anything to do now. */
  async quiet(): Promise<void> {
    for (let count = 0; ; count++) {
      await drained();
      if (this.fault !== null) throw new Broken(this.fault);
      if (this.turns.length === 0) return;
      if (count > TURNS_MAX) this.fail('the world does not come to rest');
      const due = this.turns;
      this.turns = [];
      for (const run of due) run();
    }
  }

  async advance(ms: number): Promise<void> {
    const until = Math.ceil(this.now + ms);
    for (;;) {
      let first: Timer | null = null;
      for (const timer of this.timers) {
        if (timer.at > until) continue;
        if (first === null || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
          first = timer;
      }
      if (first === null) break;
      this.timers.delete(first);
      if (this.dead.has(first.by)) continue;
      this.now = Math.max(this.now, first.at);
      first.run();
      await this.quiet();
    }
    this.now = until;
  }

  /** All of them, whatever the time. */
  fireTimers(): void {
    for (const timer of [...this.timers]) if (this.timers.delete(timer) && !this.dead.has(timer.by)) timer.run();
  }

  died(by: string): void {
    this.dead.add(by);
    this.disk.died(by);
  }
}

const wordsOf = (write: object): string => JSON.stringify(write, (key, value) => (key === 'bytes' ? undefined : value));
