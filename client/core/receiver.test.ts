import { describe, expect, it } from 'vitest';
import { encodeFrame, type Frame, OP } from '../../protocol/index.ts';
import { manualEnv } from '../testing/manual-env.ts';
import { entryOf, errorOf, scriptedClient } from '../testing/scripted-client.ts';
import type { ScriptedSocket } from '../testing/scripted-transport.ts';
import type { ParleyClient } from './client.ts';
import type { ChatEntry } from './entry.ts';
import { memoryStore, type OutboxStore } from './store.ts';

function shown(client: ParleyClient): string[] {
  const all: string[] = [];
  client.on('message', (entry) => all.push(`${entry.chat}${entry.seq}`));
  return all;
}
function pageFor(asked: Frame<'HISTORY'>, to: number, seqs: readonly number[], more = false): Frame<'HISTORY_PAGE'> {
  const { ref, chat, from } = asked;
  const entries = seqs.map((seq) => encodeFrame(entryOf(seq, { chat })));
  return { op: OP.HISTORY_PAGE, ref, chat, from, to, more, entries };
}
const acks = (socket: ScriptedSocket) =>
  socket.of(OP.MESSAGE_ACK).map((frame) => frame.acks.map((ack) => `${ack.chat}${ack.seq}`).join(' '));
const asks = (socket: ScriptedSocket) => socket.of(OP.HISTORY);
const last = <T>(list: readonly T[]): T => {
  const one = list.at(-1);
  if (one === undefined) throw new Error('nothing there');
  return one;
};
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('acknowledgements', () => {
  it('say the highest number of each chat once, after 50 ms', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2), entryOf(1, { chat: 'x' }), entryOf(3));
    await env.advance(49);
    expect(acks(socket)).toEqual([]);
    await env.advance(1);
    expect(acks(socket)).toEqual(['c3 x1']);
  });

  it('go at once when half of the window is used', async () => {
    const { client, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn({ window: 8 });
    socket.say(...range(1, 4).map((seq) => entryOf(seq)));
    expect(acks(socket)).toEqual(['c4']);
  });

  it('are repeated when the server pushes again what was acknowledged', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(50);
    socket.say(entryOf(1));
    await env.advance(50);
    expect(acks(socket)).toEqual(['c2', 'c2']);
    expect(all).toEqual(['c1', 'c2']);
  });

  it('are said once more after 5 s, for a server that lost them inside', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    client.chat('c').read(2);
    await env.advance(20_000);
    expect(acks(socket)).toEqual(['c2', 'c2']);
    expect(socket.of(OP.READ)).toHaveLength(2);
  });

  it('never go beyond what was shown: not for what is held back', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(3), entryOf(4));
    await env.advance(1_000);
    expect(acks(socket)).toEqual(['c1']);
  });

  it('wait for the store: what is said survives a crash', async () => {
    const inner = memoryStore();
    const flushes: (() => void)[] = [];
    const store: OutboxStore = { ...inner, flush: () => new Promise<void>((done) => flushes.push(done)) };
    const { client, env, signIn } = scriptedClient({ store });
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1));
    await env.advance(500);
    expect(acks(socket)).toEqual([]);
    flushes.shift()?.();
    await env.advance(0);
    expect(acks(socket)).toEqual(['c1']);
  });

  it('go on after a flush that took longer than they are held back', async () => {
    const env = manualEnv();
    const store = { ...memoryStore(), flush: () => new Promise<void>((done) => void env.setTimer(done, 200)) };
    const { client, signIn } = scriptedClient({ env, store });
    shown(client);
    const socket = await signIn();
    for (let seq = 1; seq <= 6; seq++) {
      socket.say(entryOf(seq));
      await env.advance(70);
    }
    await env.advance(500);
    expect(last(acks(socket))).toBe('c6');
  });

  it('are for what is recorded when nobody listens', async () => {
    const { env, signIn } = scriptedClient();
    const socket = await signIn();
    socket.say(entryOf(1));
    await env.advance(50);
    expect(acks(socket)).toEqual(['c1']);
  });

  it('are the application’s with ack: manual, cumulative, and not beyond what it was shown', async () => {
    const { client, env, signIn } = scriptedClient({ ack: 'manual' });
    const entries: ChatEntry[] = [];
    client.on('message', (entry) => entries.push(entry));
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2), entryOf(3), entryOf(9));
    await env.advance(100);
    expect(acks(socket)).toEqual([]);
    entries[1]?.ack();
    await env.advance(100);
    client.chat('c').ack(100);
    await env.advance(100);
    expect(acks(socket)).toEqual(['c2', 'c3']);
  });

  it('with ack: manual leave entries waiting until somebody listens', async () => {
    const { client, env, signIn } = scriptedClient({ ack: 'manual' });
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(100);
    expect(shown(client)).toEqual(['c1', 'c2']);
    expect(acks(socket)).toEqual([]);
  });
});

describe('gaps', () => {
  it('before a pushed entry are read at once, and nothing is shown out of order', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(4), entryOf(5));
    expect(all).toEqual(['c1']);
    expect(asks(socket)).toMatchObject([{ chat: 'c', from: 2, limit: 2, back: false }]);
    socket.say(pageFor(last(asks(socket)), 3, [2, 3]));
    expect(all).toEqual(['c1', 'c2', 'c3', 'c4', 'c5']);
  });

  it('are read page by page', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say({ op: OP.GAP, chat: 'c', from: 1, to: 150 });
    expect(last(asks(socket))).toMatchObject({ from: 1, limit: 100 });
    socket.say(pageFor(last(asks(socket)), 100, range(1, 100), true));
    expect(last(asks(socket))).toMatchObject({ from: 101, limit: 50 });
    socket.say(pageFor(last(asks(socket)), 150, range(101, 150)));
    expect(all).toHaveLength(150);
    expect(asks(socket)).toHaveLength(2);
  });

  it('are asked for again, later, when the answer brings nothing', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(2));
    socket.say(pageFor(last(asks(socket)), 0, []));
    expect(asks(socket)).toHaveLength(1);
    await env.advance(1_000);
    expect(asks(socket)).toHaveLength(2);
    socket.say(pageFor(last(asks(socket)), 1, [1]));
    expect(all).toEqual(['c1', 'c2']);
  });

  it('are asked for again on the next connection', async () => {
    const { client, env, signIn, transport } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(3));
    socket.end();
    await env.advance(500);
    const next = await signIn();
    expect(transport.sockets).toHaveLength(2);
    socket.say(pageFor(last(asks(socket)), 2, [1, 2])); // too late: that socket is gone
    expect(all).toEqual([]);
    next.say(pageFor(last(asks(next)), 2, [1, 2]));
    expect(all).toEqual(['c1', 'c2', 'c3']);
  });

  it('are asked for again when the server never answers', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(2));
    await env.advance(9_000);
    expect(asks(socket)).toHaveLength(2);
  });

  it('that may not be read are stepped over, and said', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const gaps: unknown[] = [];
    client.on('gap', (gap) => gaps.push(gap));
    const socket = await signIn();
    socket.say(entryOf(5), entryOf(6));
    const { ref } = last(asks(socket));
    socket.say(errorOf({ ref, code: 'not_member', retry: false }));
    expect(all).toEqual(['c5', 'c6']);
    expect(gaps).toEqual([{ chat: 'c', from: 1, to: 4, action: 'refused' }]);
  });

  it('are stepped over with gaps: skip, and said', async () => {
    const { client, env, signIn } = scriptedClient({ gaps: 'skip' });
    const all = shown(client);
    const gaps: unknown[] = [];
    client.on('gap', (gap) => gaps.push(gap));
    const socket = await signIn();
    socket.say(entryOf(1), { op: OP.GAP, chat: 'c', from: 2, to: 90 }, entryOf(91));
    await env.advance(50);
    expect(all).toEqual(['c1', 'c91']);
    expect(asks(socket)).toEqual([]);
    expect(gaps).toEqual([{ chat: 'c', from: 2, to: 90, action: 'skip' }]);
    expect(acks(socket)).toEqual(['c91']);
  });

  it('of four chats at the most are read at a time', async () => {
    const { signIn } = scriptedClient();
    const socket = await signIn();
    for (let i = 0; i < 6; i++) socket.say({ op: OP.GAP, chat: `c${i}`, from: 1, to: 1 });
    expect(asks(socket)).toHaveLength(4);
    const first = asks(socket)[0];
    if (first !== undefined) socket.say(pageFor(first, 1, [1]));
    expect(last(asks(socket)).chat).toBe('c4');
  });
});

describe('own messages', () => {
  const own = { sender: 'me', device: 'd1' };

  it('are shown at their number, once, when SENT says it', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1));
    const { id } = client.chat('c').send({ text: 'hi' });
    socket.say({ op: OP.SENT, chat: 'c', id, seq: 2, ts: 9 });
    socket.say(entryOf(2, { ...own, id }), entryOf(3));
    await env.advance(50);
    expect(all).toEqual(['c1', 'c2', 'c3']);
    expect(acks(socket)).toEqual(['c3']);
  });

  it('wait a moment for what comes before them, then read it', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    const { id } = client.chat('c').send({ text: 'hi' });
    socket.say({ op: OP.SENT, chat: 'c', id, seq: 2, ts: 9 });
    await env.advance(199);
    expect(asks(socket)).toEqual([]);
    expect(all).toEqual([]);
    await env.advance(1);
    socket.say(pageFor(last(asks(socket)), 1, [1]));
    expect(all).toEqual(['c1', 'c2']);
  });

  it('are acknowledged by their own push, and by history', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    const one = client.chat('c').send({ text: '1' });
    const two = client.chat('c').send({ text: '2' });
    socket.say(entryOf(2, { ...own, id: two.id }));
    expect(two.status).toBe('sent');
    expect(one.status).toBe('queued');
    const asked = last(asks(socket));
    const entries = [encodeFrame(entryOf(1, { ...own, id: one.id }))];
    socket.say({ op: OP.HISTORY_PAGE, ref: asked.ref, chat: 'c', from: 1, to: 1, more: false, entries });
    expect(one.status).toBe('sent');
    expect(client.outbox()).toEqual([]);
    expect(all).toEqual(['c1', 'c2']);
  });

  it('of another device with the same id acknowledge nothing', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const message = client.chat('c').send({ text: '1' });
    socket.say(entryOf(1, { sender: 'me', device: 'd2', id: message.id }));
    socket.say(entryOf(2, { sender: 'eve', device: 'd1', id: message.id }));
    expect(message.status).toBe('queued');
  });
});

describe('iterators', () => {
  const take = async (from: AsyncIterator<ChatEntry, undefined>, count: number): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await from.next()).value?.seq ?? -1);
    return all;
  };

  it('acknowledge what was taken from them, and not what waits in them', async () => {
    const { client, env, signIn } = scriptedClient();
    const iterator = client.chat('c').messages();
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2), entryOf(3));
    await env.advance(50);
    expect(acks(socket)).toEqual([]);
    expect(await take(iterator, 2)).toEqual([1, 2]);
    await env.advance(50);
    expect(acks(socket)).toEqual(['c2']);
  });

  it('that lag stop the chat at their watermark, and lose nothing when they go on', async () => {
    const { client, env, signIn } = scriptedClient({ watermark: 4 });
    const iterator = client.chat('c').messages();
    const socket = await signIn();
    socket.say({ op: OP.GAP, chat: 'c', from: 1, to: 100 });
    socket.say(pageFor(last(asks(socket)), 100, range(1, 100)));
    await env.advance(1_000);
    expect(acks(socket)).toEqual([]);
    expect(client.chat('c').known).toBe(4);
    expect(await take(iterator, 100)).toEqual(range(1, 100));
    await env.advance(50);
    expect(last(acks(socket))).toBe('c100');
  });

  it('each get every entry; the slowest decides what is acknowledged', async () => {
    const { client, env, signIn } = scriptedClient();
    const [one, two] = [client.messages(), client.chat('c').messages()];
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    expect(await take(one, 2)).toEqual([1, 2]);
    await env.advance(50);
    expect(acks(socket)).toEqual([]);
    expect(await take(two, 1)).toEqual([1]);
    await env.advance(50);
    expect(acks(socket)).toEqual(['c1']);
  });

  it('read back from a number, then go on live without a seam', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(...range(1, 5).map((seq) => entryOf(seq)));
    const taken = take(client.chat('c').messages({ from: 3 }), 4);
    socket.say(entryOf(6));
    await env.advance(0);
    expect(last(asks(socket))).toMatchObject({ from: 3, limit: 3 });
    socket.say(pageFor(last(asks(socket)), 5, [3, 4, 5]));
    expect(await taken).toEqual([3, 4, 5, 6]);
  });

  it('begin with what came while nobody listened', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(50);
    const taken = take(client.messages(), 2);
    socket.say(pageFor(last(asks(socket)), 2, [1, 2]));
    expect(await taken).toEqual([1, 2]);
  });

  it('leave what they did not give to the next one', async () => {
    const { client, env, signIn } = scriptedClient();
    const first = client.chat('c').messages();
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2), entryOf(3));
    await take(first, 1);
    await first.return?.();
    await env.advance(50);
    expect(acks(socket)).toEqual(['c3']);
    const taken = take(client.chat('c').messages(), 2);
    socket.say(pageFor(last(asks(socket)), 3, [2, 3]));
    expect(await taken).toEqual([2, 3]);
  });

  it('end with their signal and with close(), and leave unacknowledged what was not taken then', async () => {
    const store = memoryStore();
    const { client, env, signIn } = scriptedClient({ store });
    const abort = new AbortController();
    const [one, two] = [client.messages({ signal: abort.signal }), client.messages()];
    const socket = await signIn();
    const waiting = one.next();
    abort.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    socket.say(entryOf(1), entryOf(2));
    await take(two, 1);
    const closed = client.close();
    await env.advance(100);
    await closed;
    expect(await two.next()).toEqual({ done: true, value: undefined });
    expect((await store.load()).known.get('c')).toBe(1);
  });
});

describe('a handler', () => {
  it('that throws loses nothing, and is heard of', async () => {
    const { client, env, signIn } = scriptedClient();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.on('message', ({ seq }) => {
      if (seq === 1) throw new Error('mine');
    });
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(50);
    expect(all).toEqual(['c1', 'c2']);
    expect(errors).toMatchObject([{ message: 'mine' }]);
    expect(acks(socket)).toEqual(['c2']);
  });

  it('may send, ack and close from within', async () => {
    const { client, signIn } = scriptedClient();
    const all: number[] = [];
    client.on('message', ({ seq }) => {
      all.push(seq);
      client.chat('c').send({ text: `re ${seq}` });
      if (seq === 2) void client.close();
    });
    const socket = await signIn();
    socket.say(entryOf(3), entryOf(2));
    socket.say(pageFor(last(asks(socket)), 2, [1, 2]));
    expect(all).toEqual([1, 2]);
    expect(socket.closedWith).toBe(1000);
  });
});
