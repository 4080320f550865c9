import { describe, expect, it } from 'vitest';
import { encodeFrame, OP } from '../../protocol/index.ts';
import { manualEnv } from '../testing/manual-env.ts';
import {
  acksOf,
  asksOf,
  entryOf,
  errorOf,
  last,
  live,
  pageFor,
  range,
  scriptedClient,
  shown,
} from '../testing/scripted-client.ts';
import type { ChatEntry } from './entry.ts';
import { memoryStore, type OutboxStore } from './store.ts';

describe('acknowledgements', () => {
  it('say the highest number of each chat once, after 50 ms', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2), entryOf(1, { chat: 'x' }), entryOf(3));
    await env.advance(49);
    expect(acksOf(socket)).toEqual([]);
    await env.advance(1);
    expect(acksOf(socket)).toEqual(['c3 x1']);
  });

  it('go at once when half of the window is used', async () => {
    const { client, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn({ window: 8 });
    socket.say(...range(1, 4).map((seq) => entryOf(seq)));
    expect(acksOf(socket)).toEqual(['c4']);
  });

  it('are repeated when the server pushes again what was acknowledged', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(50);
    socket.say(entryOf(1));
    await env.advance(50);
    expect(acksOf(socket)).toEqual(['c2', 'c2']);
    expect(all).toEqual(['c1', 'c2']);
  });

  it('are said once more after 35 s, for a server that lost them inside', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await live(env, socket, 30_000);
    expect(acksOf(socket)).toEqual(['c2']);
    await live(env, socket, 120_000);
    expect(acksOf(socket)).toEqual(['c2', 'c2']);
  });

  it('are said again so long after they were said first, whatever else was said before', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1));
    await live(env, socket, 20_000);
    socket.say(entryOf(1, { chat: 'x' }));
    await live(env, socket, 20_000);
    expect(acksOf(socket)).toEqual(['c1', 'x1', 'c1']);
    await live(env, socket, 120_000);
    expect(acksOf(socket)).toEqual(['c1', 'x1', 'c1', 'x1']);
  });

  it('are said once more by the next process, when the one that said them ended before that', async () => {
    const store = memoryStore();
    const before = scriptedClient({ store });
    shown(before.client);
    const socket = await before.signIn();
    socket.say(entryOf(1), entryOf(2));
    await before.env.advance(1_000);
    const after = scriptedClient({ store });
    const next = await after.signIn();
    await live(after.env, next, 60_000);
    expect([acksOf(socket), acksOf(next)]).toEqual([['c2'], ['c2']]);
    expect((await store.load()).said.size).toBe(0);
  });

  it('are said once more on the next connection, when the one they were said on ended before that', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(1_000);
    socket.end();
    await env.advance(500);
    const next = await signIn();
    await live(env, next, 60_000);
    expect([acksOf(socket), acksOf(next)]).toEqual([['c2'], ['c2']]);
  });

  it('never go beyond what was shown: not for what is held back', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(3), entryOf(4));
    await env.advance(1_000);
    expect(acksOf(socket)).toEqual(['c1']);
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
    expect(acksOf(socket)).toEqual([]);
    flushes.shift()?.();
    await env.advance(0);
    expect(acksOf(socket)).toEqual(['c1']);
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
    expect(last(acksOf(socket))).toBe('c6');
  });

  it('are for what is recorded when nobody listens', async () => {
    const { env, signIn } = scriptedClient();
    const socket = await signIn();
    socket.say(entryOf(1));
    await env.advance(50);
    expect(acksOf(socket)).toEqual(['c1']);
  });

  it('are the application’s with ack: manual, cumulative, and not beyond what it was shown', async () => {
    const { client, env, signIn } = scriptedClient({ ack: 'manual' });
    const entries: ChatEntry[] = [];
    client.on('message', (entry) => entries.push(entry));
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2), entryOf(3), entryOf(9));
    await env.advance(100);
    expect(acksOf(socket)).toEqual([]);
    entries[1]?.ack();
    await env.advance(100);
    client.chat('c').ack(100);
    await env.advance(100);
    expect(acksOf(socket)).toEqual(['c2', 'c3']);
  });

  it('with ack: manual leave entries waiting until somebody listens', async () => {
    const { client, env, signIn } = scriptedClient({ ack: 'manual' });
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(100);
    expect(shown(client)).toEqual(['c1', 'c2']);
    expect(acksOf(socket)).toEqual([]);
  });
});

describe('gaps', () => {
  it('before a pushed entry are read at once, and nothing is shown out of order', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(4), entryOf(5));
    expect(all).toEqual(['c1']);
    expect(asksOf(socket)).toMatchObject([{ chat: 'c', from: 2, limit: 2, back: false }]);
    socket.say(pageFor(last(asksOf(socket)), 3, [2, 3]));
    expect(all).toEqual(['c1', 'c2', 'c3', 'c4', 'c5']);
  });

  it('are read page by page', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say({ op: OP.GAP, chat: 'c', from: 1, to: 150 });
    expect(last(asksOf(socket))).toMatchObject({ from: 1, limit: 100 });
    socket.say(pageFor(last(asksOf(socket)), 100, range(1, 100), true));
    expect(last(asksOf(socket))).toMatchObject({ from: 101, limit: 50 });
    socket.say(pageFor(last(asksOf(socket)), 150, range(101, 150)));
    expect(all).toHaveLength(150);
    expect(asksOf(socket)).toHaveLength(2);
  });

  it('are asked for again, later, when the answer brings nothing', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(2));
    socket.say(pageFor(last(asksOf(socket)), 0, []));
    expect(asksOf(socket)).toHaveLength(1);
    await env.advance(1_000);
    expect(asksOf(socket)).toHaveLength(2);
    socket.say(pageFor(last(asksOf(socket)), 1, [1]));
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
    socket.say(pageFor(last(asksOf(socket)), 2, [1, 2])); // too late: that socket is gone
    expect(all).toEqual([]);
    next.say(pageFor(last(asksOf(next)), 2, [1, 2]));
    expect(all).toEqual(['c1', 'c2', 'c3']);
  });

  it('are asked for again when the server never answers', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(entryOf(2));
    await env.advance(9_000);
    expect(asksOf(socket)).toHaveLength(2);
  });

  it('that may not be read are stepped over, and said', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const gaps: unknown[] = [];
    client.on('gap', (gap) => gaps.push(gap));
    const socket = await signIn();
    socket.say(entryOf(5), entryOf(6));
    const { ref } = last(asksOf(socket));
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
    expect(asksOf(socket)).toEqual([]);
    expect(gaps).toEqual([{ chat: 'c', from: 2, to: 90, action: 'skip' }]);
    expect(acksOf(socket)).toEqual(['c91']);
  });

  it('of four chats at the most are read at a time', async () => {
    const { signIn } = scriptedClient();
    const socket = await signIn();
    for (let i = 0; i < 6; i++) socket.say({ op: OP.GAP, chat: `c${i}`, from: 1, to: 1 });
    expect(asksOf(socket)).toHaveLength(4);
    const first = asksOf(socket)[0];
    if (first !== undefined) socket.say(pageFor(first, 1, [1]));
    expect(last(asksOf(socket)).chat).toBe('c4');
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
    expect(acksOf(socket)).toEqual(['c3']);
  });

  it('wait a moment for what comes before them, then read it', async () => {
    const { client, env, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    const { id } = client.chat('c').send({ text: 'hi' });
    socket.say({ op: OP.SENT, chat: 'c', id, seq: 2, ts: 9 });
    await env.advance(199);
    expect(asksOf(socket)).toEqual([]);
    expect(all).toEqual([]);
    await env.advance(1);
    socket.say(pageFor(last(asksOf(socket)), 1, [1]));
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
    const asked = last(asksOf(socket));
    const entries = [encodeFrame(entryOf(1, { ...own, id: one.id }))];
    socket.say({ op: OP.HISTORY_PAGE, ref: asked.ref, chat: 'c', from: 1, to: 1, more: false, entries });
    expect(one.status).toBe('sent');
    expect(client.outbox()).toEqual([]);
    expect(all).toEqual(['c1', 'c2']);
  });

  it('are shown at their number when a page that the application asked for was the first to say it', async () => {
    const { client, signIn } = scriptedClient();
    const all = shown(client);
    const socket = await signIn();
    socket.say(entryOf(1));
    const { id } = client.chat('c').send({ text: 'hi' });
    const asked = client.chat('c').history({ from: 1 });
    const entries = [entryOf(1), entryOf(2, { ...own, id })].map((entry) => encodeFrame(entry));
    const { ref } = last(asksOf(socket));
    socket.say({ op: OP.HISTORY_PAGE, ref, chat: 'c', from: 1, to: 2, more: false, entries });
    await asked;
    socket.say({ op: OP.SENT, chat: 'c', id, seq: 2, ts: 9 });
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
