import { expect, test } from 'vitest';
import { MemoryCoordination, MemoryHub } from '../cluster/memory/index.ts';
import { createRealEnv, type Env, type EnvTimer, silentLog } from '../runtime/index.ts';
import { createMemoryDisk, openMemoryStore } from '../storage/memory/index.ts';
import { startNode } from './node.ts';

test('a node that does not start leaves nothing at work, and says why it did not', async () => {
  const real = createRealEnv(silentLog);
  const timers = new Set<EnvTimer>();
  const env: Env = {
    ...real,
    setTimer: (run, delayMs) => {
      const timer = real.setTimer(() => {
        timers.delete(timer);
        run();
      }, delayMs);
      timers.add(timer);
      return timer;
    },
    clearTimer: (timer) => {
      timers.delete(timer);
      real.clearTimer(timer);
    },
  };
  const store = openMemoryStore(createMemoryDisk(), { env: real });
  const coordination = new MemoryCoordination().connect(real);
  const cluster = {
    name: 'test',
    weight: 1,
    url: null,
    coordination: {
      ...coordination,
      watch: () => {
        throw new Error('planned');
      },
    },
    carrier: new MemoryHub(real).connect('a'),
  };
  const verifier = { verify: (token: string) => Promise.resolve({ user: token, expires: null, device: null }) };
  await expect(startNode({ env, name: 'a', store, verifier, cluster })).rejects.toThrow('planned');
  // What goes on working has its timers by then.
  await new Promise<void>((resolve) => real.setTimer(resolve, 50));
  expect(timers.size).toBe(0);
});
