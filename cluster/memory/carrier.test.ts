import { describe, expect, test } from 'vitest';
import { TestEnv } from '../../runtime/testing/test-env.ts';
import { carrierContract } from '../carrier-contract.ts';
import { MemoryHub, noFaults } from './carrier.ts';

carrierContract('memory', async () => {
  const env = new TestEnv();
  const hub = new MemoryHub(env);
  let names = 0;
  return {
    connect: async () => hub.connect(`n${++names}`),
    settle: async () => env.run(),
    discard: async () => {},
  };
});

describe('the faults of the memory carrier', () => {
  const setup = () => {
    const env = new TestEnv();
    const hub = new MemoryHub(env, { faults: noFaults() });
    const [a, b] = [hub.connect('a'), hub.connect('b')];
    const got: number[] = [];
    b.subscribe('x', (bytes) => got.push(bytes[0] ?? -1));
    const say = (...values: number[]) => values.map((n) => a.publish('x', Uint8Array.of(n)));
    return { env, hub, a, b, got, say };
  };
  const run = Array.from({ length: 100 }, (_, n) => n);

  test('delay alone keeps the order', () => {
    const { env, hub, got, say } = setup();
    Object.assign(hub.faults, { delayMsMin: 5, delayMsMax: 50 });
    say(...run);
    env.advance(4);
    expect(got).toEqual([]);
    hub.faults.delayMsMin = 0;
    hub.faults.delayMsMax = 0;
    say(100);
    env.advance(50);
    expect(got).toEqual([...run, 100]);
  });

  test('loss, duplication and reordering are as often as was said', () => {
    const lossy = setup();
    lossy.hub.faults.lossRate = 0.5;
    lossy.say(...run);
    lossy.env.run();
    expect(lossy.got.length).toBeGreaterThan(25);
    expect(lossy.got.length).toBeLessThan(75);
    const twice = setup();
    twice.hub.faults.duplicateRate = 1;
    twice.say(1, 2);
    twice.env.run();
    expect(twice.got).toEqual([1, 1, 2, 2]);
    const swapped = setup();
    swapped.hub.faults.reorderRate = 0.3;
    swapped.say(...run);
    swapped.env.run();
    expect(swapped.got).not.toEqual(run);
    expect([...swapped.got].sort((x, y) => x - y)).toEqual(run);
  });

  test('a way that is cut loses what is on it, the way back does not', () => {
    const { env, hub, a, b, got, say } = setup();
    const back: number[] = [];
    a.subscribe('y', (bytes) => back.push(bytes[0] ?? -1));
    hub.faults.cuts.add('a>b');
    expect(say(1)).toEqual([true]);
    b.publish('y', Uint8Array.of(2));
    env.run();
    expect([got, back]).toEqual([[], [2]]);
  });

  test('who is disconnected knows it, and is not reached', () => {
    const { env, hub, a, b, got, say } = setup();
    hub.faults.disconnected.add('b');
    expect([a.connected, b.connected]).toEqual([true, false]);
    expect(say(1)).toEqual([true]);
    expect(b.publish('x', Uint8Array.of(2))).toBe(false);
    env.run();
    expect(got).toEqual([]);
    hub.faults.disconnected.delete('b');
    say(3);
    env.run();
    expect(got).toEqual([3]);
  });
});
