import { expect, test } from 'vitest';
import { CONTINUE, createKernel, startSupervisor } from '../runtime/index.ts';
import { TestEnv } from '../runtime/testing/test-env.ts';
import type { Row, Store } from '../storage/index.ts';
import { DueShards, RETRY_MS, recoveryService } from './recovery.ts';

/** Each shard has one dirty chat, `c<shard>`. What `world` says, at the moment of a read or a question, happens. */
async function setup() {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'a' });
  const woken: string[] = [];
  const world = { storeDown: false, crashAt: -1, elsewhere: new Set<number>() };
  kernel.register({
    name: 'chat',
    mailboxMailsMax: 64,
    restart: 'temporary',
    activate: 'mail',
    init: () => null,
    receive(ctx) {
      woken.push(ctx.key);
      return CONTINUE;
    },
  });
  const store = {
    readRows: async (_table: string, shard: string): Promise<readonly Row[]> => {
      if (world.storeDown) throw new Error('no answer');
      return [{ key: `c${shard}`, stamp: 1, bytes: new Uint8Array(0) }];
    },
  } as unknown as Store;
  const isOurs = (shard: number): boolean => {
    if (shard === world.crashAt) {
      world.crashAt = -1;
      throw new Error('planned');
    }
    return !world.elsewhere.has(shard);
  };
  const due = new DueShards();
  const services = startSupervisor(kernel, { name: 'node', strategy: 'one_for_one', children: [] });
  const service = services.startService(recoveryService(store, due, isOurs));
  await env.settle(10);
  const wake = (...shards: number[]): void => {
    due.add(shards);
    kernel.send(service.ref, { t: 'go' });
  };
  return { env, kernel, service, woken, world, due, wake };
}

test('the chats of the shards that are due are woken once, and then nothing is due', async () => {
  const { env, woken, due, wake } = await setup();
  wake(1, 2, 3, 4, 5, 6);
  await env.settle(1_000);
  expect(woken.sort()).toEqual(['c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
  expect(due.count).toBe(0);
});

test('what comes while the store is down waits, however often it is said, and however full the inbox', async () => {
  const { env, woken, world, due, wake } = await setup();
  world.storeDown = true;
  for (let round = 0; round < 1_000; round++) for (const shard of [1, 2, 3, 4, 5, 6]) wake(shard);
  await env.settle(3 * RETRY_MS);
  expect(due.count).toBeLessThanOrEqual(12);
  world.storeDown = false;
  await env.settle(5_000);
  expect(new Set(woken)).toEqual(new Set(['c1', 'c2', 'c3', 'c4', 'c5', 'c6']));
  expect(due.count).toBe(0);
});

test('a life that crashes leaves to the next what it had in hand, and what came in between', async () => {
  const { env, service, woken, world, due, wake } = await setup();
  world.crashAt = 2;
  wake(1, 2, 3, 4, 5, 6);
  await env.settle(0);
  due.add([7]);
  await env.settle(10_000);
  expect(service.info().crashes).toBe(1);
  expect(new Set(woken)).toEqual(new Set(['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7']));
  expect(due.count).toBe(0);
});

test('a shard that is due again while it is in hand is read again; one that has moved on is not', async () => {
  const { env, woken, world, due, wake } = await setup();
  world.elsewhere.add(9);
  wake(1, 9);
  await env.settle(1);
  wake(1);
  await env.settle(1_000);
  expect(woken).toEqual(['c1', 'c1']);
  expect(due.count).toBe(0);
});
