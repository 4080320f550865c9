import { describe, expect, it } from 'vitest';
import { directChatId, OP } from '../../protocol/index.ts';
import { errorOf, scriptedClient } from '../testing/scripted-client.ts';
import type { ScriptedSocket } from '../testing/scripted-transport.ts';

const ok = (socket: ScriptedSocket, value: string | null = null) => {
  const ref = socket.sent.flatMap((frame) => ('ref' in frame ? [frame.ref] : [])).at(-1) ?? -1;
  socket.say({ op: OP.OK, ref, value });
};

describe('requests', () => {
  it('wait for the connection, and go again on the next one with the same ref', async () => {
    const { client, env, signIn } = scriptedClient();
    const done = client.block('bob');
    const socket = await signIn();
    expect(socket.of(OP.BLOCK)).toMatchObject([{ user: 'bob', on: true }]);
    socket.end();
    await env.advance(500);
    const next = await signIn();
    expect(next.of(OP.BLOCK)).toEqual(socket.of(OP.BLOCK));
    ok(next);
    await done;
  });

  it('go again after a refusal that may pass, no sooner than told', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const done = client.setPrivacy('contacts');
    socket.say(errorOf({ ref: 1, code: 'overloaded', retry: true, afterMs: 2_000 }));
    await env.advance(1_999);
    expect(socket.of(OP.SET_PRIVACY)).toHaveLength(1);
    await env.advance(1);
    expect(socket.of(OP.SET_PRIVACY)).toEqual([
      { op: OP.SET_PRIVACY, ref: 1, presence: 1 },
      { op: OP.SET_PRIVACY, ref: 1, presence: 1 },
    ]);
    ok(socket);
    await done;
  });

  it('fail with a typed error when refused for good', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const done = client.chat('c').rename('x');
    socket.say(errorOf({ ref: 1, code: 'forbidden', retry: false, about: 'members may not' }));
    await expect(done).rejects.toMatchObject({ code: 'forbidden', retryable: false });
  });

  it('fail after 30 s, by their signal, and when they break a limit of the wire', async () => {
    const { client, env } = scriptedClient();
    const late = expect(client.devices()).rejects.toMatchObject({ code: 'timeout' });
    const abort = new AbortController();
    const aborted = expect(client.devices({ signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    const wrong = expect(client.block('no spaces')).rejects.toMatchObject({ code: 'bad_argument' });
    abort.abort();
    await env.advance(30_000);
    await Promise.all([late, aborted, wrong]);
  });

  it('fail when the client is closed, and when the server sends it away', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const stopped = expect(client.devices()).rejects.toMatchObject({ code: 'stopped' });
    socket.end(4102);
    await stopped;
  });

  it('ignore answers of another kind, and answers that come twice', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const devices = client.devices();
    ok(socket);
    const frame = { op: OP.DEVICES, ref: 1, devices: [{ device: 'd1', agent: 'a', seen: 1, online: true }] };
    socket.say(frame, frame);
    expect(await devices).toEqual(frame.devices);
  });
});

describe('chats', () => {
  it('with another user are found or made', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const made = client.direct('bob');
    expect(socket.of(OP.CREATE_CHAT)).toMatchObject([{ kind: 0, members: ['bob'], title: '' }]);
    const id = directChatId('me', 'bob');
    ok(socket, id);
    expect((await made).id).toBe(id);
  });

  it('of the user come page by page', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const chats = client.chats();
    const one = { kind: 0, title: '', peer: 'bob', head: 9, delivered: 5, read: 4, role: 0 };
    socket.say({ op: OP.CHATS, ref: 1, chats: [{ chat: 'a', ...one }], next: 'a' });
    await env.advance(0);
    expect(socket.of(OP.LIST_CHATS).at(-1)).toMatchObject({ after: 'a' });
    socket.say({ op: OP.CHATS, ref: 2, chats: [{ chat: 'b', ...one, kind: 1, role: 2 }], next: null });
    expect(await chats).toMatchObject([
      { chat: 'a', kind: 'direct', unread: 5, role: 'member' },
      { chat: 'b', kind: 'group', role: 'owner' },
    ]);
  });

  it('read their history from the newest back by default', async () => {
    const { client, signIn } = scriptedClient();
    const socket = await signIn();
    const closed = [client.chat('c').history(), client.chat('c').history({ from: 7, limit: 3 })].map((page) =>
      expect(page).rejects.toMatchObject({ code: 'closed' }),
    );
    expect(socket.of(OP.HISTORY)).toMatchObject([
      { from: 0, limit: 50, back: true },
      { from: 7, limit: 3, back: false },
    ]);
    await client.close();
    await Promise.all(closed);
  });
});

describe('presence and typing', () => {
  it('are watched again on each connection, and no longer than asked', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const stop = client.watchPresence(['bob', 'carol']);
    const other = client.watchPresence(['carol']);
    socket.end();
    await env.advance(500);
    const next = await signIn();
    expect(next.of(OP.WATCH_PRESENCE)).toMatchObject([{ users: ['bob', 'carol'], on: true }]);
    stop();
    other();
    expect(next.of(OP.WATCH_PRESENCE).slice(1)).toMatchObject([
      { users: ['bob'], on: false },
      { users: ['carol'], on: false },
    ]);
    expect(() => client.watchPresence(Array.from({ length: 257 }, (_, i) => `u${i}`))).toThrow('too_large');
  });

  it('typing is said every 3 s at most, and its end once', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const chat = client.chat('c');
    for (let i = 0; i < 8; i++) {
      chat.typing(true);
      await env.advance(500);
    }
    chat.typing(false);
    chat.typing(false);
    expect(socket.of(OP.TYPING).map(({ on }) => on)).toEqual([true, true, false]);
  });

  it('who types is forgotten after 6 s', async () => {
    const { client, env, signIn } = scriptedClient();
    const heard: boolean[] = [];
    client.on('typing', ({ on }) => heard.push(on));
    const socket = await signIn();
    const typing = { op: OP.TYPING_STATE, chat: 'c', user: 'bob', on: true };
    socket.say(typing);
    await env.advance(3_000);
    socket.say(typing);
    await env.advance(5_999);
    expect(heard).toEqual([true]);
    await env.advance(1);
    expect(heard).toEqual([true, false]);
  });
});
