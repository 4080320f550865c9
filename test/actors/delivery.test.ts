import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OP } from '../../protocol/index.ts';
import { startTestNode, type TestNode, until } from './harness.ts';

let t: TestNode;
beforeEach(async () => {
  t = await startTestNode();
});
afterEach(async () => {
  await t.stop();
  expect(t.errors).toEqual([]);
});

describe('a direct message', () => {
  it('is sent once durable, delivered, acked and read, and the sender sees each', async () => {
    const alice = t.device('alice');
    const bob = t.device('bob');
    await alice.signIn();
    await bob.signIn();
    const chat = await alice.direct('bob');
    await bob.next('RECEIVE_MESSAGE', (f) => f.type === 16);
    alice.text(chat, 'm1');
    expect(await alice.next('SENT')).toMatchObject({ chat, id: 'm1', seq: 2 });
    const got = await bob.next('RECEIVE_MESSAGE', (f) => f.seq === 2);
    expect(new TextDecoder().decode(got.body)).toBe('m1');
    bob.ack(chat, 2);
    expect(await alice.next('RECEIPT', (f) => f.delivered === 2)).toMatchObject({ user: 'bob', read: 0 });
    bob.send({ op: OP.READ, chat, seq: 2 });
    expect(await alice.next('RECEIPT', (f) => f.read === 2)).toMatchObject({ user: 'bob' });
    // The sender's own device is not pushed its own message.
    expect(alice.of('RECEIVE_MESSAGE').filter((f) => f.seq === 2)).toEqual([]);
  });

  it('that a device already has when it starts afresh counts as delivered: its ack was lost', async () => {
    const alice = t.device('alice');
    await alice.signIn();
    const chat = await alice.direct('bob');
    alice.text(chat, 'm1');
    await alice.next('SENT');
    const bob = t.device('bob');
    expect(await bob.signIn(null, [{ chat, seq: 9 }])).toMatchObject({ resumed: false });
    expect(await alice.next('RECEIPT')).toMatchObject({ user: 'bob', delivered: 2, read: 0 });
    await bob.next('CAUGHT_UP');
    expect(bob.of('GAP')).toEqual([]);
  });

  it('sent twice with the same id is one message with one number', async () => {
    const alice = t.device('alice');
    await alice.signIn();
    const chat = await alice.direct('bob');
    alice.text(chat, 'm1');
    alice.text(chat, 'm1', { retry: true });
    await until('two answers', () => alice.of('SENT').length === 2);
    expect(alice.of('SENT').map((f) => f.seq)).toEqual([2, 2]);
  });

  it('said again and again before it is stored, is answered as often, and with one number', async () => {
    const alice = t.device('alice');
    await alice.signIn();
    const chat = await alice.direct('bob');
    for (let i = 0; i < 20; i++) alice.text(chat, 'm1', { retry: i > 0 });
    alice.text(chat, 'm2', { after: 'm1' });
    await until('all answers', () => alice.of('SENT').length === 21);
    expect(alice.of('SENT').map((f) => f.seq)).toEqual([...Array<number>(20).fill(2), 3]);
    expect(alice.of('ERROR')).toEqual([]);
  });

  it('waits in the inbox for a device that is away, and comes once it is back', async () => {
    const alice = t.device('alice');
    const bob = t.device('bob');
    await alice.signIn();
    await bob.signIn();
    const { sync } = await bob.next('CAUGHT_UP');
    const chat = await alice.direct('bob');
    await bob.next('RECEIVE_MESSAGE', (f) => f.seq === 1);
    bob.ack(chat, 1);
    bob.hangUp();
    for (let i = 2; i < 100; i++) {
      alice.text(chat, `m${i}`, i > 2 ? { after: `m${i - 1}` } : {});
    }
    await alice.next('SENT', (f) => f.seq === 99);
    const back = t.device('bob');
    expect(await back.signIn(sync, [{ chat, seq: 1 }])).toMatchObject({ resumed: true });
    const acker = setInterval(() => {
      const last = back.of('RECEIVE_MESSAGE').at(-1);
      if (last) back.ack(chat, last.seq);
    }, 5);
    await back.next('CAUGHT_UP');
    clearInterval(acker);
    expect(back.of('RECEIVE_MESSAGE').map((f) => f.seq)).toEqual(Array.from({ length: 98 }, (_, i) => i + 2));
  });
});
