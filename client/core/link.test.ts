import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, OP } from '../../protocol/index.ts';
import { manualEnv } from '../testing/manual-env.ts';
import { entryOf, errorOf, scriptedClient, URL_OF_TEST } from '../testing/scripted-client.ts';
import type { ClientState } from './link-state.ts';
import { memoryStore } from './store.ts';
import type { TokenRequest } from './token.ts';

const lazy = () => manualEnv({ random: () => 0.5 });

describe('sign-in', () => {
  it('says who it is and what it has, with the subprotocol', async () => {
    const store = memoryStore();
    store.save([
      { is: 'owner', user: 'me', device: 'd1' },
      { is: 'sync', sync: 's0' },
      { is: 'known', chat: 'old', seq: 3 },
      { is: 'known', chat: 'new', seq: 5 },
    ]);
    const { signIn } = scriptedClient({ store, agent: 'test/1' });
    const socket = await signIn();
    expect(socket.protocols).toEqual(['parley.v1']);
    expect(socket.sent[0]).toEqual({
      op: OP.HELLO,
      version: 1,
      token: 'token',
      device: 'd1',
      agent: 'test/1',
      sync: 's0',
      known: [
        { chat: 'new', seq: 5 },
        { chat: 'old', seq: 3 },
      ],
    });
  });

  it('names as many chats as fit a frame, the most recent ones', async () => {
    const store = memoryStore();
    for (let i = 0; i < 1_500; i++)
      store.save([{ is: 'known', chat: `${'x'.repeat(60)}${i}`, seq: Number.MAX_SAFE_INTEGER }]);
    const { signIn } = scriptedClient({ store, getToken: () => 't'.repeat(8_192) });
    const socket = await signIn();
    const known = socket.of(OP.HELLO)[0]?.known ?? [];
    expect(known.length).toBeGreaterThan(700);
    expect(known[0]?.chat.endsWith('x1499')).toBe(true);
  });

  it('gives up an attempt that has no WELCOME in time', async () => {
    const { client, env, transport } = scriptedClient();
    await env.advance(0);
    transport.socket.open();
    await env.advance(15_000);
    expect(client.state).toMatchObject({ is: 'reconnecting', reason: 'no WELCOME in time' });
    expect(transport.socket.closedWith).not.toBeNull();
  });

  it('takes over the sync position only once everything before it was shown', async () => {
    const { env, signIn, client } = scriptedClient();
    client.on('message', () => undefined);
    const socket = await signIn({ sync: 's1', resumed: false });
    socket.say({ op: OP.GAP, chat: 'c', from: 1, to: 1 }, { op: OP.CAUGHT_UP, sync: 's1' });
    socket.end();
    await env.advance(500);
    const next = await signIn({ sync: 's2' });
    expect(next.of(OP.HELLO)[0]?.sync).toBeNull();
    next.say(entryOf(1), { op: OP.CAUGHT_UP, sync: 's2' });
    next.end();
    await env.advance(2_000);
    expect((await signIn()).of(OP.HELLO)[0]?.sync).toBe('s2');
  });

  it('tells whether it was resumed, and the gaps if not, once the backlog is through', async () => {
    const { client, signIn } = scriptedClient({ gaps: 'skip' });
    const told: unknown[] = [];
    client.on('resumed', (event) => told.push(event));
    const socket = await signIn({ resumed: false });
    socket.say({ op: OP.GAP, chat: 'c', from: 1, to: 9 });
    expect(told).toEqual([]);
    socket.say({ op: OP.CAUGHT_UP, sync: 's1' });
    expect(told).toEqual([{ resumed: false, gaps: [{ chat: 'c', from: 1, to: 9, action: 'skip' }] }]);
  });
});

describe('a lost connection', () => {
  it('comes back within half a second, then slower and slower, up to 20 s', async () => {
    const { client, env, transport } = scriptedClient({ env: lazy() });
    const waits: number[] = [];
    client.on('state', (state) => {
      if (state.is === 'reconnecting') waits.push(state.inMs);
    });
    await env.advance(0);
    for (let i = 0; i < 9; i++) {
      transport.socket.end();
      await env.advance(waits.at(-1) ?? 0);
      expect(transport.sockets).toHaveLength(i + 2);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
  });

  it('shows each step as one union', async () => {
    const { client, env, signIn } = scriptedClient();
    const states: ClientState['is'][] = [client.state.is];
    client.on('state', (state) => states.push(state.is));
    const socket = await signIn();
    socket.end();
    await env.advance(500);
    await signIn();
    void client.close();
    expect(states).toEqual(['connecting', 'connecting', 'online', 'reconnecting', 'connecting', 'online', 'stopped']);
  });

  it('stops for good when the close code says so, until woken', async () => {
    const { client, env, signIn, transport } = scriptedClient();
    const socket = await signIn();
    socket.end(CLOSE_CODES.displaced.code);
    await env.advance(100_000);
    expect(client.state).toEqual({ is: 'stopped', reason: 'displaced', code: 4102 });
    expect(transport.sockets).toHaveLength(1);
    client.wake();
    await signIn();
    expect(client.state.is).toBe('online');
  });

  it('is made at the path of the protocol, unless a path is given', async () => {
    const getUrl = () => 'wss://chat.example';
    const { env, transport } = scriptedClient({ getUrl });
    await env.advance(0);
    expect(transport.socket.url).toBe('wss://chat.example/v1/connect');
  });

  it('goes elsewhere when told: getUrl says where', async () => {
    const reasons: string[] = [];
    const getUrl = ({ reason }: { readonly reason: string }) => {
      reasons.push(reason);
      return `ws://n${reasons.length}/x`;
    };
    const { env, signIn } = scriptedClient({ getUrl });
    const socket = await signIn();
    expect(socket.url).toBe('ws://n1/x');
    socket.end(CLOSE_CODES.goingAway.code);
    await env.advance(500);
    const again = await signIn();
    expect(again.url).toBe('ws://n1/x');
    again.end(CLOSE_CODES.elsewhere.code);
    await env.advance(2_000);
    expect((await signIn()).url).toBe('ws://n2/x');
    expect(reasons).toEqual(['connect', 'elsewhere']);
  });

  it('obeys GO_AWAY: not before the delay, and there', async () => {
    const { env, signIn, transport } = scriptedClient();
    const socket = await signIn();
    socket.say({ op: OP.GO_AWAY, delayMs: 3_000, url: 'ws://other/x' });
    socket.end(CLOSE_CODES.goingAway.code);
    await env.advance(2_999);
    expect(transport.sockets).toHaveLength(1);
    await env.advance(501);
    expect(transport.socket.url).toBe('ws://other/x');
  });

  it('leaves a node that goes away but does not close', async () => {
    const { env, signIn, transport } = scriptedClient();
    const socket = await signIn();
    socket.say({ op: OP.GO_AWAY, delayMs: 100, url: null });
    await env.advance(5_500);
    expect(socket.closedWith).toBe(1000);
    expect(transport.sockets).toHaveLength(2);
  });

  it('goes back to the first URL when the one it was sent to does not answer', async () => {
    const { env, signIn, transport } = scriptedClient();
    const socket = await signIn();
    socket.say({ op: OP.GO_AWAY, delayMs: 0, url: 'ws://dead/x' });
    socket.end(CLOSE_CODES.goingAway.code);
    await env.advance(500);
    expect(transport.socket.url).toBe('ws://dead/x');
    transport.socket.end();
    await env.advance(2_000);
    expect(transport.socket.url).toBe(URL_OF_TEST);
  });

  it('waits as long as an ERROR before the close asks', async () => {
    const { env, transport } = scriptedClient();
    await env.advance(0);
    transport.socket.open();
    transport.socket.say(errorOf({ code: 'overloaded', retry: true, afterMs: 7_000 }));
    transport.socket.end(CLOSE_CODES.overloaded.code);
    await env.advance(6_999);
    expect(transport.sockets).toHaveLength(1);
    await env.advance(502);
    expect(transport.sockets).toHaveLength(2);
  });

  it('comes back at once when woken, but not before the server wants it', async () => {
    const { client, env, signIn, transport } = scriptedClient({ env: lazy() });
    (await signIn()).end();
    client.wake();
    await env.advance(0);
    expect(transport.sockets).toHaveLength(2);
    const socket = await signIn();
    socket.say({ op: OP.GO_AWAY, delayMs: 3_000, url: null });
    socket.end(CLOSE_CODES.goingAway.code);
    client.wake();
    await env.advance(100);
    expect(transport.sockets).toHaveLength(2);
  });

  it('is over: what its socket still says or does harms nothing', async () => {
    const { client, env, signIn } = scriptedClient();
    const first = await signIn();
    await env.advance(30_000); // silent: dropped
    await env.advance(500);
    const second = await signIn();
    const all: number[] = [];
    client.on('message', ({ seq }) => all.push(seq));
    first.say(entryOf(1));
    first.end(CLOSE_CODES.revoked.code);
    second.say(entryOf(1));
    expect(client.state.is).toBe('online');
    expect(all).toEqual([1]);
    expect(second.closedWith).toBeNull();
  });

  it('survives bytes that are no frame: closes, and comes back', async () => {
    const { client, env, signIn, transport } = scriptedClient();
    const socket = await signIn();
    socket.sayBytes(new Uint8Array([0xc1, 1, 2]));
    expect(client.state.is).toBe('reconnecting');
    expect(socket.closedWith).toBe(CLOSE_CODES.badFrame.code);
    await env.advance(500);
    expect(transport.sockets).toHaveLength(2);
  });
});

describe('the heartbeat', () => {
  it('goes when nothing else was sent for an interval, and not otherwise', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    const beats = () => socket.of(OP.HEARTBEAT).length;
    await env.advance(9_999);
    expect(beats()).toBe(0);
    await env.advance(1);
    expect(beats()).toBe(1);
    socket.say({ op: OP.HEARTBEAT, n: 0 });
    await env.advance(9_000);
    client.chat('c').typing(true);
    socket.say({ op: OP.TYPING_STATE, chat: 'c', user: 'bob', on: true });
    await env.advance(9_999);
    expect(beats()).toBe(1);
    await env.advance(1);
    expect(beats()).toBe(2);
  });

  it('without a sign of life for two intervals ends the connection', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    await env.advance(29_999);
    expect(client.state.is).toBe('online');
    await env.advance(1);
    expect(client.state).toMatchObject({ is: 'reconnecting', reason: 'silent' });
    expect(socket.closedWith).not.toBeNull();
  });

  it('takes any frame as a sign of life', async () => {
    const { client, env, signIn } = scriptedClient();
    const socket = await signIn();
    for (let i = 1; i <= 10; i++) {
      await env.advance(9_000);
      socket.say(entryOf(i));
    }
    expect(client.state.is).toBe('online');
  });

  it('notices a dead connection although the client sends', async () => {
    const { client, env, signIn } = scriptedClient();
    await signIn();
    for (let i = 0; i < 8; i++) {
      await env.advance(4_000);
      client.chat('c').typing(i % 2 === 0);
    }
    expect(client.state.is).not.toBe('online');
  });
});

describe('the token', () => {
  const asked: TokenRequest['reason'][] = [];
  const counted = () => {
    asked.length = 0;
    return ({ reason }: TokenRequest) => {
      asked.push(reason);
      return `t${asked.length}`;
    };
  };

  it('is replaced at 80 % of its life, again and again', async () => {
    const { env, signIn } = scriptedClient({ getToken: counted() });
    const time = env.wallNow();
    const socket = await signIn({ time, expires: time + 100_000, heartbeatMs: 600_000 });
    await env.advance(79_999);
    expect(socket.of(OP.TOKEN)).toEqual([]);
    await env.advance(1);
    expect(socket.of(OP.TOKEN)).toEqual([{ op: OP.TOKEN, ref: 0, token: 't2' }]);
    socket.say({ op: OP.OK, ref: 0, value: null });
    await env.advance(80_000);
    expect(asked).toEqual(['connect', 'refresh', 'refresh']);
  });

  it('that is a JWT says itself how long it lives', async () => {
    const env = manualEnv();
    const jwt = (lifeMs: number) => `h.${btoa(JSON.stringify({ exp: (env.wallNow() + lifeMs) / 1_000 }))}.s`;
    const { signIn } = scriptedClient({ env, getToken: ({ reason }) => jwt(reason === 'refresh' ? 10_000 : 100_000) });
    const time = env.wallNow();
    const socket = await signIn({ time, expires: time + 100_000, heartbeatMs: 600_000 });
    await env.advance(80_000);
    socket.say({ op: OP.OK, ref: 0, value: null });
    await env.advance(8_000);
    expect(socket.of(OP.TOKEN)).toHaveLength(2);
  });

  it('is asked for again with backoff when it cannot be had', async () => {
    let fails = 3;
    const getToken = async () => {
      if (fails-- > 0) throw new Error('no network');
      return 'token';
    };
    const { client, env, transport } = scriptedClient({ getToken });
    await env.advance(0);
    expect(client.state).toMatchObject({ is: 'reconnecting', reason: 'getToken: no network' });
    await env.advance(5_000);
    expect(transport.sockets).toHaveLength(1);
  });

  it('serves several connections while it is good', async () => {
    const { env, signIn } = scriptedClient({ getToken: counted() });
    const time = env.wallNow();
    const socket = await signIn({ time, expires: time + 100_000 });
    socket.end();
    await env.advance(500);
    const next = await signIn({ time, expires: time + 100_000 });
    expect(next.of(OP.HELLO)[0]?.token).toBe('t1');
    // Refused after all: a fresh one first, and only when that is refused too the client stops.
    next.end(CLOSE_CODES.unauthenticated.code);
    await env.advance(2_000);
    const { socket: last } = { socket: await signIn({ time, expires: time + 100_000 }) };
    expect(last.of(OP.HELLO)[0]?.token).toBe('t2');
    last.end(CLOSE_CODES.unauthenticated.code);
    expect(asked).toEqual(['connect', 'refused']);
  });

  it('is not waited for after close(): its signal fires', async () => {
    let signal: AbortSignal | null = null;
    const getToken = (request: TokenRequest) => {
      signal = request.signal;
      return new Promise<string>(() => undefined);
    };
    const { client, env } = scriptedClient({ getToken });
    await env.advance(0);
    void client.close();
    expect(signal).toMatchObject({ aborted: true });
    await env.advance(0);
    expect(env.waiting).toBe(0);
  });
});
