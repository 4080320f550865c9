// The contract of the presence seam, run against every driver: `presenceContract('redis', make)` inside a vitest file. Knows the seam only.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PresenceStore, PresenceTimes, PresenceValue } from './presence.ts';

export interface PresenceUnderTest {
  /** A handle on the same data, as of another node. */
  open(times?: Partial<PresenceTimes>): PresenceStore;
  /** Every key of ours with what is left of its TTL, ms; −1: it has none. */
  ttls(): Promise<ReadonlyMap<string, number>>;
  wipe(): Promise<void>;
  /** Time passes. */
  pass(ms: number): Promise<void>;
  discard(): Promise<void>;
}

export const online = (user: string, more: Partial<PresenceValue> = {}): PresenceValue => ({
  user,
  online: true,
  lastSeen: null,
  open: true,
  owner: 'n1#aaaaaaaa',
  nodes: ['n1#aaaaaaaa'],
  ...more,
});
export const offline = (user: string, lastSeen: number, more: Partial<PresenceValue> = {}): PresenceValue =>
  online(user, { online: false, lastSeen, nodes: [], ...more });

export function presenceContract(name: string, make: () => Promise<PresenceUnderTest>): void {
  describe(`${name} keeps the contract of a presence store`, () => {
    let data: PresenceUnderTest;
    let store: PresenceStore;
    const opened: PresenceStore[] = [];
    const open = (times?: Partial<PresenceTimes>): PresenceStore => {
      const handle = data.open(times);
      opened.push(handle);
      return handle;
    };
    beforeEach(async () => {
      data = await make();
      store = open();
    });
    afterEach(async () => {
      for (const handle of opened.splice(0)) await handle.close();
      await data.discard();
    });

    test('what one node writes, another reads, in the order asked', async () => {
      expect(await store.write([online('ann'), offline('bob', 1_700_000_000_123, { open: false })])).toBe(true);
      expect(await open().read(['bob', 'nobody', 'ann'])).toEqual([
        { online: false, lastSeen: 1_700_000_000_123, open: false },
        'none',
        { online: true, lastSeen: null, open: true },
      ]);
    });

    test('the last value wins, within a batch too', async () => {
      await store.write([online('ann'), offline('ann', 5), online('bob')]);
      await store.write([offline('bob', 7)]);
      expect(await store.read(['ann', 'bob'])).toMatchObject([
        { online: false, lastSeen: 5 },
        { online: false, lastSeen: 7 },
      ]);
    });

    test('sessions are known by node while they are online, and no longer', async () => {
      await store.write([online('ann', { owner: 'n2#b', nodes: ['n1#a', 'n3#c'] }), online('bob')]);
      expect(await store.readSessions(['ann', 'eve'])).toEqual([{ owner: 'n2#b', nodes: ['n1#a', 'n3#c'] }, 'none']);
      await store.write([offline('ann', 1)]);
      expect(await store.readSessions(['ann', 'bob'])).toMatchObject(['none', { owner: 'n1#aaaaaaaa' }]);
    });

    test('every key has a TTL: short while online, bounded when last seen', async () => {
      await store.write([online('ann'), offline('bob', 1), online('eve', { open: false })]);
      const ttls = await data.ttls();
      expect([...ttls.keys()].map((key) => key.replace(/^.*?(presence|session):\{?(\w+)\}?$/, '$1 $2')).sort()).toEqual(
        ['presence ann', 'presence bob', 'presence eve', 'session ann', 'session eve'],
      );
      for (const [key, ttl] of ttls) {
        expect(ttl).toBeGreaterThan(0);
        expect(ttl).toBeLessThanOrEqual(key.includes('bob') ? 86_400_000 : 30_000);
      }
    });

    test('what is not refreshed is gone after its TTL, and what is stays', async () => {
      // On a real server a second may be lost between any two of these.
      const hasty = open({ onlineTtlMs: 3_000 });
      await hasty.write([online('ann'), online('bob')]);
      await data.pass(2_000);
      await hasty.write([online('bob')]);
      await data.pass(2_000);
      expect(await hasty.read(['ann', 'bob'])).toMatchObject(['none', { online: true }]);
      expect(await hasty.readSessions(['ann', 'bob'])).toMatchObject(['none', { owner: 'n1#aaaaaaaa' }]);
    });

    test('wiped, it has nothing, and takes what is written next', async () => {
      await store.write([online('ann')]);
      await data.wipe();
      expect(await store.read(['ann'])).toEqual(['none']);
      expect(await store.write([online('ann')])).toBe(true);
      expect(await store.read(['ann'])).toMatchObject([{ online: true }]);
    });

    test('thousands go in one call, and none is also a number', async () => {
      const users = Array.from({ length: 3_000 }, (_, i) => `u${i}`);
      expect(await store.write(users.map((user, i) => (i % 2 === 0 ? online(user) : offline(user, i))))).toBe(true);
      const read = await store.read(users);
      expect(read.filter((answer) => typeof answer === 'object' && answer.online)).toHaveLength(1_500);
      expect(read[2_999]).toEqual({ online: false, lastSeen: 2_999, open: true });
      expect([await store.write([]), await store.read([])]).toEqual([true, []]);
    });

    test('closed, it answers unknown and writes nothing', async () => {
      await store.close();
      expect(await store.write([online('ann')])).toBe(false);
      expect(await store.read(['ann'])).toEqual(['unknown']);
      expect(store.up).toBe(false);
    });
  });
}
