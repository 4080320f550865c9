// Every limit and every security control of this stage, broken on purpose over a real socket to a whole server. Where each stands:
//
//   frame 64 KiB, 64 fragments        here; byte by byte in gateway/limits.test.ts; each field in protocol/limits.test.ts
//   sign-in 5 s, 512 at once          here
//   headers 5 s                       gateway/handshake.test.ts (shortened)
//   TCP without an upgrade            gateway/handshake.test.ts
//   window 64, 256 KiB unacked        here
//   slow reader 256 KiB, 1 MiB        gateway/limits.test.ts
//   MessagePack depth, items, ext     here; protocol/msgpack.test.ts, protocol/fuzz.test.ts
//   sockets a user (10 devices of     here; displacement in test/actors/people.test.ts
//     one socket each), a source      here; behind a proxy, IPv6 in gateway/handshake.test.ts, gateway/admission.test.ts
//   silence 30 s                      test/sim
//   cross-site hijack (Origin)        here; gateway/handshake.test.ts
//   JWT tricks                        gateway/auth.test.ts; claims and expiry here
//   token in a URL                    never read: gateway/http.ts; logs in app/logging.test.ts
//   revocation, expiry                here
//   groups, watch lists               floods.test.ts
//   rights                            actors/rights.test.ts; over sockets test/system/fuzz.test.ts
//   floods                            floods.test.ts; arithmetic in actors/rates.test.ts
//   overload levels                   test/actors/overload.test.ts, gateway/handshake.test.ts, gateway/pressure.test.ts
//   development shortcuts             app/auth.test.ts
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../app/config.ts';
import { issueToken } from '../../gateway/index.ts';
import { type ClientFrame, encodeFrame, LIMITS, OP } from '../../protocol/index.ts';
import { until } from '../chaos/person.ts';
import { SECRET } from './local-server.ts';
import { rawBench } from './raw-bench.ts';

const { start, server, raw, signedIn } = rawBench();
const token = (user: string, more: { ttlSeconds?: number; device?: string } = {}): Promise<string> =>
  issueToken({ secret: SECRET, user, ttlSeconds: 3_600, wallNow: Date.now(), ...more });
const packr = new Packr({ useRecords: false });
const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n * 1_000));
const strings = (count: number): string[] => Array.from({ length: count }, (_, n) => `u${n}`);

describe('a frame over a limit closes its connection, and says why', () => {
  const message = (bytes: number): unknown[] => [
    OP.SEND_MESSAGE,
    'c',
    'm',
    0,
    new Uint8Array(bytes),
    null,
    null,
    false,
  ];
  const nested = (depth: number): Uint8Array => Uint8Array.of(...new Array<number>(depth).fill(0x91), 0xc0);
  const cases: [string, () => Uint8Array, string][] = [
    ['64 KiB and a byte', () => new Uint8Array(LIMITS.frameBytesMax + 1), 'too_large'],
    ['a body of 60 KiB and a byte', () => packr.pack(message(LIMITS.bodyBytesMax + 1)), 'too_large'],
    ['arrays 17 deep', () => Uint8Array.of(0x92, OP.HEARTBEAT, ...nested(LIMITS.msgpackDepthMax + 1)), 'bad_frame'],
    ['4,097 items', () => packr.pack([OP.HEARTBEAT, new Array(LIMITS.msgpackItemsMax + 1).fill(0)]), 'bad_frame'],
    ['an extension type', () => Uint8Array.of(0x92, OP.HEARTBEAT, 0xd4, 0x01, 0x00), 'bad_frame'],
    ['a claim of 4 GiB', () => Uint8Array.of(0x92, OP.HEARTBEAT, 0xdb, 0xff, 0xff, 0xff, 0xff), 'bad_frame'],
    [
      '65 acks',
      () => packr.pack([OP.MESSAGE_ACK, strings(LIMITS.acksPerFrameMax + 1).map((c) => [c, 1])]),
      'too_large',
    ],
    [
      '257 watched users',
      () => packr.pack([OP.WATCH_PRESENCE, strings(LIMITS.watchedUsersMax + 1), true]),
      'too_large',
    ],
    [
      '257 members at once',
      () => packr.pack([OP.CREATE_CHAT, 1, 1, 'g', strings(LIMITS.membersPerChangeMax + 1), 't']),
      'too_large',
    ],
    [
      'a title of 129',
      () => packr.pack([OP.CREATE_CHAT, 1, 1, 'g', [], 'x'.repeat(LIMITS.titleCharsMax + 1)]),
      'too_large',
    ],
    ['a page of 101', () => packr.pack([OP.HISTORY, 1, 'c', 0, LIMITS.historyEntriesMax + 1, true]), 'bad_frame'],
    ['a frame of servers', () => encodeFrame({ op: OP.OK, ref: 1, value: null }), 'bad_frame'],
    ['HELLO twice', () => packr.pack([OP.HELLO, 1, 'x', 'd1', 'a', null, []]), 'bad_frame'],
  ];
  it.each(cases)('%s', async (_, bytes, code) => {
    await start();
    const bob = await signedIn('bob');
    bob.socket.send(bytes());
    expect(await bob.closed()).toBe(4100);
    expect(bob.lastError).toBe(code);
  });

  it('1,001 known chats, at the door', async () => {
    await start();
    const bob = await raw().open();
    const known = strings(LIMITS.knownChatsMax + 1).map((chat) => [chat, 1]);
    bob.socket.send(packr.pack([OP.HELLO, 1, await server().token('bob'), 'd1', 'a', null, known]));
    expect(await bob.closed()).toBe(4100);
    expect(bob.lastError).toBe('too_large');
  });

  it('65 fragments; 64 are fine, and so is a largest body', async () => {
    await start();
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    const chat = await ann.direct('bob');
    const body = new Uint8Array(LIMITS.bodyBytesMax).fill(7);
    const frame = encodeFrame({
      op: OP.SEND_MESSAGE,
      chat,
      id: 'm',
      type: 0,
      body,
      about: null,
      after: null,
      retry: false,
    });
    const inParts = (count: number): void => {
      const share = Math.ceil(frame.length / count);
      for (let n = 0; n < count; n++)
        ann.socket.send(frame.subarray(n * share, (n + 1) * share), { binary: true, fin: n === count - 1 });
    };
    inParts(LIMITS.frameFragmentsMax);
    expect((await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'm')).body).toEqual(body);
    inParts(LIMITS.frameFragmentsMax + 1);
    expect(await ann.closed()).toBe(4100);
  });
});

describe('the door', () => {
  it('waits 5 s for a sign-in, whatever else is said', async () => {
    await start();
    const from = Date.now();
    const silent = await raw().open();
    const pinging = await raw().open();
    const pings = setInterval(() => pinging.socket.ping(), 200);
    expect([await silent.closed(), await pinging.closed()]).toEqual([4005, 4005]);
    clearInterval(pings);
    expect(silent.closedAt - from).toBeGreaterThan(LIMITS.signInMs - 200);
    expect(silent.closedAt - from).toBeLessThan(LIMITS.signInMs + 2_000);
  });

  it('has room for 512 sign-ins at once, and each one done makes room', async () => {
    expect(configSchema.parse({}).gateway.signInsAtOnceMax).toBe(512);
    await start();
    const fill = async (): Promise<{ all: ReturnType<typeof raw>[]; tookMs: number }> => {
      const begin = performance.now();
      const all = Array.from({ length: LIMITS.signInsAtOnceMax }, () => raw());
      await Promise.all(all.map((client) => client.open()));
      return { all, tookMs: performance.now() - begin };
    };
    let { all, tookMs } = await fill();
    // The first has five seconds: where the machine stood still for most of them, it is done once more, with none of those before.
    if (tookMs > LIMITS.signInMs - 2_000) {
      await Promise.all(all.map((client) => client.closed()));
      ({ all, tookMs } = await fill());
    }
    const late = raw();
    expect(await late.refused()).toBe(503);
    expect(Number(late.retryAfter)).toBeGreaterThanOrEqual(1);
    await all[0]?.signIn(await server().token('bob'));
    await raw().open();
  });

  it('lets ten sockets of one source in, and an eleventh of another', async () => {
    expect(configSchema.parse({}).gateway.connectionsPerSourceMax).toBe(10);
    await start({ 'gateway.connectionsPerSourceMax': LIMITS.socketsPerSourceMax });
    for (let n = 0; n < 10; n++) await raw().open();
    expect(await raw().refused()).toBe(429);
    await raw({ address: '127.0.0.2' }).open();
  });

  it('lets ten devices of a user in: one socket each, so ten sockets', async () => {
    await start();
    for (let n = 0; n < LIMITS.devicesPerUserMax; n++) await signedIn('bob', `d${n}`);
    const eleventh = await raw().open();
    eleventh.hello(await server().token('bob'), { device: 'd10' });
    expect(await eleventh.closed()).toBe(4104);
    expect(eleventh.lastError).toBe('too_many_devices');
  });

  it('is closed to pages of other origins', async () => {
    await start({ 'gateway.origins': ['https://chat.example'] });
    for (const origin of ['https://evil.example', 'https://chat.example.evil', 'http://chat.example', 'null'])
      expect(await raw({ origin }).refused()).toBe(403);
    await raw({ origin: 'https://chat.example' }).open();
  });

  const first: [string, (t: string) => ClientFrame, number, string][] = [
    ['a heartbeat first', () => ({ op: OP.HEARTBEAT, n: 1 }), 4100, 'unauthenticated'],
    ['a request first', () => ({ op: OP.LIST_DEVICES, ref: 1 }), 4100, 'unauthenticated'],
    ['version 0', (t) => hello(t, { version: 0 }), 4105, 'unsupported_version'],
    ['a token that is none', () => hello('x.y.z'), 4101, 'unauthenticated'],
    ['no token', () => hello(''), 4101, 'unauthenticated'],
  ];
  const hello = (t: string, more: { version?: number } = {}): ClientFrame => ({
    op: OP.HELLO,
    version: 1,
    token: t,
    device: 'd1',
    agent: '',
    sync: null,
    known: [],
    ...more,
  });
  it.each(first)('is closed to %s', async (_, make, code, error) => {
    await start();
    const bob = await raw().open();
    bob.send(make(await server().token('bob')));
    expect(await bob.closed()).toBe(code);
    expect(bob.lastError).toBe(error);
  });

  it('is closed to frames right behind a HELLO that is not welcomed yet', async () => {
    await start();
    const bob = await raw().open();
    bob.hello(await server().token('bob'));
    bob.send({ op: OP.LIST_DEVICES, ref: 1 });
    expect(await bob.closed()).toBe(4100);
  });
});

describe('a token', () => {
  it('of another device, or expired, does not open the door', async () => {
    await start();
    const other = await raw().open();
    other.hello(await token('bob', { device: 'phone' }), { device: 'web' });
    expect(await other.closed()).toBe(4101);
    await raw().signIn(await token('bob', { device: 'phone' }), { device: 'phone' });
    const late = await raw().open();
    late.hello(await token('bob', { ttlSeconds: -10 }));
    expect(await late.closed()).toBe(4006);
  });

  it('that expires closes its socket at once; a fresh one before that keeps it', async () => {
    await start();
    const until = Date.now() + 5_000;
    const short = (user: string): Promise<string> => token(user, { ttlSeconds: 5 });
    const left = await raw().signIn(await short('ann'));
    const kept = await raw().signIn(await short('bob'));
    expect(await kept.ask(fresh(await token('ann')))).toMatchObject({ op: OP.ERROR, code: 'unauthenticated' });
    expect(await kept.ask(fresh(await token('bob', { ttlSeconds: -10 })))).toMatchObject({
      op: OP.ERROR,
      code: 'token_expired',
    });
    expect(await kept.ask(fresh(await token('bob')))).toMatchObject({ op: OP.OK });
    expect(await left.closed()).toBe(4006);
    expect(left.closedAt).toBeLessThan(until + 2_000);
    await seconds(1.5);
    expect(kept.closedWith).toBe(null);
  });
  const fresh =
    (t: string) =>
    (ref: number): ClientFrame => ({ op: OP.TOKEN, ref, token: t });

  it('of a device that is removed is worth nothing to its live socket, at once', async () => {
    await start();
    const [web, phone] = [await signedIn('bob', 'web'), await signedIn('bob', 'phone')];
    const from = Date.now();
    expect(await web.ask((ref) => ({ op: OP.REMOVE_DEVICE, ref, device: 'phone' }))).toMatchObject({ op: OP.OK });
    expect(await phone.closed()).toBe(4103);
    expect(phone.closedAt - from).toBeLessThan(2_000);
  });
});

describe('what a device does not ack', () => {
  it('is 64 messages at the most; the rest comes as it acks', async () => {
    await start();
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    const chat = await ann.direct('bob');
    for (let n = 0; n < 100; n++) ann.text(chat, `m${n}`);
    await ann.outcome('m99');
    await until('a full window', () => bob.of('RECEIVE_MESSAGE').length === LIMITS.windowMessages, 10_000);
    await seconds(1.5);
    expect(bob.of('RECEIVE_MESSAGE')).toHaveLength(LIMITS.windowMessages);
    for (let acked = 0; acked < 101; ) {
      await until('more', () => (bob.of('RECEIVE_MESSAGE').at(-1)?.seq ?? 0) > acked, 10_000);
      acked = bob.of('RECEIVE_MESSAGE').at(-1)?.seq ?? 0;
      bob.send({ op: OP.MESSAGE_ACK, acks: [{ chat, seq: acked }] });
    }
    expect(bob.of('RECEIVE_MESSAGE').map((f) => f.seq)).toEqual(Array.from({ length: 101 }, (_, n) => n + 1));
  });

  it('is 256 KiB at the most, and one message', async () => {
    await start();
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    const chat = await ann.direct('bob');
    for (let n = 0; n < 20; n++) ann.text(chat, `m${n}`, 60_000);
    await ann.outcome('m19');
    const bytes = () => bob.of('RECEIVE_MESSAGE').reduce((sum, f) => sum + f.body.length, 0);
    await until('as many bytes as it may hold', () => bytes() > LIMITS.bufferedStopBytes - 60_000, 10_000);
    await seconds(1.5);
    expect(bytes()).toBeLessThanOrEqual(LIMITS.bufferedStopBytes + 60_000);
  });
});
