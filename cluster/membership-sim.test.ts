// Membership under seeded faults: nodes that pause, die, come back and drain, a store that loses answers and hints, is cut off and wiped.
// Never do two hold a shard; after all heals, all agree within 60 virtual seconds.
import { expect, test } from 'vitest';
import { Storm } from './testing/storm.ts';

const SEEDS = Number(process.env.SEEDS ?? 100);
const FIRST_SEED = Number(process.env.SEED ?? 1);
test(`${SEEDS} storms: no shard is held twice, and all agree within 60 s after`, async () => {
  const settled: number[] = [];
  let [events, rejoins] = [0, 0];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const storm = new Storm(seed);
    try {
      settled.push(await storm.run());
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`);
    }
    events += storm.clock.events;
    rejoins += storm.world.nodes.reduce((sum, node) => sum + node.rejoins, 0);
  }
  settled.sort((a, b) => a - b);
  console.info({ events, rejoins, median: settled[Math.floor(SEEDS / 2)], most: settled.at(-1) });
  expect(settled.length).toBe(SEEDS);
  expect(rejoins).toBeGreaterThan(SEEDS > 100 ? 50 : -1);
}, 120_000);

test('one seed is one story', async () => {
  const stories = [];
  for (let turn = 0; turn < 2; turn++) {
    const storm = new Storm(7);
    stories.push([await storm.run(), storm.clock.events, storm.trace]);
  }
  expect(stories[0]).toEqual(stories[1]);
});
