// The coordination store on a real NATS, and members that agree through it: contract, restarts, an empty store, a death, a pause.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNats } from '#services';
import { coordinationContract } from '../../cluster/coordination-contract.ts';
import {
  type Coordination,
  type Member,
  type NodeId,
  ownerOf,
  RING_SHARDS,
  type Ring,
  selfTest,
  startMember,
} from '../../cluster/index.ts';
import { connectNatsCoordination } from '../../cluster/nats/index.ts';
import { createRealEnv, type Env, type EnvTimer, silentLog } from '../../runtime/index.ts';
import { describeUnless } from './describe-unless.ts';
import { isSkipped, ownName, type Servers, sharedNats, theServers, whyNot } from './servers.ts';

const shared = await sharedNats();
const realEnv = createRealEnv(silentLog);
let count = 0;
const freshName = (): string => `${ownName('coord')}_${++count}`;

describeUnless(whyNot(shared), 'on a real NATS', () => {
  const connectTo = (servers: Servers, cluster: string, replicas = 1): Promise<Coordination> =>
    connectNatsCoordination({ env: realEnv, servers: servers.urls, name: 'test', cluster, replicas });

  coordinationContract('NATS', async () => {
    const cluster = freshName();
    return { connect: () => connectTo(theServers(shared), cluster), discard: async () => {} };
  });

  test('the self-test races over four connections', async () => {
    const cluster = freshName();
    const connections = await Promise.all([1, 2, 3, 4].map(() => connectTo(theServers(shared), cluster)));
    expect(await selfTest(connections, { run: 'r1', rounds: 50 })).toEqual({ ok: true, rounds: 50 });
    await Promise.all(connections.map((connection) => connection.close()));
  });

  test('no server: a clear refusal; a name that is none: too', async () => {
    const options = { env: realEnv, name: 'test', cluster: 'c' };
    await expect(connectNatsCoordination({ ...options, servers: ['nats://127.0.0.1:1'] })).rejects.toThrow();
    await expect(connectNatsCoordination({ ...options, cluster: 'a.b', servers: [] })).rejects.toThrow('a.b');
  });

  test('password and TLS', async (context) => {
    const auth = { user: 'parley', password: 'of a test' };
    const own = await startNats({ tls: true, auth });
    if (isSkipped(own)) return context.skip(own.skip);
    const tls = own.facts.caFile === undefined ? {} : { caFile: own.facts.caFile };
    const options = { env: realEnv, name: 'test', cluster: 'c', servers: own.urls };
    const connection = await connectNatsCoordination({ ...options, auth, tls });
    await connection.put('live.a.1', Uint8Array.of(1));
    expect((await connection.get('live.a.1'))?.bytes[0]).toBe(1);
    await connection.close();
    await expect(connectNatsCoordination({ ...options, tls, auth: { ...auth, password: 'x' } })).rejects.toThrow();
    const nkeyFile = join(tmpdir(), `${ownName('nkey')}.nk`);
    writeFileSync(nkeyFile, 'not a seed');
    await expect(connectNatsCoordination({ ...options, tls, auth: { nkeyFile } })).rejects.toThrow();
    await own.dispose();
  });

  test('on three servers, with three copies of all: it goes on without one of them', async (context) => {
    const own = await startNats({ nodes: 3 });
    if (isSkipped(own)) return context.skip(own.skip);
    const connections = await Promise.all([1, 2, 3].map(() => until(() => connectTo(own, 'three', 3))));
    expect(await selfTest(connections, { run: 'r1', rounds: 30 })).toEqual({ ok: true, rounds: 30 });
    const [one, two] = connections as [Coordination, Coordination];
    expect(await one.create('ring.1', Uint8Array.of(1))).toBe('won');
    await own.nodes[0]?.kill();
    await until(() => one.put('live.a.1', Uint8Array.of(2)));
    expect((await until(() => two.get('live.a.1')))?.bytes[0]).toBe(2);
    expect(await until(() => two.create('ring.1', Uint8Array.of(2)))).toBe('lost');
    await Promise.all(connections.map((connection) => connection.close()));
    await own.dispose();
  });

  describe('that is stopped', () => {
    let own: Servers;
    beforeAll(async () => {
      own = theServers(await startNats());
    });
    afterAll(() => own.dispose());

    test('calls fail in time, and after a restart all that was said is there, and hints come again', async () => {
      const connection = await connectTo(own, 'restart');
      expect(await connection.create('ring.1', Uint8Array.of(1))).toBe('won');
      const seen: string[] = [];
      connection.watch('live.', (key) => seen.push(key));
      await own.kill();
      const start = realEnv.now();
      await expect(connection.put('live.a.1', Uint8Array.of(1))).rejects.toMatchObject({ name: 'CoordinationError' });
      await expect(connection.create('ring.2', Uint8Array.of(2))).rejects.toMatchObject({ code: 'unavailable' });
      await expect(connection.get('ring.1')).rejects.toMatchObject({ code: 'unavailable' });
      expect(realEnv.now() - start).toBeLessThan(6_000);
      await own.start();
      await until(() => connection.put('live.b.1', Uint8Array.of(1)));
      expect(await connection.create('ring.1', Uint8Array.of(9))).toBe('lost');
      expect(new Uint8Array((await connection.get('ring.1'))?.bytes ?? [])).toEqual(Uint8Array.of(1));
      await expect.poll(() => seen, { timeout: 10_000 }).toContain('live.b.1');
      await connection.close();
    });

    test('and comes back empty is used as it is: its buckets are made anew', async () => {
      const [one, two] = [await connectTo(own, 'empty'), await connectTo(own, 'empty')];
      await one.create('ring.1', Uint8Array.of(1));
      const seen: string[] = [];
      two.watch('live.', (key) => seen.push(key));
      await own.restart({ empty: true });
      await until(() => one.put('live.b.1', Uint8Array.of(1)));
      await expect.poll(() => seen, { timeout: 10_000 }).toContain('live.b.1');
      await until(() => two.get('ring.1'));
      expect(await two.get('ring.1')).toBeNull();
      const outcomes = await Promise.all([one, two, one, two].map((each) => each.create('ring.1', Uint8Array.of(2))));
      expect(outcomes.filter((outcome) => outcome === 'won').length).toBe(1);
      await one.close();
      await two.close();
    });

    test('and is paused: a create whose answer was lost knows whether it won', async () => {
      const connection = await connectTo(own, 'paused');
      const create = async (key: string): Promise<string> => {
        own.pause();
        const created = connection.create(key, Uint8Array.of(1)).catch((error: { code?: string }) => error.code ?? '');
        setTimeout(() => own.resume(), 1_300);
        return created;
      };
      // Where it stood still itself for longer than the deadline, it may not know.
      let tries = 1;
      let outcome = await create('ring.1');
      while (outcome === 'unknown' && tries < 3) outcome = await create(`ring.${++tries}`);
      expect(outcome).toBe('won');
      expect(await connection.create(`ring.${tries}`, Uint8Array.of(1))).toBe('lost');
      await connection.close();
    });
  });

  describe('members', () => {
    const nodes: Node[] = [];
    const start = async (name: string, cluster: string, servers = theServers(shared)): Promise<Node> => {
      const env = new PausableEnv();
      const coordination = await connectNatsCoordination({ env: realEnv, servers: servers.urls, name, cluster });
      const node = new Node(name, env, coordination);
      nodes.push(node);
      return node;
    };
    afterAll(async () => {
      for (const node of nodes) await node.close();
    });

    test('form a ring; one that dies is surely dead after its lease; one that pauses has lost its lease', async () => {
      const cluster = freshName();
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => start(name, cluster)));
      if (a === undefined || b === undefined || c === undefined) throw new Error('no nodes');
      await Promise.all([a, b, c].map((node) => node.member.ready));
      await expect
        .poll(() => [a, b, c].map((node) => node.ownedBy(node.member.self) > 300), { timeout: 30_000 })
        .toEqual([true, true, true]);
      expect(a.member.ring).toEqual(b.member.ring);
      expect([...a.member.alive()].sort()).toEqual([a, b, c].map((node) => node.member.self).sort());

      const dead = c.member.self;
      const diedAt = realEnv.now();
      await c.close();
      await expect
        .poll(() => a.member.surelyDead(dead, a.env.now()) && b.member.surelyDead(dead, b.env.now()), {
          timeout: 15_000,
          interval: 20,
        })
        .toBe(true);
      const ms = realEnv.now() - diedAt;
      // Seven to eight, and what this machine stands still.
      expect(ms).toBeGreaterThan(5_500);
      expect(ms).toBeLessThan(14_000);
      await expect.poll(() => a.ownedBy(dead) + b.ownedBy(dead), { timeout: 5_000 }).toBe(0);

      const before = b.member.self;
      expect(b.member.holdsLease(b.env.now())).toBe(true);
      b.env.pause();
      // Whoever takes over does it after the lease is over, never before.
      await expect.poll(() => a.ownedBy(before), { timeout: 20_000 }).toBe(0);
      expect(b.member.holdsLease(b.env.now())).toBe(false);
      b.env.resume();
      await expect.poll(() => b.lost.length).toBe(1);
      await expect.poll(() => b.ownedBy(b.member.self), { timeout: 20_000 }).toBeGreaterThan(400);
      expect(b.member.self).not.toBe(before);
      expect(a.lost).toEqual([]);

      expect(await a.member.drain(30_000)).toBe(true);
      expect(b.ownedBy(b.member.self)).toBe(RING_SHARDS);
    });

    test('go on when NATS is restarted, and when it is restarted empty', async () => {
      const own = theServers(await startNats());
      const [a, b] = await Promise.all(['a', 'b'].map((name) => start(name, 'again', own)));
      if (a === undefined || b === undefined) throw new Error('no nodes');
      await Promise.all([a.member.ready, b.member.ready]);
      for (const empty of [false, true]) {
        await own.restart({ empty });
        const settled = (): boolean =>
          [a, b].every((node) => node.member.holdsLease(node.env.now()) && node.ownedBy(node.member.self) > 400);
        await expect.poll(settled, { timeout: 30_000, interval: 100 }).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        await expect.poll(settled, { timeout: 30_000, interval: 100 }).toBe(true);
        await expect.poll(() => a.member.ring?.epoch === b.member.ring?.epoch).toBe(true);
      }
      const c = await start('c', 'again', own);
      await c.member.ready;
      expect(c.member.ring?.epoch).toBeGreaterThan(1);
      await expect.poll(() => c.ownedBy(c.member.self), { timeout: 20_000 }).toBeGreaterThan(280);
      for (const node of [a, b, c]) await node.close();
      await own.dispose();
    });
  });
});

/** Until it does not reject. */
async function until<T>(run: () => Promise<T>): Promise<T> {
  const limit = realEnv.now() + 20_000;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (realEnv.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A member that calls each ring done at once. */
class Node {
  readonly member: Member;
  readonly env: PausableEnv;
  readonly lost: string[] = [];
  readonly downs: NodeId[] = [];
  private readonly coordination: Coordination;
  private ring: Ring | null = null;

  constructor(name: string, env: PausableEnv, coordination: Coordination) {
    this.env = env;
    this.coordination = coordination;
    this.member = startMember({
      name,
      weight: 1,
      url: null,
      wire: 1,
      env,
      coordination,
      storedEpoch: async () => 0,
      events: {
        onRing: (ring) => {
          this.ring = ring;
          this.member.done(ring.epoch);
        },
        onDown: (node) => this.downs.push(node),
        onLeaseLost: (why) => this.lost.push(why),
        onRejoined: () => {},
        onFatal: (reason) => {
          throw new Error(reason);
        },
      },
    });
  }

  ownedBy(id: NodeId): number {
    const { ring } = this;
    if (ring === null) return 0;
    return ring.owners.filter((_, shard) => ownerOf(ring, shard) === id).length;
  }

  async close(): Promise<void> {
    await this.member.close();
    await this.coordination.close();
  }
}

/** The real clock, but timers can be held back, as in a process that is stopped. */
class PausableEnv implements Env {
  readonly log = silentLog;
  private held: (() => void)[] | null = null;

  now = (): number => realEnv.now();
  wallNow = (): number => realEnv.wallNow();
  clearTimer = (timer: EnvTimer): void => realEnv.clearTimer(timer);
  setImmediate = (run: () => void): void => realEnv.setImmediate(run);
  random = (): number => realEnv.random();
  id = (): string => realEnv.id();

  setTimer = (run: () => void, delayMs: number): EnvTimer =>
    realEnv.setTimer(() => {
      if (this.held === null) run();
      else this.held.push(run);
    }, delayMs);

  pause(): void {
    this.held = [];
  }

  resume(): void {
    const { held } = this;
    this.held = null;
    for (const run of held ?? []) run();
  }
}
