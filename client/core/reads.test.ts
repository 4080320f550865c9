import { describe, expect, it } from 'vitest';
import { OP } from '../../protocol/index.ts';
import { manualEnv } from '../testing/manual-env.ts';
import { live, scriptedClient } from '../testing/scripted-client.ts';
import type { ScriptedSocket } from '../testing/scripted-transport.ts';
import { READS_MAX, Reads } from './reads.ts';
import { changesOf, memoryStore, type StoreChange } from './store.ts';

const readsOf = (socket: ScriptedSocket) => socket.of(OP.READ).map(({ chat, seq }) => `${chat}${seq}`);
const receipt = (seq: number, user = 'me', chat = 'c') =>
  ({ op: OP.RECEIPT, chat, user, delivered: seq, read: seq }) as const;
describe('what was read', () => {
  it('is said at its highest number, and no more once the server has stored it', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    client.chat('c').read(3);
    client.chat('c').read(2);
    await env.advance(50);
    expect(readsOf(socket)).toEqual(['c3']);
    socket.say(receipt(3));
    await live(env, socket, 3_600_000);
    client.chat('c').read(3);
    await env.advance(100);
    expect(readsOf(socket)).toEqual(['c3']);
  });

  it('is said again after 5 s, then after twice as long each time up to 5 min, while no RECEIPT says that it is stored', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    client.chat('c').read(3);
    await env.advance(50);
    const gaps: number[] = [];
    let since = 0;
    for (let count = 1; gaps.length < 9; since += 1_000) {
      await live(env, socket, 1_000);
      // Of another user, of another chat, or of an earlier read: none of these is the answer.
      if (since === 2_000 && count === 1) socket.say(receipt(3, 'bob'), receipt(3, 'me', 'other'), receipt(2));
      if (readsOf(socket).length === count) continue;
      count++;
      gaps.push((since + 1_000) / 1_000);
      since = -1_000;
    }
    expect(gaps).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
    socket.say(receipt(4));
    await live(env, socket, 700_000);
    expect(readsOf(socket)).toHaveLength(10);
  });

  it('is said again at each sign-in, until it is stored', async () => {
    const { client, env, transport, signIn } = scriptedClient();
    client.chat('c').read(3);
    for (let i = 0; i < 3; i++) {
      const socket = await signIn();
      await env.advance(50);
      expect(readsOf(socket)).toEqual(['c3']);
      if (i === 2) socket.say(receipt(3));
      socket.end();
      await env.advance(4_000);
      expect(transport.sockets).toHaveLength(i + 2);
    }
    const last = await signIn();
    await live(env, last, 20_000);
    expect(readsOf(last)).toEqual([]);
  });

  it('while offline survives a restart of the client, until it is stored', async () => {
    const store = memoryStore();
    const first = scriptedClient({ store });
    await first.env.advance(0);
    first.client.chat('c').read(3);
    first.client.chat('b').read(1);
    first.client.chat('c').read(4);
    await first.client.close();
    const second = scriptedClient({ store });
    const socket = await second.signIn();
    await second.env.advance(50);
    expect(readsOf(socket)).toEqual(['b1', 'c4']);
    socket.say(receipt(4));
    await second.client.close();
    const third = scriptedClient({ store });
    const last = await third.signIn();
    await third.env.advance(50);
    expect(readsOf(last)).toEqual(['b1']);
  });

  it('beyond the end of its chat is given up when the server has said three times that it is not so long', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    client.chat('c').read(Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < 40; i++) {
      await live(env, socket, 1_000);
      socket.say(receipt(5));
    }
    await live(env, socket, 3_600_000);
    expect(readsOf(socket)).toHaveLength(3);
  });

  it('is kept of so many chats at the most, the latest', () => {
    const saved: StoreChange[] = [];
    const reads = new Reads({ env: manualEnv(), save: (change) => saved.push(change), due: () => undefined });
    for (let i = 0; i < READS_MAX + 5; i++) reads.mark(`c${i}`, 1);
    const due = reads.take();
    expect(due).toHaveLength(READS_MAX);
    expect(due[0]?.chat).toBe('c5');
    const store = memoryStore();
    store.save(saved);
    expect(changesOf(store.load() as Awaited<ReturnType<typeof store.load>>)).toHaveLength(READS_MAX + 1);
  });
});
