// A clock that a test moves by hand. Timers fire in the order of their time while promises run between them.
import type { Env, Log } from '../../runtime/index.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export interface TestEnv {
  readonly env: Env;
  /** Moves the clock on, timer by timer. */
  advance(ms: number): Promise<void>;
  /** Milliseconds since the start. */
  now(): number;
}

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** `auto`: time runs by itself as soon as nothing else does; for tests that only await. */
export function testEnv(options: { readonly auto?: boolean } = {}): TestEnv {
  let now = 0;
  let seed = 1;
  const timers = new Set<Timer>();
  const fire = (timer: Timer) => {
    timers.delete(timer);
    now = Math.max(now, timer.at);
    timer.run();
  };
  const env: Env = {
    now: () => now,
    wallNow: () => Date.UTC(2026, 0, 1) + Math.floor(now),
    setTimer: (run, delayMs) => {
      const timer = { at: now + Math.max(0, delayMs), run };
      timers.add(timer);
      if (options.auto === true) setImmediate(() => timers.has(timer) && fire(timer));
      return timer;
    },
    clearTimer: (timer) => {
      timers.delete(timer as Timer);
    },
    setImmediate: (run) => {
      env.setTimer(run, 0);
    },
    random: () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    },
    id: () => `id-${Math.floor(env.random() * 1e9)}`.padEnd(22, '0'),
    log: SILENT,
  };
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    env,
    now: () => now,
    advance: async (ms) => {
      const until = now + ms;
      await settle();
      for (;;) {
        let first: Timer | null = null;
        for (const timer of timers) if (timer.at <= until && (first === null || timer.at < first.at)) first = timer;
        if (first === null) break;
        fire(first);
        await settle();
      }
      now = until;
      await settle();
    },
  };
}
