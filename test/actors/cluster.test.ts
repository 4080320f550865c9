// Three nodes in one process: chats across them, a node that joins, one that drains, one that dies. Real cells and real cluster code over
// the carriers in memory and one shared store.
import { afterEach, describe, expect, it } from 'vitest';
import { SHARDS } from '../../actors/index.ts';
import {
  type CoordinationFaults,
  coordinationFaults,
  MemoryCoordination,
  MemoryHub,
} from '../../cluster/memory/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { faultPlan, type Store, shareStore, withFaults } from '../../storage/index.ts';
import { createMemoryDisk, openMemoryStore } from '../../storage/memory/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

const env = createRealEnv(silentLog);
const AMPLE = { perSecond: 1e6, burst: 1e6 };

class TestCluster {
  readonly hub = new MemoryHub(env);
  readonly coordination = new MemoryCoordination();
  readonly nodes: TestNode[] = [];
  readonly shared: Store;

  constructor(shared: Store) {
    this.shared = shared;
  }

  async join(name: string, more: { store?: Store; faults?: CoordinationFaults } = {}): Promise<TestNode> {
    const node = await startTestNode(
      {
        name,
        store: more.store ?? this.shared,
        rates: { userMessages: AMPLE, userBytes: AMPLE, pairMessages: AMPLE, sourceMessages: AMPLE },
        cluster: {
          name: 'test',
          weight: 1,
          url: null,
          coordination: this.coordination.connect(env, more.faults),
          carrier: this.hub.connect(name),
        },
      },
      createMemoryDisk(),
    );
    this.nodes.push(node);
    return node;
  }

  /** `one` has the share at which no more of three equal nodes is moved to it, and every move is done. */
  balanced({ node }: TestNode): Promise<true> {
    const least = Math.floor((0.9 * SHARDS) / 3);
    return until('it has its share', () => (node.cluster?.view().shards.open ?? 0) >= least && this.isSettled, 60_000);
  }

  /** All shards are open somewhere. */
  get isSettled(): boolean {
    return this.nodes.reduce((sum, { node }) => sum + (node.cluster?.view().shards.open ?? 0), 0) === SHARDS;
  }
}

let cluster: TestCluster;
async function start(names: readonly string[]): Promise<TestCluster> {
  cluster = new TestCluster(await shareStore(openMemoryStore(createMemoryDisk(), { env }), 'test', SHARDS));
  await Promise.all(names.map((name) => cluster.join(name)));
  await until(
    'all shards open',
    () => cluster.isSettled && cluster.nodes.every(({ node }) => (node.cluster?.view().shards.open ?? 0) > 200),
    20_000,
  );
  return cluster;
}
afterEach(async () => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
});

/** As the client does: what was refused for now is said again, in its place. What it was. */
function repeatRefused(sender: TestDevice): string[] {
  return sender
    .of('ERROR')
    .filter((f) => f.retry && f.id !== null)
    .map((error) => {
      sender.sink.frames.splice(sender.sink.frames.indexOf(error), 1);
      sender.text(error.chat as string, error.id as string, { retry: true });
      return `${error.id} ${error.code} ${error.about}`;
    });
}

describe('three nodes', () => {
  it('carry chats between users on any of them, in order, to both', { timeout: 60_000 }, async () => {
    const { nodes } = await start(['a', 'b', 'c']);
    const devices = nodes.map((node, i) => node.device(`user${i}`));
    for (const device of devices) await device.signIn();
    const [one, two, three] = devices as [TestDevice, TestDevice, TestDevice];
    const chat = await one.direct('user1');
    const group = await three.group(['user0', 'user1']);
    for (let i = 0; i < 20; i++) {
      one.text(chat, `d${i}`);
      three.text(group, `g${i}`);
    }
    const texts = (device: TestDevice, room: string): string[] =>
      device
        .of('RECEIVE_MESSAGE')
        .filter((f) => f.chat === room && f.type === 0)
        .map((f) => f.id);
    await until('all sent', () => one.of('SENT').length >= 20 && three.of('SENT').length >= 20);
    await until(
      'all delivered',
      () => texts(two, chat).length === 20 && texts(two, group).length === 20 && texts(one, group).length === 20,
    );
    expect(texts(two, chat)).toEqual(Array.from({ length: 20 }, (_, i) => `d${i}`));
    expect(texts(one, group)).toEqual(texts(two, group));
    expect(nodes.flatMap((node) => node.errors)).toEqual([]);
  });

  it('let one join and one leave under load: every message once, in order, and no socket closed', {
    timeout: 120_000,
  }, async () => {
    const { nodes } = await start(['a', 'b']);
    const [a, b] = nodes as [TestNode, TestNode];
    const sender = a.device('ann');
    const reader = b.device('ben');
    await sender.signIn();
    await reader.signIn();
    const chats = await Promise.all(Array.from({ length: 12 }, (_, i) => sender.group(['ben'], `room ${i}`)));
    const ackAll = (): void => {
      for (const device of [sender, reader])
        for (const [chat, seq] of new Map(device.of('RECEIVE_MESSAGE').map((f) => [f.chat, f.seq])))
          device.ack(chat, seq);
    };
    const acking = setInterval(ackAll, 100);
    const sent: string[] = [];
    const failed: string[] = [];
    let going = true;
    const sending = (async () => {
      for (let i = 0; going; i++) {
        const chat = chats[i % chats.length] as string;
        sender.text(chat, `m${i}`);
        sent.push(`m${i}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
        failed.push(...repeatRefused(sender));
      }
    })();
    const c = await cluster.join('c');
    await until('the third has its share', () => (c.node.cluster?.view().shards.open ?? 0) > 250, 60_000);
    expect(await b.node.cluster?.drain(60_000)).toBe(true);
    await until('none is left here', () => b.node.cluster?.view().shards.open === 0 && cluster.isSettled, 20_000);
    going = false;
    await sending;
    await until('all are sent', () => {
      failed.push(...repeatRefused(sender));
      return new Set(sender.of('SENT').map((f) => f.id)).size === sent.length;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${failed.slice(-3).join('; ')}`);
    });
    for (const chat of chats) {
      const mine = sent.filter((_, i) => chats[i % chats.length] === chat);
      const got = () => reader.of('RECEIVE_MESSAGE').filter((f) => f.chat === chat && f.type === 0);
      await until(`all of ${chat}`, () => new Set(got().map((f) => f.id)).size === mine.length, 20_000);
      const seqs = [
        ...new Map(
          sender
            .of('SENT')
            .filter((f) => f.chat === chat)
            .map((f) => [f.seq, f.id]),
        ).values(),
      ];
      expect(new Set(seqs)).toEqual(new Set(mine));
    }
    expect([sender.sink.closedAs, reader.sink.closedAs]).toEqual([null, null]);
    clearInterval(acking);
    // What was refused was refused for a while only, and is among those that were sent.
    expect(failed.filter((one) => !/ (overloaded|unavailable) /.test(one))).toEqual([]);
    expect(cluster.nodes.flatMap((node) => node.errors)).toEqual([]);
  });

  it('one that is cut from the database gives its shards to the others, serves its clients through them, and gets shards back', {
    timeout: 120_000,
  }, async () => {
    await start(['a', 'b']);
    const plan = faultPlan();
    const c = await cluster.join('c', { store: withFaults(cluster.shared, plan, env) });
    const open = (): number => c.node.cluster?.view().shards.open ?? 0;
    await cluster.balanced(c);
    const ann = c.device('ann');
    await ann.signIn();
    const chats = await Promise.all(Array.from({ length: 9 }, (_, i) => ann.group(['ben'], `room ${i}`)));
    Object.assign(plan, { failEvery: 1, failReadEvery: 1 });
    await until('all of it is with the others', () => open() === 0 && cluster.isSettled, 60_000);
    for (const [i, chat] of chats.entries()) ann.text(chat, `m${i}`);
    const refusals: string[] = [];
    await until('all are sent', () => {
      refusals.push(...repeatRefused(ann));
      return new Set(ann.of('SENT').map((f) => f.id)).size === chats.length;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${refusals.slice(-5).join('; ')}`);
    });
    expect(ann.sink.closedAs).toBe(null);
    Object.assign(plan, { failEvery: 0, failReadEvery: 0 });
    await cluster.balanced(c);
    expect(cluster.nodes.flatMap((node) => node.errors)).toEqual([]);
  });

  it('one that loses its lease says at once that what its clients have under way elsewhere is not known', {
    timeout: 120_000,
  }, async () => {
    await start(['a', 'b']);
    const faults = coordinationFaults();
    const c = await cluster.join('c', { faults });
    await cluster.balanced(c);
    const ann = c.device('ann');
    await ann.signIn();
    const chats = await Promise.all(Array.from({ length: 9 }, (_, i) => ann.group(['ben'], `room ${i}`)));
    for (const name of ['a', 'b']) cluster.hub.faults.cuts.add(`c>${name}`).add(`${name}>c`);
    faults.silent = true;
    for (const [i, chat] of chats.entries()) ann.text(chat, `m${i}`);
    const away = chats.filter((chat) => c.node.cluster?.ownerOf(chat) !== null);
    expect(away.length).toBeGreaterThan(0);
    await until('all are answered', () =>
      chats.every((chat) => [...ann.of('ERROR'), ...ann.of('SENT')].some((f) => f.chat === chat)),
    );
    const why = ann.of('ERROR').map((f) => `${f.code}: ${f.about}`);
    expect(new Set(why)).toEqual(new Set(['unavailable: this node is out of reach of the others']));
    ann.text(chats[0] as string, 'later');
    expect(await ann.next('ERROR', (f) => f.id === 'later')).toMatchObject({ code: 'unavailable', retry: true });
  });
});
