// A clock that moves only when told, with chance that repeats: for tests that take no time and never depend on luck.
import type { ClientEnv } from '../core/index.ts';

export interface ManualEnv extends ClientEnv {
  /**
   * Runs every timer that is due within the next milliseconds, in order, and lets promises settle before, between and after.
   */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly waiting: number;
}
interface Planned {
  readonly at: number;
  readonly tie: number;
  readonly run: () => void;
}

export interface ManualEnvOptions {
  readonly seed?: number;
  /** Default: a fixed sequence made from `seed`. */
  readonly random?: () => number;
  /** By how much the clock moves with each look at it, as a real one does. Default 0. */
  readonly creepMs?: number;
  /** By how much timers come early, as those of Node may. Default 0. */
  readonly earlyMs?: number;
}

export function manualEnv(options: ManualEnvOptions = {}): ManualEnv {
  const { creepMs = 0, earlyMs = 0 } = options;
  const planned = new Set<Planned>();
  let now = 0;
  let tie = 0;
  let state = options.seed ?? 1;
  // mulberry32: small, and good enough to spread retries.
  const chance = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const first = (until: number): Planned | null => {
    let least: Planned | null = null;
    for (const one of planned)
      if (one.at <= until && (least === null || one.at < least.at || (one.at === least.at && one.tie < least.tie)))
        least = one;
    return least;
  };
  return {
    now: () => (now += creepMs),
    wallNow: () => 1_700_000_000_000 + now,
    setTimer(run, ms) {
      const one: Planned = { at: now + Math.max(0, Math.ceil(ms) - earlyMs), tie: tie++, run };
      planned.add(one);
      return one;
    },
    clearTimer: (timer) => void planned.delete(timer as Planned),
    random: options.random ?? chance,
    id: () => `m${Math.floor(chance() * 2 ** 32).toString(36)}${Math.floor(chance() * 2 ** 32).toString(36)}`,
    async advance(ms) {
      const until = now + ms;
      await settled();
      for (let one = first(until); one !== null; one = first(until)) {
        planned.delete(one);
        now = Math.max(now, one.at);
        one.run();
        await settled();
      }
      now = Math.max(now, until);
    },
    get waiting() {
      return planned.size;
    },
  };
}

/** Long enough for chains of promises: a macrotask comes after all microtasks. */
function settled(): Promise<void> {
  return new Promise((done) => {
    if (typeof setImmediate === 'function') setImmediate(done);
    else setTimeout(done, 0);
  });
}
