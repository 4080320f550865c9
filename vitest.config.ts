import { defineConfig } from 'vitest/config';

/** Beside the code, but with processes that are killed, or with many random worlds: not quick. */
const SLOW = [
  'cluster/membership-sim.test.ts',
  'cluster/shards-churn.test.ts',
  'cluster/shards-sim.test.ts',
  'storage/lmdb/lmdb-process.test.ts',
  'test/actors/cluster.test.ts',
];

/** Of one second, which is the default, a machine with other work may take all. */
const POLL = { poll: { timeout: 10_000 } };

// Two projects: `unit` is quick and needs nothing but Node; `system` starts nodes, sockets and processes.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['node_modules/**', 'dist/**', 'test/system/**', ...SLOW],
          // Longer than what waits in them, so that what never came is named.
          testTimeout: 60_000,
          expect: POLL,
          // Much of their time is waiting: one more than there are cores, on a small machine.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts', ...SLOW],
          testTimeout: 180_000,
          expect: POLL,
          hookTimeout: 60_000,
          fileParallelism: false,
          globalSetup: ['test/system/servers-setup.ts'],
        },
      },
    ],
  },
});
