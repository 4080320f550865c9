// The Env of production: the process's own clock, timers and randomness. The only file of the server that touches them.
import { randomFillSync } from 'node:crypto';
import type { Env, EnvTimer, Log } from './env.ts';

const ID_BYTES = 16;
/** Random bytes drawn at once; one system call for 256 ids. */
const POOL_BYTES = ID_BYTES * 256;

/** `log` is given, as its sink and level are configuration. */
export const createRealEnv = (log: Log): Env => {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    setTimer: (run: () => void, delayMs: number): EnvTimer => setTimeout(run, delayMs),
    clearTimer: (timer: EnvTimer): void => clearTimeout(timer as NodeJS.Timeout),
    setImmediate: (run: () => void): void => {
      setImmediate(run);
    },
    random: () => Math.random(),
    id: () => {
      if (used === POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      used += ID_BYTES;
      return pool.toString('base64url', used - ID_BYTES, used);
    },
    log,
  };
};

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
