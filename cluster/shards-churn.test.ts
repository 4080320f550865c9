// Many churns of shards over a fake membership (testing/churn.ts): at most one node holds a shard under a lease, at any time; when all faults
// end, every shard opens again.
import { expect, test } from 'vitest';
import { Churn } from './testing/churn.ts';

const SEEDS = Number(process.env.SEEDS ?? 12);
const FIRST_SEED = Number(process.env.SEED ?? 1);

for (const [what, fencesShown, movesShown] of [
  ['rings and database say who may hold a shard', true, true],
  ['only rings do', false, true],
  ['only the database does', true, false],
] as const) {
  test(`${SEEDS} churns: ${what}`, async () => {
    let openings = 0;
    let longest = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const churn = new Churn(seed, { chaosMs: 30_000, fencesShown, movesShown });
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
