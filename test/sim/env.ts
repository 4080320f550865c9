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

/** A timer is never early, and late by up to this. */
const TIMER_LATE_MS = 1;

function ambient(process: Process) {
  const { world, owner, random, clock } = process;
  return {
    now: () => world.now,
    wallNow: () => Math.floor(EPOCH_MS + world.now + clock.skewMs),
    setTimer: (run: () => void, ms: number): unknown =>
      world.after(owner, Math.max(0, ms) + random.next() * TIMER_LATE_MS, run),
    clearTimer: (timer: unknown): void => world.cancel(timer as Happening),
    random: random.next,
    id: () => random.id(),
  };
}

export const clientEnvOf = (process: Process): ClientEnv => ambient(process);

export function nodeEnvOf(process: Process, onError: (fields: object, message: string) => void): Env {
  const { world, owner } = process;
  const say = (level: string) => (fields: object, message: string) =>
    world.note(level, owner.name, message, 0, '', () => JSON.stringify(fields));
  const error = (fields: object, message: string): void => {
    say('error')(fields, message);
    onError(fields, message);
  };
  const log: Log = { debug: () => {}, info: say('info'), warn: say('warn'), error };
  return { ...ambient(process), setImmediate: (run) => void world.setImmediate(run), log };
}
