// All timers of a kernel, on one wheel that one Env timer drives. What a timer does when it fires is the caller's:
// `deliver` for those of cells, the function itself for the kernel's own.
import type { Env, EnvTimer } from './env.ts';
import { Timer, TimerWheel } from './wheel.ts';

/** Longest delay that is kept as given, some 24 days; longer ones are cut to it, as hosts of `setTimeout` cannot wait longer. */
export const TIMER_DELAY_MS_MAX = 2 ** 31 - 1;

export class Timers {
  private readonly env: Env;
  private readonly originMs: number;
  private readonly wheel = new TimerWheel(0);
  private readonly fire = (timer: Timer): void => this.fired(timer);
  private readonly onEnvTimer = (): void => {
    this.armed = null;
    this.armedTick = Number.POSITIVE_INFINITY;
    this.poll(this.env.now());
  };
  private lastId = 0;
  private armed: EnvTimer | null = null;
  private armedTick = Number.POSITIVE_INFINITY;
  private polling = false;
  /** Set by the kernel: hands a cell's timer to the cell. */
  deliver: (timer: Timer) => void = () => {};

  constructor(env: Env) {
    this.env = env;
    this.originMs = env.now();
  }

  get count(): number {
    return this.wheel.count;
  }

  /** Never early; late by what the host's timer and the current slice take. */
  set(delayMs: number, owner: unknown, mail: unknown): Timer {
    const delay = Math.min(Math.max(delayMs, 0), TIMER_DELAY_MS_MAX);
    const due = Math.ceil(this.env.now() + delay - this.originMs);
    const timer = new Timer(++this.lastId, due, owner, mail);
    this.wheel.insert(timer);
    if (due < this.armedTick && !this.polling) this.arm(due);
    return timer;
  }

  /** A kernel's own timer. */
  run(delayMs: number, what: () => void): Timer {
    return this.set(delayMs, null, what);
  }

  /** Also forgets a timer that fired and whose mail still waits. */
  cancel(timer: Timer): void {
    this.wheel.remove(timer);
    timer.mail = null;
  }

  /** True once: the timer's mail may be handled; false when it was cancelled meanwhile. */
  claim(timer: Timer): boolean {
    const wanted = timer.mail !== null;
    timer.mail = null;
    return wanted;
  }

  /** Fires what is due at `now`. */
  poll(now: number): void {
    const tick = Math.floor(now - this.originMs);
    if (this.polling) return;
    this.polling = true;
    this.wheel.advance(tick, this.fire);
    this.polling = false;
    const next = this.wheel.nextTick();
    if (next !== null && next < this.armedTick) this.arm(next);
  }

  /** True when a poll at `now` may fire something. */
  isDue(now: number): boolean {
    return now - this.originMs >= this.armedTick;
  }

  close(): void {
    if (this.armed !== null) this.env.clearTimer(this.armed);
    this.armed = null;
    this.armedTick = Number.NEGATIVE_INFINITY;
  }

  private fired(timer: Timer): void {
    if (timer.owner !== null) {
      this.deliver(timer);
    } else {
      const what = timer.mail as (() => void) | null;
      if (this.claim(timer)) what?.();
    }
  }

  private arm(tick: number): void {
    if (this.armed !== null) this.env.clearTimer(this.armed);
    this.armedTick = tick;
    this.armed = this.env.setTimer(this.onEnvTimer, Math.max(0, this.originMs + tick - this.env.now()));
  }
}
