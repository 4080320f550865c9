// Shards under seeded faults, on real members: nodes that pause, die, come back and drain, a coordination store that loses answers and
// hints, is cut off and wiped, links that lose mail, a database that loses answers. Never do two nodes hold a shard under a lease; after
// all heals, every shard is open where the ring says, within 60 virtual seconds.
import { expect, test } from 'vitest';
import { ShardStorm } from './testing/shard-storm.ts';
import { runStorms } from './testing/storm.ts';

const SEEDS = Number(process.env.SEEDS ?? 4);
const FIRST_SEED = Number(process.env.SEED ?? 1);

test(`${SEEDS} storms: no shard is held twice, and all agree within 60 s after`, async () => {
  const { settledMs, rejoins } = await runStorms(FIRST_SEED, SEEDS, (seed) => new ShardStorm(seed));
  expect(settledMs.length).toBe(SEEDS);
  expect(rejoins).toBeGreaterThan(SEEDS > 20 ? 5 : -1);
}, 120_000);
