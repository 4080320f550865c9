import { describe, expect, test } from 'vitest';
import { type ClientFrame, decodeServerFrame, OP, type ServerFrame } from '../protocol/index.ts';
import { CONTINUE, createKernel, type Kind, type Router, startService } from '../runtime/index.ts';
import { TestEnv } from '../runtime/testing/test-env.ts';
import { connectionKind } from './connection.ts';
import { ANSWER_MS } from './connection-pending.ts';
import type { ActorDeps } from './deps.ts';
import { DEFAULT_RATES, RateLimiter } from './rates.ts';
import { verifierService } from './verifier.ts';

/** A signed-in connection whose session can be out of reach, and whose chats are on other nodes that take all and answer nothing. */
async function setup({ sessionThere = true } = {}) {
  const env = new TestEnv();
  const world = { sessionThere, attaches: 0, owner: 'b#1' };
  const router: Router = {
    route(kind, _key, mail) {
      if (kind === 'chat') return null;
      if (kind === 'session' && (mail as { t?: string }).t === 'attach') world.attaches++;
      return kind !== 'session' || world.sessionThere ? 'local' : 'noconnection';
    },
  };
  const kernel = createKernel({ env, node: 'a', router });
  const answering = (name: string, answers: (mail: { t: string }) => object[]): Kind<null, { t: string }> => ({
    name,
    mailboxMailsMax: 64,
    restart: 'temporary',
    activate: 'mail',
    init: () => null,
    receive(ctx, _state, mail) {
      for (const answer of answers(mail)) {
        if (ctx.sender !== null) ctx.send(ctx.sender, answer);
      }
      return CONTINUE;
    },
  });
  kernel.register(
    answering('session', (mail) =>
      mail.t === 'attach'
        ? [
            { t: 'attached', sync: 's', resumed: true },
            { t: 'caughtUp', gaps: 0, sync: 's' },
          ]
        : [],
    ),
  );
  const identity = { user: 'ann', expires: null, device: null };
  const verifier = startService(kernel, verifierService({ verify: async () => identity }));
  kernel.register(
    connectionKind({
      node: 'a',
      rates: new RateLimiter(DEFAULT_RATES),
      pressure: { level: 0 },
      counters: { count: () => {} },
      verifierService: verifier.ref,
      presence: null,
      elsewhere: null,
      ownerOf: () => world.owner,
    } as unknown as ActorDeps),
  );
  const frames: ServerFrame[] = [];
  const closes: string[] = [];
  const sink = {
    write: (bytes: Uint8Array) => void frames.push(decodeServerFrame(bytes)),
    close: (why: string) => void closes.push(why),
    bufferedBytes: 0,
    source: '127.0.0.1',
  };
  const connection = kernel.spawn('connection', '1', sink);
  const say = (frame: ClientFrame): void => {
    kernel.send(connection, frame);
    env.run();
  };
  env.run();
  await verifier.ready;
  say({ op: OP.HELLO, version: 1, token: 't', device: 'd', agent: 'test', sync: null, known: [] });
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    env.run();
  }
  expect(frames.map(({ op }) => op)).toEqual(sessionThere ? [OP.WELCOME, OP.CAUGHT_UP] : []);
  return { env, kernel, connection, frames, closes, world, say };
}

describe('a connection', () => {
  test('that signs in while its session is on its way waits for it, and is served as soon as it is there', async () => {
    const { env, frames, closes, world } = await setup({ sessionThere: false });
    env.advance(8_000);
    expect([frames, closes]).toEqual([[], []]);
    expect(world.attaches).toBeGreaterThan(20);
    world.sessionThere = true;
    env.advance(400);
    expect(frames.map(({ op }) => op)).toEqual([OP.WELCOME, OP.CAUGHT_UP]);
  });

  test('whose session does not come in nine seconds is told to come again', async () => {
    const { env, frames, closes } = await setup({ sessionThere: false });
    env.advance(9_100);
    expect(frames).toMatchObject([{ op: OP.ERROR, code: 'unavailable', retry: true }]);
    expect(closes).toEqual(['overloaded']);
  });

  test('that cannot reach its session asks about once a second, however long, and finds it again', async () => {
    const { env, kernel, world } = await setup();
    world.sessionThere = false;
    world.attaches = 0;
    for (const session of kernel.cells('session')) kernel.stop(session, 'killed');
    env.run();
    env.advance(25_000);
    expect(world.attaches).toBeGreaterThan(10);
    expect(world.attaches).toBeLessThan(60);
    world.sessionThere = true;
    env.advance(3_000);
    const asked = world.attaches;
    env.advance(2_000);
    expect(world.attaches).toBe(asked);
    expect([...kernel.cells('session')]).toHaveLength(1);
  });

  test('answers at once for what a dead node had taken, and for nothing else', async () => {
    const { env, kernel, connection, frames, world, say } = await setup();
    const send = (id: string, owner: string): void => {
      world.owner = owner;
      const body = new Uint8Array(1);
      say({ op: OP.SEND_MESSAGE, chat: 'd.x', id, type: 0, body, about: null, after: null, retry: false });
    };
    send('first', 'b#1');
    send('second', 'c#1');
    kernel.send(connection, { t: 'nodeDown', node: 'b#1' });
    env.run();
    const refused = frames.filter((frame) => frame.op === OP.ERROR);
    expect(refused).toMatchObject([{ id: 'first', code: 'unavailable', retry: true }]);
  });

  test('answers a request too that nobody answers: at once when the node is out of reach, else after eleven seconds', async () => {
    const { env, kernel, connection, frames, world, say } = await setup();
    const refused = () => frames.flatMap((frame) => (frame.op === OP.ERROR ? [[frame.ref, frame.code]] : []));
    world.owner = 'b#1';
    say({ op: OP.CHAT_INFO, ref: 7, chat: 'd.x', after: null });
    world.owner = 'c#1';
    say({ op: OP.CHAT_INFO, ref: 8, chat: 'd.y', after: null });
    say({ op: OP.LIST_CHATS, ref: 9, after: null, limit: 10 });
    kernel.send(connection, { t: 'nodeDown', node: 'b#1' });
    env.run();
    expect(refused()).toEqual([[7, 'unavailable']]);
    env.advance(ANSWER_MS);
    expect(refused().slice(1)).toEqual([
      [8, 'unavailable'],
      [9, 'unavailable'],
    ]);
  });
});
