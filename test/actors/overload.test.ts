import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pressure } from '../../actors/index.ts';
import { type Frame, OP } from '../../protocol/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

// What is shed under pressure, from the bottom up: presence and typing, then sign-ins, then messages. Acks and heartbeats never.
const pressure: { level: Pressure['level'] } = { level: 0 };
const counted: string[] = [];
let t: TestNode;
let ann: TestDevice;
let bob: TestDevice;
let chat: string;
beforeEach(async () => {
  pressure.level = 0;
  counted.length = 0;
  t = await startTestNode({ pressure, counters: { count: (name, label) => void counted.push(`${name} ${label}`) } });
  [ann, bob] = [t.device('ann'), t.device('bob')];
  await ann.signIn();
  await bob.signIn();
  chat = await ann.direct('bob');
});
afterEach(async () => {
  await t.stop();
  expect(t.errors).toEqual([]);
});

/** Everything that was sent before has had its effect: a message has come to the other side, behind it. */
async function through(from: TestDevice, to: TestDevice, id: string): Promise<void> {
  from.text(chat, id);
  await to.next('RECEIVE_MESSAGE', (f) => f.id === id);
}
const refusalOf = (d: TestDevice, id: string): Promise<Frame<'ERROR'>> => d.next('ERROR', (f) => f.id === id);

describe('level 1', () => {
  it('stops typing and new watches, and nothing else', async () => {
    ann.send({ op: OP.TYPING, chat, on: true });
    await bob.next('TYPING_STATE');
    pressure.level = 1;
    ann.send({ op: OP.TYPING, chat, on: false });
    ann.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    await through(ann, bob, 'm1');
    await through(bob, ann, 'm2');
    expect(bob.of('TYPING_STATE')).toHaveLength(1);
    expect(ann.of('PRESENCE')).toEqual([]);
    expect(counted.filter((what) => what === 'shed presence')).toHaveLength(2);
    await t.device('cat').signIn();
    pressure.level = 0;
    ann.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    expect(await ann.next('PRESENCE')).toMatchObject({ user: 'bob', online: true });
  });
});

describe('level 1, for those who watch', () => {
  it('a change is told once it is over', async () => {
    ann.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    await ann.next('PRESENCE', (f) => f.online);
    pressure.level = 1;
    bob.hangUp();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(ann.of('PRESENCE').every((f) => f.online)).toBe(true);
    pressure.level = 0;
    expect((await ann.next('PRESENCE', (f) => !f.online)).lastSeen).not.toBe(null);
  });
});

describe('level 2', () => {
  it('refuses sign-ins, saying that it is overloaded; who is in stays in, and is served', async () => {
    pressure.level = 2;
    const cat = t.device('cat');
    cat.send({ op: OP.HELLO, version: 1, token: 'cat', device: 'd1', agent: '', sync: null, known: [] });
    expect(await until('refused', () => cat.sink.closedAs)).toBe('overloaded');
    expect(cat.of('ERROR')).toMatchObject([{ code: 'overloaded', retry: true }]);
    expect(counted).toContain('shed signIn');
    await through(ann, bob, 'm1');
    expect(await bob.ask((ref) => ({ op: OP.LIST_CHATS, ref, after: null, limit: 1 }))).toMatchObject({ op: OP.CHATS });
    expect([ann.sink.closedAs, bob.sink.closedAs]).toEqual([null, null]);
    pressure.level = 1;
    await t.device('cat').signIn();
  });
});

describe('level 3', () => {
  it('refuses messages retryably, with a delay that is drawn; acks, heartbeats and cursors go on', async () => {
    await through(ann, bob, 'before');
    pressure.level = 3;
    for (let n = 0; n < 20; n++) ann.text(chat, `m${n}`);
    const refusals = await Promise.all(Array.from({ length: 20 }, (_, n) => refusalOf(ann, `m${n}`)));
    for (const refused of refusals) {
      expect(refused).toMatchObject({ code: 'overloaded', retry: true, chat });
      expect(refused.afterMs).toBeGreaterThanOrEqual(1_000);
      expect(refused.afterMs).toBeLessThanOrEqual(3_000);
    }
    expect(new Set(refusals.map((f) => f.afterMs)).size).toBeGreaterThan(5);
    ann.send({ op: OP.HEARTBEAT, n: 7 });
    await ann.next('HEARTBEAT', (f) => f.n === 7);
    bob.ack(chat, 2);
    bob.send({ op: OP.READ, chat, seq: 2 });
    await ann.next('RECEIPT', (f) => f.delivered === 2 && f.read === 2);
    expect(bob.of('RECEIVE_MESSAGE').map((f) => f.id)).not.toContain('m0');
  });

  it('takes them again once it is over, in the order in which they are sent again', async () => {
    pressure.level = 3;
    ann.text(chat, 'm1');
    await refusalOf(ann, 'm1');
    pressure.level = 0;
    ann.text(chat, 'm1', { retry: true });
    ann.text(chat, 'm2', { after: 'm1' });
    await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'm2');
    expect(bob.of('RECEIVE_MESSAGE').flatMap((f) => (f.type === 0 ? [f.id] : []))).toEqual(['m1', 'm2']);
  });
});
