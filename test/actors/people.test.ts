import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OP } from '../../protocol/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { faultPlan, type Store, withFaults } from '../../storage/index.ts';
import { createMemoryDisk } from '../../storage/memory/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

let t: TestNode;
beforeEach(async () => {
  t = await startTestNode();
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

describe('devices', () => {
  it('all get what is sent to the user, and what the user sends from another', async () => {
    const alice = await signedIn('alice');
    const phone = await signedIn('bob', 'phone');
    const web = await signedIn('bob', 'web');
    const chat = await alice.direct('bob');
    alice.text(chat, 'hi');
    for (const d of [phone, web]) await d.next('RECEIVE_MESSAGE', (f) => f.id === 'hi');
    phone.text(chat, 'yo');
    expect(await web.next('RECEIVE_MESSAGE', (f) => f.id === 'yo')).toMatchObject({ sender: 'bob', device: 'phone' });
    await alice.next('RECEIVE_MESSAGE', (f) => f.id === 'yo');
  });

  it('a second socket of the same device displaces the first', async () => {
    const first = await signedIn('bob');
    const second = await signedIn('bob');
    expect(await until('closed', () => first.sink.closedAs)).toBe('displaced');
    expect(second.sink.closedAs).toBe(null);
  });

  it('are ten at the most, listed, and a removed one is cut off at once', async () => {
    const devices = [];
    for (let i = 0; i < 10; i++) devices.push(await signedIn('bob', `d${i}`));
    const eleventh = t.device('bob', 'd10');
    eleventh.send({ op: OP.HELLO, version: 1, token: 'bob', device: 'd10', agent: '', sync: null, known: [] });
    expect(await until('refused', () => eleventh.sink.closedAs)).toBe('tooMany');
    const [d0, d1] = devices as [TestDevice, TestDevice];
    expect(await d0.ask((ref) => ({ op: OP.REMOVE_DEVICE, ref, device: 'd1' }))).toMatchObject({ op: OP.OK });
    expect(await until('revoked', () => d1.sink.closedAs)).toBe('revoked');
    const list = await d0.ask((ref) => ({ op: OP.LIST_DEVICES, ref }));
    expect(list.op === OP.DEVICES && list.devices.length).toBe(9);
    await signedIn('bob', 'd10');
  });

  it('a removed one that comes back at once is pushed what its name sent: it may be of its life before', async () => {
    const d0 = await signedIn('bob', 'd0');
    await signedIn('bob', 'd1');
    const chat = await d0.direct('alice');
    await d0.ask((ref) => ({ op: OP.REMOVE_DEVICE, ref, device: 'd1' }));
    const again = await signedIn('bob', 'd1');
    await again.next('CAUGHT_UP');
    again.text(chat, 'm1');
    const { seq } = await again.next('SENT');
    await again.next('RECEIVE_MESSAGE', (f) => f.seq === seq);
  });

  it('a device that starts with nothing hears of every chat what there is to read', async () => {
    const alice = await signedIn('alice');
    await signedIn('bob', 'old');
    const chat = await alice.direct('bob');
    for (let i = 0; i < 5; i++) alice.text(chat, `m${i}`);
    await alice.next('SENT', (f) => f.id === 'm4');
    const fresh = t.device('bob', 'new');
    expect(await fresh.signIn()).toMatchObject({ resumed: false });
    await fresh.next('CAUGHT_UP');
    expect(fresh.of('GAP')).toMatchObject([{ chat, from: 1, to: 6 }]);
    const page = await fresh.ask((ref) => ({ op: OP.HISTORY, ref, chat, from: 1, limit: 4, back: false }));
    expect(page).toMatchObject({ op: OP.HISTORY_PAGE, from: 1, to: 4, more: true });
    const back = await fresh.ask((ref) => ({ op: OP.HISTORY, ref, chat, from: 0, limit: 4, back: true }));
    expect(back).toMatchObject({ op: OP.HISTORY_PAGE, from: 3, to: 6, more: true });
  });

  it('a slow one is fed as it acks, never more than its window', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    const chat = await alice.direct('bob');
    for (let i = 0; i < 110; i++) alice.text(chat, `m${i}`);
    await alice.next('SENT', (f) => f.id === 'm109');
    await until('a window', () => bob.of('RECEIVE_MESSAGE').length === 64);
    let acked = 0;
    while (bob.of('RECEIVE_MESSAGE').length < 111) {
      const got = bob.of('RECEIVE_MESSAGE').length;
      expect(got - acked).toBeLessThanOrEqual(64);
      const last = await until('more', () => {
        const f = bob.of('RECEIVE_MESSAGE').at(-1);
        return f && f.seq > acked ? f : null;
      });
      acked = last.seq;
      bob.ack(chat, acked);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bob.of('RECEIVE_MESSAGE').map((f) => f.seq)).toEqual(Array.from({ length: 111 }, (_, i) => i + 1));
  });
});

describe('the chat list', () => {
  it('says title, peer, head and how far one has read', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    const chat = await alice.direct('bob');
    const room = await alice.group(['bob'], 'team');
    alice.text(chat, 'm');
    await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'm');
    bob.send({ op: OP.READ, chat, seq: 2 });
    await bob.next('RECEIPT', (f) => f.read === 2);
    await bob.next('RECEIVE_MESSAGE', (f) => f.chat === room);
    const list = await bob.ask((ref) => ({ op: OP.LIST_CHATS, ref, after: null, limit: 50 }));
    expect(list.op === OP.CHATS && [...list.chats].sort((a, b) => a.kind - b.kind)).toMatchObject([
      { chat, kind: 0, peer: 'alice', head: 2, read: 2 },
      { chat: room, kind: 1, title: 'team', peer: null, head: 1 },
    ]);
    const first = await bob.ask((ref) => ({ op: OP.LIST_CHATS, ref, after: null, limit: 1 }));
    expect(first.op === OP.CHATS && first.next).toBeTruthy();
  });
});

describe('a chat that was just made', () => {
  it('is in the list of its maker at once', async () => {
    const alice = await signedIn('alice');
    for (let i = 0; i < 20; i++) {
      const chat = await alice.group([`b${i}`], `room ${i}`);
      const list = await alice.ask((ref) => ({ op: OP.LIST_CHATS, ref, after: null, limit: 50 }));
      expect(list.op === OP.CHATS && list.chats.map((c) => c.chat)).toContain(chat);
    }
  });
});

describe('presence', () => {
  it('comes at once and on change, with last seen', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    alice.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    await alice.next('PRESENCE', (f) => f.user === 'bob' && f.online);
    bob.hangUp();
    const off = await alice.next('PRESENCE', (f) => !f.online);
    expect(off.lastSeen).toBeGreaterThan(1_600_000_000_000);
  });

  it('is watched by each device for itself, as long as its connection lives', async () => {
    const phone = await signedIn('alice', 'phone');
    const web = await signedIn('alice', 'web');
    const old = await signedIn('alice', 'old');
    const bob = await signedIn('bob');
    const watch = (d: TestDevice, on: boolean): void => d.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on });
    for (const d of [phone, web, old]) {
      watch(d, true);
      await d.next('PRESENCE', (f) => f.user === 'bob' && f.online);
    }
    const again = await signedIn('alice', 'old');
    watch(web, false);
    bob.hangUp();
    await phone.next('PRESENCE', (f) => !f.online);
    for (const d of [web, again]) expect(d.of('PRESENCE').filter((f) => !f.online)).toEqual([]);
  });

  it('is hidden from all by privacy, and from a blocked user', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    expect(await bob.ask((ref) => ({ op: OP.SET_PRIVACY, ref, presence: 2 }))).toMatchObject({ op: OP.OK });
    alice.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    expect(await alice.next('PRESENCE', (f) => f.user === 'bob')).toMatchObject({ online: false, lastSeen: null });
    // To contacts: a direct chat makes one.
    await bob.ask((ref) => ({ op: OP.SET_PRIVACY, ref, presence: 1 }));
    await alice.direct('bob');
    await bob.next('RECEIVE_MESSAGE');
    await until('seen by a contact', () => {
      alice.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
      return alice.of('PRESENCE').some((f) => f.online);
    });
    await bob.ask((ref) => ({ op: OP.BLOCK, ref, user: 'alice', on: true }));
    await until('hidden again', () => alice.of('PRESENCE').at(-1)?.online === false);
  });

  it('is not told to a contact who is blocked while the store is asked whether it is one', async () => {
    await t.stop();
    let found = (): void => {};
    const gate = new Promise<void>((resolve) => (found = resolve));
    let asked = 0;
    const held = (store: Store): Store => ({
      ...withFaults(store, faultPlan(), createRealEnv(silentLog)),
      readRow: async (table, ...where) => {
        const row = await store.readRow(table, ...where);
        if (table === 'userChat' && row !== null && ++asked > 0) await gate;
        return row;
      },
    });
    t = await startTestNode({}, createMemoryDisk(), held);
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    await bob.ask((ref) => ({ op: OP.SET_PRIVACY, ref, presence: 1 }));
    await alice.direct('bob');
    await bob.next('RECEIVE_MESSAGE');
    await until('the store is asked', () => {
      if (asked === 0) alice.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
      return asked > 0;
    });
    await bob.ask((ref) => ({ op: OP.BLOCK, ref, user: 'alice', on: true }));
    const before = alice.of('PRESENCE').length;
    found();
    await until('an answer', () => alice.of('PRESENCE').length > before);
    expect(alice.of('PRESENCE').filter((f) => f.online)).toEqual([]);
    bob.hangUp();
  });

  it('typing reaches those who are there and wakes nobody', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    const chat = await alice.direct('bob');
    await bob.next('RECEIVE_MESSAGE');
    alice.send({ op: OP.TYPING, chat, on: true });
    expect(await bob.next('TYPING_STATE')).toMatchObject({ chat, user: 'alice', on: true });
  });
});

describe('a blocked user', () => {
  it('is refused at the chat, and let in again', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    const chat = await alice.direct('bob');
    await bob.ask((ref) => ({ op: OP.BLOCK, ref, user: 'alice', on: true }));
    alice.text(chat, 'm1');
    expect(await alice.next('ERROR', (f) => f.id === 'm1')).toMatchObject({ code: 'blocked', retry: false });
    await bob.ask((ref) => ({ op: OP.BLOCK, ref, user: 'alice', on: false }));
    alice.text(chat, 'm2');
    await alice.next('SENT', (f) => f.id === 'm2');
  });

  it('cannot even begin a chat', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    await bob.ask((ref) => ({ op: OP.BLOCK, ref, user: 'alice', on: true }));
    const answer = await alice.ask((ref) => ({
      op: OP.CREATE_CHAT,
      ref,
      kind: 0,
      id: 'x',
      members: ['bob'],
      title: '',
    }));
    expect(answer).toMatchObject({ op: OP.ERROR, code: 'blocked' });
  });
});
