// Sessions and a presence store: who is away is answered for without being woken, privacy holds, coming online is told, and a store
// that is lost costs nothing that sessions tell each other.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryPresence, type MemoryPresence } from '../../cluster/memory/index.ts';
import { OP } from '../../protocol/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

let t: TestNode;
let store: MemoryPresence;
const FAST = { tickMs: 5, pollMs: 50 };
beforeEach(async () => {
  store = createMemoryPresence({ now: () => performance.now() });
  t = await startTestNode({ presence: { store, limits: FAST } });
});
afterEach(async () => {
  await t.stop();
  expect(t.errors).toEqual([]);
});

async function signedIn(user: string, device = 'd1'): Promise<TestDevice> {
  const d = t.device(user, device);
  await d.signIn();
  return d;
}
const watch = (d: TestDevice, users: string[], on = true) => d.send({ op: OP.WATCH_PRESENCE, users, on });
const isAwake = (user: string) => t.node.kernel.whereis('session', user) !== null;
const away = (user: string, lastSeen: number, open = true) =>
  store.write([{ user, online: false, lastSeen, open, owner: 'n9#z', nodes: [] }]);
const said = async (user: string) => {
  const [answer] = await store.read([user]);
  return typeof answer === 'object' ? answer : null;
};
const told = (d: TestDevice, user: string) => d.of('PRESENCE').filter((f) => f.user === user);
const heard = (d: TestDevice, user: string, online: boolean) =>
  until(`${d.user} hears that ${user} is ${online}`, () => told(d, user).at(-1)?.online === online);
async function online(user: string, device?: string): Promise<TestDevice> {
  const d = await signedIn(user, device);
  await until(`${user} is written`, () => store.ttls().has(`session:${user}`));
  return d;
}

describe('with a presence store', () => {
  it('who is away is answered for in one batch, and not woken', async () => {
    const users = Array.from({ length: 200 }, (_, i) => `u${i}`);
    for (const [i, user] of users.entries()) await away(user, 1_700_000_000_000 + i);
    const alice = await signedIn('alice');
    watch(alice, users);
    await until('all told', () => new Set(alice.of('PRESENCE').map((f) => f.user)).size === 200);
    expect(told(alice, 'u7')).toMatchObject([{ online: false, lastSeen: 1_700_000_000_007 }]);
    expect(users.filter(isAwake)).toEqual([]);
  });

  it('who comes online is told of at once to those who were told otherwise', async () => {
    await away('bob', 5);
    const alice = await signedIn('alice');
    watch(alice, ['bob']);
    await heard(alice, 'bob', false);
    expect(isAwake('bob')).toBe(false);
    const bob = await signedIn('bob');
    await heard(alice, 'bob', true);
    bob.hangUp();
    await heard(alice, 'bob', false);
    expect(told(alice, 'bob').at(-1)?.lastSeen).toBeGreaterThan(1_600_000_000_000);
  });

  it('who comes online on another node is found by looking', async () => {
    await away('bob', 5);
    const alice = await signedIn('alice');
    watch(alice, ['bob']);
    await heard(alice, 'bob', false);
    await store.write([{ user: 'bob', online: true, lastSeen: null, open: true, owner: 'n9#z', nodes: ['n9#z'] }]);
    // The session is asked: on this one node that wakes it.
    await until('asked', () => isAwake('bob'));
  });

  it('whom nobody knows is woken once, and answered for from then on', async () => {
    const alice = await signedIn('alice');
    watch(alice, ['stranger']);
    await heard(alice, 'stranger', false);
    expect(await until('written', () => store.ttls().has('presence:stranger'))).toBe(true);
    expect(await said('stranger')).toEqual({ online: false, lastSeen: null, open: true });
  });

  it('a session says when its user comes and goes, and by which node', async () => {
    const phone = await online('bob', 'phone');
    expect(await store.readSessions(['bob'])).toEqual([{ owner: 'n1', nodes: ['n1'] }]);
    expect(await said('bob')).toEqual({ online: true, lastSeen: null, open: true });
    phone.hangUp();
    await until('away', () => !store.ttls().has('session:bob'));
    expect(await said('bob')).toMatchObject({ online: false, open: true });
    expect((await said('bob'))?.lastSeen).toBeGreaterThan(1_600_000_000_000);
  });

  it('only what everyone may know is answered from it: privacy and blocks are stored with it, at once', async () => {
    const bob = await online('bob');
    await bob.ask((ref) => ({ op: OP.SET_PRIVACY, ref, presence: 1 }));
    const openOf = async (user: string) => (await said(user))?.open;
    await expect.poll(() => openOf('bob')).toBe(false);
    await bob.ask((ref) => ({ op: OP.SET_PRIVACY, ref, presence: 0 }));
    await expect.poll(() => openOf('bob')).toBe(true);
    await bob.ask((ref) => ({ op: OP.BLOCK, ref, user: 'mallory', on: true }));
    await expect.poll(() => openOf('bob')).toBe(false);
    bob.hangUp();
    await until('away', () => !store.ttls().has('session:bob'));
    expect(await openOf('bob')).toBe(false);
    const mallory = await signedIn('mallory');
    watch(mallory, ['bob']);
    expect(await mallory.next('PRESENCE')).toMatchObject({ online: false, lastSeen: null });
    const alice = await signedIn('alice');
    watch(alice, ['bob']);
    expect((await alice.next('PRESENCE')).lastSeen).toBeGreaterThan(1_600_000_000_000);
  });

  it('an old word of the store is put right by a session that is awake', async () => {
    const alice = await signedIn('alice');
    const putRight = async (user: string): Promise<boolean> => {
      await away(user, 3);
      await signedIn(user);
      watch(alice, [user]);
      await heard(alice, user, true);
      // Within the two seconds that a change is held back, the store still says what it said.
      return (await said(user))?.online === false;
    };
    // A machine that is slow now may need more than those: not three times.
    expect((await putRight('carol')) || (await putRight('dave')) || (await putRight('erin'))).toBe(true);
  });

  it('a store that is lost costs nothing that sessions tell each other', async () => {
    store.lost = true;
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    watch(alice, ['bob', 'carol']);
    await heard(alice, 'bob', true);
    await heard(alice, 'carol', false);
    bob.hangUp();
    await heard(alice, 'bob', false);
    store.lost = false;
    await until('told when it is back', () => store.ttls().has('presence:bob'));
  });

  it('a wiped store is full again by refreshing', async () => {
    await t.stop();
    t = await startTestNode({ presence: { store, limits: { ...FAST, refreshMs: 100, spreadMs: 50 } } });
    for (const user of ['ann', 'bob', 'carol']) await online(user);
    store.wipe();
    await until('all back', () => ['ann', 'bob', 'carol'].every((user) => store.ttls().has(`session:${user}`)));
  });

  it('who is not watched any more is not looked up', async () => {
    await away('bob', 5);
    const alice = await signedIn('alice');
    watch(alice, ['bob']);
    await heard(alice, 'bob', false);
    watch(alice, ['bob'], false);
    await online('bob');
    expect(told(alice, 'bob')).toHaveLength(1);
  });
});
