import { describe, expect, it } from 'vitest';
import { LIMITS, OP } from '../../protocol/index.ts';
import { manualEnv } from '../testing/manual-env.ts';
import { entryOf, errorOf, scriptedClient } from '../testing/scripted-client.ts';
import type { ScriptedSocket } from '../testing/scripted-transport.ts';
import { memoryStore, type OutboxStore, type StoredMessage } from './store.ts';

const sends = (socket: ScriptedSocket) =>
  socket.of(OP.SEND_MESSAGE).map(({ body, retry }) => new TextDecoder().decode(body) + (retry ? '!' : ''));
const sent = (id: string, seq: number) => ({ op: OP.SENT, chat: 'c', id, seq, ts: 5 });

describe('sending', () => {
  it('gives a handle at once, and sends when the connection is there', async () => {
    const { client, signIn } = scriptedClient();
    const message = client.chat('c').send({ text: 'hi' });
    expect(message.status).toBe('queued');
    expect(client.outbox()).toEqual([message]);
    const socket = await signIn();
    expect(socket.of(OP.SEND_MESSAGE)).toMatchObject([
      { chat: 'c', id: message.id, type: 0, about: null, after: null, retry: false },
    ]);
  });

  it('stores a message before it is sent, and does not send one that could not be stored', async () => {
    const inner = memoryStore();
    const flushes: { done: () => void; failed: (why: Error) => void }[] = [];
    const store: OutboxStore = {
      ...inner,
      flush: () => new Promise<void>((done, failed) => flushes.push({ done, failed })),
    };
    const { client, env, signIn } = scriptedClient({ store });
    const socket = await signIn();
    const one = client.chat('c').send({ text: '1' });
    expect(sends(socket)).toEqual([]);
    flushes.shift()?.done();
    await env.advance(0);
    expect(sends(socket)).toEqual(['1']);
    const two = client.chat('c').send({ text: '2' });
    flushes.shift()?.failed(new Error('disk'));
    await env.advance(0);
    expect(sends(socket)).toEqual(['1']);
    expect([one.status, two.status]).toEqual(['queued', 'failed']);
    expect(two.error).toMatchObject({ code: 'store_failed', retryable: true });
  });

  it('keeps the order of messages that were made while the store was being read', async () => {
    const message: StoredMessage = {
      id: 'old',
      chat: 'c',
      type: 0,
      body: new TextEncoder().encode('0'),
      about: null,
      at: 1_700_000_000_000,
    };
    const inner = memoryStore();
    inner.save([{ is: 'message', message }]);
    const { client, signIn } = scriptedClient({ store: { ...inner, load: async () => inner.load() } });
    client.chat('c').send({ text: '1' });
    client.chat('c').send({ text: '2' });
    const socket = await signIn();
    expect(sends(socket)).toEqual(['0!', '1', '2']);
  });

  it('makes ids that no other life of the device made, even when chance repeats', async () => {
    const store = memoryStore();
    const ids = new Set<string>();
    for (let life = 0; life < 3; life++) {
      const { client, signIn } = scriptedClient({ store }); // the same seed each time
      await signIn();
      ids.add(client.chat('c').send({ text: 'x' }).id).add(client.chat('c').send({ text: 'x' }).id);
      void client.close();
    }
    expect(ids.size).toBe(6);
  });

  it('repeats all that is unacknowledged on a new connection, marked and in order', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const [one] = ['1', '2', '3'].map((text) => client.chat('c').send({ text }));
    socket.say(sent(one?.id ?? '', 1));
    socket.end();
    client.chat('c').send({ text: '4' });
    await env.advance(500);
    const next = await signIn();
    expect(sends(next)).toEqual(['2!', '3!', '4']);
    const after = next.of(OP.SEND_MESSAGE).map((frame) => frame.after);
    expect(after).toEqual([null, next.of(OP.SEND_MESSAGE)[0]?.id, next.of(OP.SEND_MESSAGE)[1]?.id]);
  });

  it('repeats after 15 s without an answer', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn({ heartbeatMs: 600_000 });
    client.chat('c').send({ text: '1' });
    await env.advance(14_999);
    expect(sends(socket)).toEqual(['1']);
    await env.advance(1);
    expect(sends(socket)).toEqual(['1', '1!']);
  });

  it('waits as long as the server says after a refusal that may pass, then goes on from that message', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const [, two, three] = ['1', '2', '3'].map((text) => client.chat('c').send({ text }));
    socket.say(errorOf({ chat: 'c', id: two?.id ?? '', code: 'rate_limited', retry: true, afterMs: 4_000 }));
    socket.say(errorOf({ chat: 'c', id: three?.id ?? '', code: 'out_of_order', retry: true }));
    socket.say(sent(client.outbox()[0]?.id ?? '', 1));
    await env.advance(3_999);
    expect(sends(socket)).toEqual(['1', '2', '3']);
    await env.advance(1);
    expect(sends(socket).slice(3)).toEqual(['2!', '3!']);
  });

  it('fails a message for good with a typed error, and goes on with the next', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const [one, two] = ['1', '2'].map((text) => client.chat('c').send({ text }));
    const steps: string[] = [];
    one?.on('status', (status) => steps.push(status));
    const rejected = expect(one?.sent()).rejects.toMatchObject({ code: 'blocked', retryable: false });
    socket.say(errorOf({ chat: 'c', id: one?.id ?? '', code: 'blocked', retry: false, about: 'no' }));
    await rejected;
    expect(steps).toEqual(['failed']);
    socket.say(errorOf({ chat: 'c', id: two?.id ?? '', code: 'out_of_order', retry: true }));
    expect(sends(socket)).toEqual(['1', '2', '2!']);
    expect(socket.of(OP.SEND_MESSAGE).at(-1)?.after).toBeNull();
  });

  it('refuses what can never be sent, and what does not fit the outbox, at once and typed', async () => {
    const { client } = scriptedClient({ limits: { messagesMax: 2 } });
    const chat = client.chat('c');
    expect(() => chat.send({ body: new Uint8Array(LIMITS.bodyBytesMax + 1) })).toThrow('too_large');
    expect(() => chat.send({ body: new Uint8Array(1), type: 16 })).toThrow('bad_argument');
    expect(() => client.chat('no spaces')).toThrow('bad_argument');
    chat.send({ text: '1' });
    chat.send({ text: '2' });
    expect(() => chat.send({ text: '3' })).toThrow('outbox_full');
    expect(client.outbox()).toHaveLength(2);
  });

  it('copies a body: the application may use its buffer again', async () => {
    const { client, signIn } = scriptedClient();
    const body = Buffer.from('one');
    client.chat('c').send({ body });
    body.write('two');
    const socket = await signIn();
    expect(sends(socket)).toEqual(['one']);
  });

  it('gives up what waited so long that the server may have forgotten its id, but not what was never sent', async () => {
    let daysLater = 0;
    const manual = manualEnv();
    const env = { ...manual, wallNow: () => manual.wallNow() + daysLater };
    const { client, signIn } = scriptedClient({ env });
    const socket = await signIn();
    const one = client.chat('c').send({ text: '1' });
    socket.end();
    const two = client.chat('d').send({ text: '2' });
    daysLater = LIMITS.sentRetentionMs;
    await env.advance(500);
    const next = await signIn();
    expect(one.error).toMatchObject({ code: 'expired' });
    expect(sends(next)).toEqual(['2']);
    expect(two.status).toBe('queued');
  });

  it('moves handles by receipts, also those that nobody listens to', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const [one, two] = ['1', '2'].map((text) => client.chat('c').send({ text }));
    const steps: string[] = [];
    two?.on('status', (status) => steps.push(status));
    socket.say(sent(one?.id ?? '', 1), sent(two?.id ?? '', 2));
    socket.say({ op: OP.RECEIPT, chat: 'c', user: 'bob', delivered: 2, read: 1 });
    socket.say({ op: OP.RECEIPT, chat: 'c', user: 'bob', delivered: 1, read: 0 });
    expect([one?.status, two?.status]).toEqual(['read', 'delivered']);
    socket.say({ op: OP.RECEIPT, chat: 'c', user: 'bob', delivered: 2, read: 2 });
    expect(steps).toEqual(['sent', 'delivered', 'read']);
  });

  it('asks after a reconnect what became of the messages that somebody watches', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const message = client.chat('c').send({ text: '1' });
    const steps: string[] = [];
    message.on('status', (status) => steps.push(status));
    socket.say(sent(message.id, 1));
    socket.end();
    await env.advance(500);
    const next = await signIn();
    next.say({ op: OP.CAUGHT_UP, sync: 's1' });
    const ref = next.of(OP.CHAT_INFO)[0]?.ref ?? -1;
    const members = [
      { user: 'bob', role: 0, delivered: 1, read: 1 },
      { user: 'me', role: 0, delivered: 0, read: 0 },
    ];
    next.say({ op: OP.CHAT, ref, chat: 'c', kind: 0, title: '', head: 1, count: 2, members, next: null });
    expect(steps).toEqual(['sent', 'read']);
  });

  it('keeps a message in the store until it was shown at its number: a crash before shows it after', async () => {
    const store = memoryStore();
    const first = scriptedClient({ store });
    first.client.on('message', () => undefined);
    const socket = await first.signIn();
    const { id } = first.client.chat('c').send({ text: 'mine' });
    socket.say(sent(id, 2)); // number 1 is missing: 2 is held back
    expect((await store.load()).messages.has(id)).toBe(true);
    // It dies here, and another life begins.
    const second = scriptedClient({ store });
    const all: number[] = [];
    second.client.on('message', ({ seq }) => all.push(seq));
    const next = await second.signIn();
    expect(sends(next)).toEqual(['mine!']);
    next.say(entryOf(1), sent(id, 2));
    expect(all).toEqual([1, 2]);
    expect((await store.load()).messages.size).toBe(0);
  });

  it('does not leave under the name of another user', async () => {
    const store = memoryStore();
    store.save([{ is: 'owner', user: 'alice', device: 'd1' }]);
    const { client, signIn } = scriptedClient({ store });
    client.chat('c').send({ text: 'secret' });
    const socket = await signIn({ user: 'mallory' });
    expect(sends(socket)).toEqual([]);
    expect(client.state).toMatchObject({ is: 'stopped', reason: 'wrong_store' });
  });

  it('pauses when the node goes away, and goes on at the next one', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    socket.say({ op: OP.GO_AWAY, delayMs: 0, url: null });
    client.chat('c').send({ text: '1' });
    expect(sends(socket)).toEqual([]);
    socket.end(4000);
    await env.advance(500);
    expect(sends(await signIn())).toEqual(['1']);
  });

  it('with flush gives close() time for the answers, and says how many are left', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const [one] = ['1', '2'].map((text) => client.chat('c').send({ text }));
    const closed = client.close({ flush: 2_000 });
    await env.advance(1_000);
    expect(client.state.is).toBe('online');
    socket.say(sent(one?.id ?? '', 1));
    await env.advance(1_000);
    expect(await closed).toEqual({ unsent: 1 });
    expect(socket.sent.at(-1)).toEqual({ op: OP.BYE });
    expect(socket.closedWith).toBe(1000);
  });
});

describe('waiting after a refusal', () => {
  it('leaves a server that cannot serve for five seconds, and the next one only after ten', async () => {
    const { client, env, transport, signIn } = scriptedClient();
    let socket = await signIn();
    const one = client.chat('c').send({ text: '1' });
    const refuse = async (ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 1_000) {
        socket.say(errorOf({ code: 'unavailable', retry: true, id: one.id, chat: 'c', afterMs: 100 }));
        await env.advance(1_000);
      }
    };
    await refuse(5_000);
    expect(client.state.is).toBe('online');
    await refuse(1_000);
    expect(client.state.is).not.toBe('online');
    await env.advance(5_000);
    expect(transport.socket).not.toBe(socket);
    socket = await signIn();
    await refuse(9_000);
    expect(client.state.is).toBe('online');
    socket.say(sent(one.id, 1));
    expect(one.status).toBe('sent');
  });

  it('ends, also when the timer is late and another chat is refused before it comes', async () => {
    const env = manualEnv({ earlyMs: -50 });
    const { client, signIn } = scriptedClient({ env });
    await env.advance(50);
    const socket = await signIn();
    const one = client.chat('c').send({ text: '1' });
    const other = client.chat('x').send({ text: '2' });
    socket.say(errorOf({ code: 'unavailable', retry: true, id: one.id, chat: 'c', afterMs: 5_000 }));
    await env.advance(5_020);
    socket.say(errorOf({ code: 'not_member', retry: false, id: other.id, chat: 'x' }));
    await env.advance(10_000);
    expect(sends(socket)).toEqual(['1', '2', '1!']);
  });

  it('ends, also when the timer is early and the wait is over between two looks at the clock', async () => {
    for (const creepMs of [0.01, 0.1, 0.3, 0.5, 0.7, 0.95]) {
      const env = manualEnv({ creepMs, earlyMs: 0.9 });
      const { client, signIn } = scriptedClient({ env });
      const socket = await signIn();
      const one = client.chat('c').send({ text: '1' });
      await env.advance(1);
      socket.say(errorOf({ code: 'unavailable', retry: true, id: one.id, chat: 'c', afterMs: 1_000 }));
      await env.advance(5_000);
      expect(sends(socket)).toEqual(['1', '1!']);
    }
  });
});
