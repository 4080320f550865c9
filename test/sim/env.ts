// The Env of a simulated process, node or client: the world's clock with this machine's idea of the date, the world's queue, chance
// of its own. A log entry of level `error` is told to whoever runs the process.
import type { ClientEnv } from '../../client/core/index.ts';
import type { Env, Log } from '../../runtime/index.ts';
import type { Happening } from './queue.ts';
import type { Random } from './random.ts';
import { EPOCH_MS, type Owner, type World } from './world.ts';

/** What a machine believes about the date, in ms off the truth. */
export interface Clock {
  skewMs: number;
}

export interface Process {
  readonly world: World;
  readonly owner: Owner;
  readonly random: Random;
  readonly clock: Clock;
}

/** A timer is late by up to this, and now and then early, as Node's are: these count whole milliseconds, from the begin of a turn. */
const TIMER_LATE_MS = 1;
const TIMER_EARLY_MS = 0.9;
const EARLY_SHARE = 0.1;
/**
 * The clock goes on while a turn is running: by some µs from read to read, and now and then, as when memory is cleaned up, by much
 * more. But it is never more than this ahead of the world, whose events keep their order.
 */
const CREEP_MS_MOST = 0.9;
const STEP_MS = 0.001;
const PAUSE_MS = 0.3;
const PAUSE_EVERY = 29;

function ambient(process: Process) {
  const { world, owner, random, clock } = process;
  let last = 0;
  let reads = 0;
  const now = (): number => {
    const step = ++reads % PAUSE_EVERY === 0 ? PAUSE_MS : STEP_MS * (1 + (reads % 4));
    const read = Math.max(last, world.now);
    last = Math.min(read + step, Math.max(read, world.now + CREEP_MS_MOST));
    return last;
  };
  const offMs = (): number =>
    random.chance(EARLY_SHARE) ? -random.next() * TIMER_EARLY_MS : random.next() * TIMER_LATE_MS;
  return {
    now,
    wallNow: () => Math.floor(EPOCH_MS + now() + clock.skewMs),
    setTimer: (run: () => void, ms: number): unknown => {
      const timer = world.after(owner, Math.max(0, ms + offMs()), run);
      timer.isTimer = true;
      return timer;
    },
    clearTimer: (timer: unknown): void => world.cancel(timer as Happening),
    random: random.next,
    id: () => random.id(),
  };
}

export const clientEnvOf = (process: Process): ClientEnv => ambient(process);

/** `busyMs`: its cells wait for their turn so long at the most, and mail in their mailboxes with them. */
export function nodeEnvOf(process: Process, onError: (fields: object, message: string) => void, busyMs = 0): Env {
  const { world, owner, random } = process;
  const say = (level: string) => (fields: object, message: string) =>
    world.note(level, owner.name, message, 0, '', () => JSON.stringify(fields));
  const error = (fields: object, message: string): void => {
    say('error')(fields, message);
    onError(fields, message);
  };
  const log: Log = { debug: () => {}, info: say('info'), warn: say('warn'), error };
  const setImmediate = (run: () => void): void => {
    if (busyMs > 0) world.after(owner, random.next() * busyMs, run);
    else world.setImmediate(run);
  };
  return { ...ambient(process), setImmediate, log };
}
