import { describe, expect, test } from 'vitest';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { TestEnv } from '../../runtime/testing/test-env.ts';
import { COORDINATION_DEADLINE_MS } from '../coordination.ts';
import { coordinationContract } from '../coordination-contract.ts';
import { selfTest } from '../self-test.ts';
import { coordinationFaults, MemoryCoordination } from './coordination.ts';

coordinationContract('memory', async () => {
  const store = new MemoryCoordination();
  const env = createRealEnv(silentLog);
  return { connect: async () => store.connect(env), discard: async () => {} };
});

const bytes = Uint8Array.of(1);

async function outcome<T>(env: TestEnv, call: Promise<T>): Promise<unknown> {
  let end: unknown = 'none';
  call.then(
    (value) => {
      end = value;
    },
    (error) => {
      end = error.code;
    },
  );
  await env.settle(COORDINATION_DEADLINE_MS + 100);
  return end;
}

describe('the store in memory, when told to misbehave,', () => {
  const setup = () => {
    const env = new TestEnv();
    const store = new MemoryCoordination();
    const faults = coordinationFaults();
    return { env, store, faults, one: store.connect(env, faults) };
  };

  test('lets two win, which the self-test finds', async () => {
    const { env, store, one } = setup();
    store.doubleWin = true;
    const found = outcome(env, selfTest([one, store.connect(env)], { run: 'r', rounds: 1 }));
    expect(await found).toMatchObject({ ok: false, reason: 'broken' });
  });

  test('loses an answer, of what was done and of what was not', async () => {
    const { env, store, faults, one } = setup();
    faults.lostAck = 1;
    expect(await outcome(env, one.create('ring.1', bytes))).toBe('unknown');
    expect(store.read('ring.1')).not.toBeNull();
    faults.lostAckApplies = () => false;
    expect(await outcome(env, one.create('ring.2', bytes))).toBe('unknown');
    expect(store.read('ring.2')).toBeNull();
    expect(await outcome(env, selfTest([one], { run: 'r' }))).toMatchObject({ reason: 'unanswered' });
  });

  test('is cut off, with and without a word', async () => {
    const { env, store, faults, one } = setup();
    faults.unavailable = true;
    expect(await outcome(env, one.put('live.a', bytes))).toBe('unavailable');
    faults.unavailable = false;
    faults.silent = true;
    expect(await outcome(env, one.put('live.a', bytes))).toBe('unknown');
    expect(store.read('live.a')).toBeNull();
    faults.silent = false;
    expect(await outcome(env, one.put('live.a', bytes))).toBeUndefined();
    store.wipe();
    expect(await outcome(env, one.get('live.a'))).toBeNull();
  });

  test('gives stale hints, and none', async () => {
    const { env, store, faults, one } = setup();
    const seen: (number | undefined)[] = [];
    one.watch('live.', (_, value) => seen.push(value?.[0]));
    const put = async (n: number): Promise<void> => {
      store.write('live.a', Uint8Array.of(n));
      await env.settle(10);
    };
    await put(1);
    faults.staleHint = 1;
    await put(2);
    faults.lostHint = 1;
    await put(3);
    faults.lostHint = 0;
    faults.staleHint = 0;
    await put(4);
    expect(seen).toEqual([1, 1, 4]);
  });
});
