import { expect, test } from 'vitest';
import { TestEnv } from '../runtime/testing/test-env.ts';
import type { Store } from '../storage/index.ts';
import { ANSWERED_MIN, Reach, SILENT_MAX, StoreReach } from './store-reach.ts';

test('out of reach after some looks without an answer in a row, within reach after some with one', () => {
  const reach = new Reach();
  const looks = (answers: readonly boolean[]): boolean[] => answers.map((answer) => reach.look(answer));
  const silent = Array.from({ length: SILENT_MAX - 1 }, () => false);
  expect(looks([...silent, true, ...silent]).some(Boolean)).toBe(false);
  expect([reach.look(false), reach.isOut]).toEqual([true, true]);
  const answered = Array.from({ length: ANSWERED_MIN - 1 }, () => true);
  expect(looks([...answered, false, ...answered]).some(Boolean)).toBe(false);
  expect([reach.look(true), reach.isOut]).toEqual([true, false]);
});

async function setup() {
  const env = new TestEnv();
  const told: boolean[] = [];
  const world = { answers: true, asked: 0, hangs: false };
  const store = {
    readRow: async (): Promise<null> => {
      world.asked++;
      if (world.hangs) await new Promise(() => {});
      if (!world.answers) throw new Error('no answer');
      return null;
    },
  } as unknown as Store;
  const reach = new StoreReach(env, store, (isOut) => told.push(isOut));
  const seconds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      env.advance(1_000);
      await env.settle(5);
    }
  };
  return { reach, told, world, seconds };
}

test('a store that fails for seconds is told of once, and once when it answers again', async () => {
  const { told, world, seconds } = await setup();
  await seconds(20);
  expect(told).toEqual([]);
  world.answers = false;
  await seconds(20);
  expect(told).toEqual([true]);
  world.answers = true;
  await seconds(20);
  expect(told).toEqual([true, false]);
});

test('one that never answers is not asked without end, and nothing is asked after the close', async () => {
  const { reach, told, world, seconds } = await setup();
  world.hangs = true;
  await seconds(30);
  expect([told, world.asked]).toEqual([[true], 4]);
  world.hangs = false;
  reach.close();
  await seconds(10);
  expect(told).toEqual([true]);
});
