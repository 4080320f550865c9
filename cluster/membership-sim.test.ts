// Membership under seeded faults: nodes that pause, die, come back and drain, a store that loses answers and hints, is cut off and wiped.
// Never do two hold a shard; after all heals, all agree within 60 virtual seconds.
import { expect, test } from 'vitest';
import { MembershipStorm } from './testing/membership-storm.ts';
import { runStorms } from './testing/storm.ts';

const SEEDS = Number(process.env.SEEDS ?? 100);
const FIRST_SEED = Number(process.env.SEED ?? 1);

test(`${SEEDS} storms: no shard is held twice, and all agree within 60 s after`, async () => {
  const { settledMs, rejoins } = await runStorms(FIRST_SEED, SEEDS, (seed) => new MembershipStorm(seed));
  expect(settledMs.length).toBe(SEEDS);
  expect(rejoins).toBeGreaterThan(SEEDS >= 100 ? 50 : -1);
}, 120_000);

test('one seed is one story', async () => {
  const stories = [];
  for (let turn = 0; turn < 2; turn++) {
    const storm = new MembershipStorm(7);
    stories.push([await storm.run(), storm.clock.events, storm.trace]);
  }
  expect(stories[0]).toEqual(stories[1]);
});
