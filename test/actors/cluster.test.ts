// Three nodes in one process: chats across them, a node that joins, one that drains, one that dies. Real cells and real cluster code over
// the carriers in memory and one shared store.
import { afterEach, describe, expect, it } from 'vitest';
import { SHARDS } from '../../actors/index.ts';
import { MemoryCoordination, MemoryHub } from '../../cluster/memory/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { type Store, shareStore } from '../../storage/index.ts';
import { createMemoryDisk, openMemoryStore } from '../../storage/memory/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

const env = createRealEnv(silentLog);

class TestCluster {
  readonly hub = new MemoryHub(env);
  readonly coordination = new MemoryCoordination();
  readonly nodes: TestNode[] = [];
  private readonly shared: Store;

  constructor(shared: Store) {
    this.shared = shared;
  }

  async join(name: string): Promise<TestNode> {
    const node = await startTestNode(
      {
        name,
        store: this.shared,
        cluster: {
          name: 'test',
          weight: 1,
          url: null,
          coordination: this.coordination.connect(env),
          carrier: this.hub.connect(name),
        },
      },
      createMemoryDisk(),
    );
    this.nodes.push(node);
    return node;
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
});
