import { afterEach, describe, expect, it } from 'vitest';
import { LEAVE_PATIENCE_MS } from '../../actors/connection-close.ts';
import { ANSWER_MS, PENDING_MAX } from '../../actors/connection-pending.ts';
import { decodeCursor } from '../../actors/rows.ts';
import { OP } from '../../protocol/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { faultPlan, type Store, StoreError, type Write, withFaults } from '../../storage/index.ts';
import { createMemoryDisk } from '../../storage/memory/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

let t: TestNode;
afterEach(async () => {
  await t.stop();
});

async function pair(): Promise<[TestDevice, TestDevice, string]> {
  const alice = t.device('alice');
  const bob = t.device('bob');
  await alice.signIn();
  await bob.signIn();
  return [alice, bob, await alice.direct('bob')];
}
const bodies = (d: TestDevice): string[] =>
  d
    .of('RECEIVE_MESSAGE')
    .filter((f) => f.type === 0)
    .map((f) => f.id);

describe('what was acked survives', () => {
  it('a restart of the node: members who had not settled get it from the new one', async () => {
    const disk = createMemoryDisk();
    t = await startTestNode({}, disk);
    const [alice, , chat] = await pair();
    alice.text(chat, 'm1');
    await alice.next('SENT');
    // Power off: no last word, nothing flushed but what was acked.
    disk.crash(() => 0);
    await t.stop();
    t = await startTestNode({}, disk);
    const bob = t.device('bob');
    await bob.signIn();
    const got = await until(
      'm1 or a gap over it',
      () => bodies(bob).includes('m1') || bob.of('GAP').some((g) => g.chat === chat && g.to === 2),
    );
    expect(got).toBe(true);
  });

  it('a reply to an entry that only the successor of this node knows of is not refused for good', async () => {
    const disk = createMemoryDisk();
    t = await startTestNode({}, disk);
    const [alice, bob, chat] = await pair();
    alice.text(chat, 'nonsense', { about: 9 });
    expect(await alice.next('ERROR')).toMatchObject({ id: 'nonsense', code: 'bad_argument' });
    const successor = await startTestNode({}, disk);
    const carol = successor.device('alice', 'd2');
    await carol.signIn();
    carol.text(chat, 'm1');
    await carol.next('SENT');
    // Bob's other device was shown it; this one is still at the old node, which has not noticed yet.
    bob.text(chat, 'reply', { about: 2 });
    expect(await bob.next('ERROR')).toMatchObject({ id: 'reply', code: 'unavailable' });
    await successor.stop();
  });

  it('a crash of the chat cell between two messages, and the ids before it are still known', async () => {
    t = await startTestNode();
    const [alice, bob, chat] = await pair();
    alice.text(chat, 'm1');
    await alice.next('SENT', (f) => f.id === 'm1');
    const cell = t.node.kernel.whereis('chat', chat);
    if (!cell) throw new Error('no chat cell');
    t.node.kernel.kill(cell);
    alice.text(chat, 'm1', { retry: true });
    alice.text(chat, 'm2');
    expect(await alice.next('SENT', (f) => f.id === 'm2')).toMatchObject({ seq: 3 });
    expect(
      alice
        .of('SENT')
        .filter((f) => f.id === 'm1')
        .every((f) => f.seq === 2),
    ).toBe(true);
    await until('both', () => bodies(bob).length >= 2);
    expect(new Set(bodies(bob))).toEqual(new Set(['m1', 'm2']));
  });

  it('a crash of a session under live connections: they attach again and nothing is lost', async () => {
    t = await startTestNode();
    const [alice, bob, chat] = await pair();
    const cell = t.node.kernel.whereis('session', 'bob');
    if (!cell) throw new Error('no session cell');
    t.node.kernel.kill(cell);
    for (let i = 0; i < 10; i++) alice.text(chat, `m${i}`);
    await until('all ten', () => new Set(bodies(bob)).size === 10, 10_000);
    expect(bob.sink.closedAs).toBe(null);
    expect(t.errors.filter((e) => !JSON.stringify(e).includes('killed'))).toEqual([]);
  });
});

describe('a killed connection', () => {
  it('is told of to whoever brings it a frame: the gateway closes its socket', async () => {
    t = await startTestNode();
    const [alice] = await pair();
    const beat = { op: OP.HEARTBEAT, n: 1 } as const;
    expect(t.node.port.frame(alice.ref, beat)).toBe('taken');
    t.node.kernel.kill(alice.ref);
    expect(t.node.port.frame(alice.ref, beat)).toBe('gone');
    expect(alice.sink.closedAs).toBe(null);
  });
});

describe('a connection that is to go', () => {
  it('is told so until it is gone, though its mailbox was full', async () => {
    t = await startTestNode();
    const [alice] = await pair();
    const { kernel } = t.node;
    kernel.suspend(alice.ref);
    while (kernel.send(alice.ref, { t: 'nodeDown', node: 'nobody' }) === null);
    const second = t.device('alice', alice.device);
    await second.signIn();
    kernel.resume(alice.ref);
    expect(await until('an end of the first', () => alice.sink.closedAs)).toBe('displaced');
    expect(second.sink.closedAs).toBe(null);
  });
});

describe('an ack', () => {
  it('that a session had no room for is said again by the connection', async () => {
    t = await startTestNode();
    const [alice, bob, chat] = await pair();
    alice.text(chat, 'm1');
    await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'm1');
    const { kernel } = t.node;
    const session = kernel.whereis('session', 'bob');
    if (!session) throw new Error('no session');
    kernel.suspend(session);
    while (kernel.send(session, { t: 'nudge', chat, settled: 0, upTo: 0 }) === null);
    bob.ack(chat, 2);
    // Its answer comes after what the connection was told before.
    await bob.ask((ref) => ({ op: OP.CHAT_INFO, ref, chat, after: null }));
    kernel.resume(session);
    expect(await alice.next('RECEIPT', (f) => f.delivered === 2)).toMatchObject({ user: 'bob' });
  });
});

/** That Bob has read something. */
function saysRead(w: Write): boolean {
  if (w.t !== 'put' || w.table !== 'cursor' || w.key !== 'bob') return false;
  const cursor = { delivered: 0, read: 0, settled: 0 };
  decodeCursor(w.bytes, cursor);
  return cursor.read > 0;
}

describe('a reader', () => {
  it('hears what is stored, not what was read since', async () => {
    let stored: (() => void) | null = null;
    const held = (store: Store): Store => ({
      ...withFaults(store, faultPlan(), createRealEnv(silentLog)),
      commit: async (writes) => {
        const first = stored === null && writes.some(saysRead);
        if (first) await new Promise<void>((resolve) => (stored = resolve));
        return store.commit(writes);
      },
    });
    t = await startTestNode({}, createMemoryDisk(), held);
    const [alice, bob, chat] = await pair();
    alice.text(chat, 'm1');
    await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'm1');
    bob.send({ op: OP.READ, chat, seq: 1 });
    await until('the cursors are being written', () => stored);
    bob.send({ op: OP.READ, chat, seq: 2 });
    await alice.next('RECEIPT', (f) => f.user === 'bob' && f.read === 2);
    (stored as unknown as () => void)();
    await bob.next('RECEIPT', (f) => f.read === 2);
    expect(bob.of('RECEIPT').map((f) => f.read)).toEqual([1, 2]);
  });
});

describe('messages that a chat was killed with', () => {
  const rate = { perSecond: 1e6, burst: 1e6 };
  const rates = { userMessages: rate, userBytes: rate, pairMessages: rate, sourceMessages: rate };
  let lateMs = 0;

  /** So many are under way, and the chat ends. */
  async function lost(count: number, how: 'kill' | 'stop' = 'kill'): Promise<[TestDevice, string]> {
    let goOn: (() => void) | null = null;
    let gate: Promise<void> | null = null;
    const real = createRealEnv(silentLog);
    lateMs = 0;
    const env = { ...real, now: () => real.now() + lateMs };
    const held = (store: Store): Store => ({
      ...withFaults(store, faultPlan(), real),
      commit: (writes) => (gate ?? Promise.resolve()).then(() => store.commit(writes)),
    });
    t = await startTestNode({ env, rates }, createMemoryDisk(), held);
    const [alice, , chat] = await pair();
    gate = new Promise((resolve) => (goOn = resolve));
    for (let i = 0; i < count; i++) alice.text(chat, `lost${i}`);
    await alice.ask((ref) => ({ op: OP.CHAT_INFO, ref, chat, after: null }));
    const cell = t.node.kernel.whereis('chat', chat);
    if (!cell) throw new Error('no chat cell');
    t.node.kernel[how](cell);
    gate = null;
    (goOn as unknown as () => void)();
    return [alice, chat];
  }

  it('count as under way until nobody can answer any more, and no longer', async () => {
    const [alice, chat] = await lost(PENDING_MAX);
    lateMs = ANSWER_MS - 3_500;
    alice.text(chat, 'early');
    await alice.next('ERROR', (f) => f.id === 'early' && f.about.includes('of this connection'));
    lateMs = ANSWER_MS;
    // Never silence: its sender hears that the outcome is unknown, and says it again.
    alice.send({ op: OP.HEARTBEAT, n: 1 });
    for (const id of ['lost0', `lost${PENDING_MAX - 1}`])
      expect(await alice.next('ERROR', (f) => f.id === id)).toMatchObject({ code: 'unavailable', retry: true });
    alice.text(chat, 'taken');
    await alice.next('SENT', (f) => f.id === 'taken');
  });

  it('or stopped, as when its shard moves, are answered by it, and are not doubled', async () => {
    const [alice, chat] = await lost(2, 'stop');
    for (const id of ['lost0', 'lost1'])
      expect(await alice.next('ERROR', (f) => f.id === id)).toMatchObject({
        code: 'unavailable',
        about: 'the chat moves to another node',
      });
    alice.text(chat, 'lost0', { retry: true });
    alice.text(chat, 'lost1', { retry: true });
    expect(await alice.next('SENT', (f) => f.id === 'lost0')).toMatchObject({ seq: 2 });
    expect(await alice.next('SENT', (f) => f.id === 'lost1')).toMatchObject({ seq: 3 });
  });

  it('so are pages and blocks that are under way', async () => {
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const stuck = { reads: 0, writes: 0, now: false };
    const held = (store: Store): Store => ({
      ...withFaults(store, faultPlan(), createRealEnv(silentLog)),
      readLog: (...asked) => (stuck.now && ++stuck.reads ? gate.then(() => []) : store.readLog(...asked)),
      commit: (writes) => {
        const isChat = writes.some((w) => w.t === 'put' && w.table === 'chat');
        return stuck.now && isChat && ++stuck.writes ? gate : store.commit(writes);
      },
    });
    t = await startTestNode({}, createMemoryDisk(), held);
    const [alice, , chat] = await pair();
    stuck.now = true;
    alice.send({ op: OP.HISTORY, ref: 70, chat, from: 0, back: true, limit: 10 });
    alice.send({ op: OP.BLOCK, ref: 71, user: 'bob', on: true });
    await until('both are under way', () => stuck.reads > 0 && stuck.writes > 0);
    const cell = t.node.kernel.whereis('chat', chat);
    if (!cell) throw new Error('no chat cell');
    t.node.kernel.stop(cell);
    for (const ref of [70, 71])
      expect(await alice.next('ERROR', (f) => f.ref === ref)).toMatchObject({
        code: 'unavailable',
        retry: true,
        about: 'the chat moves to another node',
      });
    goOn();
  });

  it('do not hold up a leave', async () => {
    const [alice] = await lost(1);
    alice.send({ op: OP.BYE });
    expect(await until('an end', () => alice.sink.closedAs, 2 * LEAVE_PATIENCE_MS)).toBe('goingAway');
  });
});

describe('a store in trouble', () => {
  it('that fails every third commit loses nothing, doubles nothing and keeps order', async () => {
    const plan = faultPlan();
    t = await startTestNode({}, createMemoryDisk(), (store) => withFaults(store, plan, createRealEnv(silentLog)));
    const [alice, bob, chat] = await pair();
    plan.failEvery = 3;
    let sent = 0;
    while (sent < 30) {
      const id = `m${sent}`;
      alice.text(chat, id);
      const answer = await until(
        'an answer',
        () => alice.of('SENT').find((f) => f.id === id) ?? alice.of('ERROR').find((f) => f.id === id),
      );
      if (answer.op === OP.SENT) sent++;
      else {
        expect(answer).toMatchObject({ retry: true });
        alice.sink.frames.splice(alice.sink.frames.indexOf(answer), 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    await until('all thirty', () => bodies(bob).length >= 30, 10_000);
    expect(bodies(bob)).toEqual(Array.from({ length: 30 }, (_, i) => `m${i}`));
  });

  it('that is full refuses retryably within its deadline, and goes on when there is room', async () => {
    const plan = faultPlan();
    t = await startTestNode({}, createMemoryDisk(), (store) => withFaults(store, plan, createRealEnv(silentLog)));
    const [alice, bob, chat] = await pair();
    await bob.next('RECEIVE_MESSAGE');
    plan.full = true;
    alice.text(chat, 'm1');
    await until('the writer has found out', () => plan.full && t.node.kernel.services().some((s) => !s.accepting));
    alice.text(chat, 'm2');
    expect(await alice.next('ERROR', (f) => f.id === 'm2')).toMatchObject({ code: 'unavailable', retry: true });
    plan.full = false;
    // Another row, stored lazily, may have been the first to find no room: then the first was refused as well.
    await until('both are sent', () => {
      for (const error of alice.of('ERROR')) {
        alice.sink.frames.splice(alice.sink.frames.indexOf(error), 1);
        alice.text(chat, error.id as string, { retry: true });
      }
      return new Set(alice.of('SENT').map((f) => f.id)).size === 2;
    });
    expect([...new Set(alice.of('SENT').map((f) => f.seq))].sort()).toEqual([2, 3]);
    await until('both', () => bodies(bob).length === 2);
  });
});

describe('a first device', () => {
  it('hears of a chat whose row is still on its way to a store in trouble', async () => {
    let fails = true;
    const failing = (store: Store): Store => ({
      ...withFaults(store, faultPlan(), createRealEnv(silentLog)),
      commit: (writes) => {
        const isRow = writes.some((w) => w.t === 'put' && w.table === 'userChat' && w.partition === 'bob');
        return fails && isRow ? Promise.reject(new StoreError('failed', 'planned')) : store.commit(writes);
      },
      // The row lands while the answer, which does not have it, is on its way.
      readRows: async (table, partition, after, limit) => {
        const rows = await store.readRows(table, partition, after, limit);
        if (table === 'userChat' && partition === 'bob' && fails) await stored();
        return rows;
      },
    });
    const stored = (): Promise<unknown> => {
      fails = false;
      return until('the session knows that it is stored', () => {
        const session = t.node.kernel.whereis('session', 'bob');
        return session && (t.node.kernel.getState(session) as { appends: number }).appends === 0;
      });
    };
    t = await startTestNode({}, createMemoryDisk(), failing);
    const alice = t.device('alice');
    await alice.signIn();
    const chat = await alice.direct('bob');
    await until('the writer has found out', () => t.node.kernel.services().some((s) => !s.accepting));
    const early = t.device('bob', 'd1');
    early.send({ op: OP.HELLO, version: 1, token: 'bob', device: 'd1', agent: 'test', sync: null, known: [] });
    await until('an end of the first', () => early.sink.closedAs ?? early.of('CAUGHT_UP')[0]);
    await stored();
    const late = t.device('bob', 'd1');
    const sync = early.of('CAUGHT_UP')[0]?.sync ?? null;
    await late.signIn(sync);
    await late.next('CAUGHT_UP');
    const told = [early, late].flatMap((d) => [...d.of('GAP'), ...d.of('RECEIVE_MESSAGE')]);
    expect(told.map((f) => f.chat)).toContain(chat);
  });
});

describe('order survives refusals', () => {
  it('a message whose predecessor is not known is refused, and its answer says where to start again', async () => {
    t = await startTestNode();
    const [alice, , chat] = await pair();
    alice.text(chat, 'm2', { after: 'm1' });
    expect(await alice.next('ERROR', (f) => f.id === 'm2')).toMatchObject({ code: 'out_of_order', retry: true });
    alice.text(chat, 'm1');
    alice.text(chat, 'm2', { after: 'm1', retry: true });
    await alice.next('SENT', (f) => f.id === 'm2');
    expect(alice.of('SENT').map((f) => [f.id, f.seq])).toEqual([
      ['m1', 2],
      ['m2', 3],
    ]);
  });
});

describe('an id of long ago', () => {
  it('is answered with its first number and time, from the store', async () => {
    t = await startTestNode();
    const [alice, , chat] = await pair();
    alice.text(chat, 'old');
    const first = await alice.next('SENT');
    for (let i = 0; i < 70; i++) {
      alice.text(chat, `m${i}`);
      if (i % 20 === 19) await alice.next('SENT', (f) => f.id === `m${i}`);
    }
    await alice.next('SENT', (f) => f.id === 'm69');
    // A new life of the chat knows only the last of its ids.
    const cell = t.node.kernel.whereis('chat', chat);
    if (cell) t.node.kernel.kill(cell);
    alice.sink.frames.length = 0;
    alice.text(chat, 'old', { retry: true });
    expect(await alice.next('SENT', (f) => f.id === 'old')).toEqual(first);
  });
});
