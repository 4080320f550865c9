// The contract of the coordination seam, run against every driver: `coordinationContract('nats', make)` inside a vitest file.
// Knows the seam only. A store that passes is one that members can agree through.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Coordination } from './coordination.ts';
import { selfTest } from './self-test.ts';

/** One store, and the means to connect to it. */
export interface CoordinationUnderTest {
  /** A connection of its own, as of another process. */
  connect(): Promise<Coordination>;
  /** Everything is closed already; remove the store. */
  discard(): Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Waits for what a hint brings: hints may be late, but a store that never gives one is no good. */
const soon = (condition: () => boolean): Promise<void> =>
  expect.poll(condition, { timeout: 10_000, interval: 10 }).toBe(true);

export function coordinationContract(name: string, make: () => Promise<CoordinationUnderTest>): void {
  describe(`${name} keeps the contract of a coordination store`, () => {
    let data: CoordinationUnderTest;
    let one: Coordination;
    let two: Coordination;
    const opened: Coordination[] = [];
    const connect = async (): Promise<Coordination> => {
      const connection = await data.connect();
      opened.push(connection);
      return connection;
    };
    const text = async (key: string, from = one): Promise<string | null> => {
      const entry = await from.get(key);
      return entry === null ? null : textOf(entry.bytes);
    };

    beforeEach(async () => {
      data = await make();
      [one, two] = [await connect(), await connect()];
    });
    afterEach(async () => {
      for (const connection of opened.splice(0)) await connection.close();
      await data.discard();
    });

    test('a key is created once, and its first value stays', async () => {
      expect(await one.create('ring.1', bytesOf('a'))).toBe('won');
      expect(await two.create('ring.1', bytesOf('b'))).toBe('lost');
      expect(await one.create('ring.1', bytesOf('a'))).toBe('lost');
      expect(await text('ring.1', two)).toBe('a');
      expect(await one.create('ring.10', bytesOf('c'))).toBe('won');
    });

    test('of many who create at once, one wins, and its value is there', async () => {
      const connections = [one, two, await connect(), await connect()];
      for (let round = 1; round <= 20; round++) {
        const outcomes = await Promise.all(
          connections.map((connection, index) => connection.create(`ring.${round}`, bytesOf(`of ${index}`))),
        );
        expect(outcomes.filter((outcome) => outcome === 'won').length).toBe(1);
        for (const connection of connections) {
          expect(await text(`ring.${round}`, connection)).toBe(`of ${outcomes.indexOf('won')}`);
        }
      }
    });

    test('what was put is got by all, at once, with another revision after each put', async () => {
      const revisions = new Set<number>();
      for (let n = 0; n < 30; n++) {
        await (n % 2 === 0 ? one : two).put('live.a.1', bytesOf(`n${n}`));
        const entry = await (n % 3 === 0 ? one : two).get('live.a.1');
        expect(textOf(entry?.bytes)).toBe(`n${n}`);
        revisions.add(entry?.revision ?? 0);
      }
      expect(revisions.size).toBe(30);
      const again = await one.get('live.a.1');
      expect(revisions.has(again?.revision ?? 0)).toBe(true);
    });

    test('a key that was never written is null', async () => {
      expect(await one.get('live.none')).toBeNull();
      expect(await one.get('ring.none')).toBeNull();
      await one.put('live.none.more', bytesOf('x'));
      expect(await one.get('live.none')).toBeNull();
    });

    test('keys are listed by their prefix', async () => {
      expect(await one.keys('live.')).toEqual([]);
      await one.put('live.a.1', bytesOf('a'));
      await one.put('live.b.1', bytesOf('b'));
      await one.put('live.b.1', bytesOf('bb'));
      await one.create('ring.1', bytesOf('r'));
      expect((await two.keys('live.')).sort()).toEqual(['live.a.1', 'live.b.1']);
      expect(await two.keys('live.b.')).toEqual(['live.b.1']);
      expect(await two.keys('ring.')).toEqual(['ring.1']);
      expect(await two.keys('none.')).toEqual([]);
    });

    test('no bytes and many bytes are kept, and do not change with their sender’s buffer', async () => {
      const large = new Uint8Array(60_000).fill(7);
      const copy = large.slice();
      await one.put('ring.large', large);
      large.fill(0);
      await one.create('ring.empty', new Uint8Array(0));
      expect(new Uint8Array((await two.get('ring.large'))?.bytes ?? [])).toEqual(copy);
      expect((await two.get('ring.empty'))?.bytes.length).toBe(0);
    });

    test('a key that could not stand in every driver is refused', async () => {
      for (const key of ['', 'a b', 'a.', '.a', 'a..b', 'a.*', 'a.>', 'ü']) {
        await expect((async () => one.put(key, bytesOf('x')))()).rejects.toThrow();
      }
    });

    test('who watches is told of what is there and of what comes, until he stops', async () => {
      await one.put('live.a.1', bytesOf('before'));
      const seen = new Map<string, string | null>();
      const stop = two.watch('live.', (key, bytes) => seen.set(key, bytes === null ? null : textOf(bytes)));
      await soon(() => seen.get('live.a.1') === 'before');
      await one.put('live.b.1', bytesOf('new'));
      await one.put('live.a.1', bytesOf('after'));
      await one.create('ring.1', bytesOf('other'));
      await soon(() => seen.get('live.a.1') === 'after' && seen.get('live.b.1') === 'new');
      expect([...seen.keys()].sort()).toEqual(['live.a.1', 'live.b.1']);
      stop();
      await one.put('live.a.1', bytesOf('unseen'));
      const rings: string[] = [];
      two.watch('ring.', (key) => rings.push(key));
      await soon(() => rings.includes('ring.1'));
      expect(seen.get('live.a.1')).toBe('after');
    });

    test('who has closed is told so', async () => {
      await two.close();
      await expect(two.get('live.a.1')).rejects.toMatchObject({ code: 'closed' });
      await two.close();
      expect(await one.get('live.a.1')).toBeNull();
    });

    test('it passes the self-test that a node makes at its start', async () => {
      expect(await selfTest([one, two], { run: 'r1', rounds: 10 })).toEqual({ ok: true, rounds: 10 });
      expect(await selfTest([one, two], { run: 'r2', rounds: 5 })).toEqual({ ok: true, rounds: 5 });
    });
  });
}
