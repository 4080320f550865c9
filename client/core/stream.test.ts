import { describe, expect, it } from 'vitest';
import { OP } from '../../protocol/index.ts';
import { acksOf, asksOf, entryOf, last, pageFor, range, scriptedClient, shown } from '../testing/scripted-client.ts';
import type { ChatEntry } from './entry.ts';
import { memoryStore } from './store.ts';

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
    expect(acksOf(socket)).toEqual([]);
    expect(await take(iterator, 2)).toEqual([1, 2]);
    await env.advance(50);
    expect(acksOf(socket)).toEqual(['c2']);
  });

  it('that lag stop the chat at their watermark, and lose nothing when they go on', async () => {
    const { client, env, signIn } = scriptedClient({ watermark: 4 });
    const iterator = client.chat('c').messages();
    const socket = await signIn();
    socket.say({ op: OP.GAP, chat: 'c', from: 1, to: 100 });
    socket.say(pageFor(last(asksOf(socket)), 100, range(1, 100)));
    await env.advance(1_000);
    expect(acksOf(socket)).toEqual([]);
    expect(client.chat('c').known).toBe(4);
    expect(await take(iterator, 100)).toEqual(range(1, 100));
    await env.advance(50);
    expect(last(acksOf(socket))).toBe('c100');
  });

  it('each get every entry; the slowest decides what is acknowledged', async () => {
    const { client, env, signIn } = scriptedClient();
    const [one, two] = [client.messages(), client.chat('c').messages()];
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    expect(await take(one, 2)).toEqual([1, 2]);
    await env.advance(50);
    expect(acksOf(socket)).toEqual([]);
    expect(await take(two, 1)).toEqual([1]);
    await env.advance(50);
    expect(acksOf(socket)).toEqual(['c1']);
  });

  it('read back from a number, then go on live without a seam', async () => {
    const { client, env, signIn } = scriptedClient();
    shown(client);
    const socket = await signIn();
    socket.say(...range(1, 5).map((seq) => entryOf(seq)));
    const taken = take(client.chat('c').messages({ from: 3 }), 4);
    socket.say(entryOf(6));
    await env.advance(0);
    expect(last(asksOf(socket))).toMatchObject({ from: 3, limit: 3 });
    socket.say(pageFor(last(asksOf(socket)), 5, [3, 4, 5]));
    expect(await taken).toEqual([3, 4, 5, 6]);
  });

  it('begin with what came while nobody listened', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    socket.say(entryOf(1), entryOf(2));
    await env.advance(50);
    const taken = take(client.messages(), 2);
    socket.say(pageFor(last(asksOf(socket)), 2, [1, 2]));
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
    expect(acksOf(socket)).toEqual(['c3']);
    const taken = take(client.chat('c').messages(), 2);
    socket.say(pageFor(last(asksOf(socket)), 3, [2, 3]));
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
    expect(acksOf(socket)).toEqual(['c2']);
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
    socket.say(pageFor(last(asksOf(socket)), 2, [1, 2]));
    expect(all).toEqual([1, 2]);
    expect(socket.closedWith).toBe(1000);
  });
});
