// Many churns of shards over a fake membership (testing/churn.ts): at most one node holds a shard under a lease, at any time; when all faults
// end, every shard opens again.
import { expect, test } from 'vitest';
import { Churn } from './testing/churn.ts';

const SEEDS = Number(process.env.SEEDS ?? 12);
const FIRST_SEED = Number(process.env.SEED ?? 1);

for (const fencesShown of [true, false]) {
  test(`${SEEDS} churns, ${fencesShown ? 'with' : 'without'} the owners that the database names`, async () => {
    let openings = 0;
    let longest = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const churn = new Churn(seed, { chaosMs: 30_000, fencesShown });
      try {
        longest = Math.max(longest, await churn.run());
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`);
      }
      openings += churn.openings;
    }
    console.info({ openings, longest: Math.round(longest) });
    expect(openings).toBeGreaterThan(SEEDS);
  }, 120_000);
}
