// What a message to a group of 1,000 costs between three nodes: one mail to each of the two other nodes, whatever the members, each
// encoded once. What comes back is a word of each member's session, and shares batches.
import { afterEach, expect, it } from 'vitest';
import { SHARDS, shardOf } from '../../actors/index.ts';
import { MemoryCoordination, MemoryHub } from '../../cluster/memory/index.ts';
import { groupChatId, OP } from '../../protocol/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { shareStore } from '../../storage/index.ts';
import { createMemoryDisk, openMemoryStore } from '../../storage/memory/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

const MEMBERS = 1_000;
const AT_ONCE = 250;
const NODES = ['a', 'b', 'c'];
const CONNECTED = 60;

const nodes: TestNode[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

const viewOf = ({ node }: TestNode) => {
  if (node.cluster === null) throw new Error('a node of a cluster');
  return node.cluster.view();
};
const isAt = ({ node }: TestNode, kind: string, key: string): boolean =>
  node.cluster?.isOpen(shardOf(kind, key)) ?? false;
const ownerOf = (kind: string, key: string): TestNode => {
  const found = nodes.find((node) => isAt(node, kind, key));
  if (found === undefined) throw new Error(`nobody has ${kind} ${key}`);
  return found;
};

async function startNodes(): Promise<void> {
  const env = createRealEnv(silentLog);
  const hub = new MemoryHub(env);
  const coordination = new MemoryCoordination();
  const store = await shareStore(openMemoryStore(createMemoryDisk(), { env }), 'test', SHARDS);
  const started = NODES.map((name) => {
    const cluster = {
      name: 'test',
      weight: 1,
      url: null,
      coordination: coordination.connect(env),
      carrier: hub.connect(name),
    };
    return startTestNode({ name, store, cluster });
  });
  nodes.push(...(await Promise.all(started)));
  await until('all shards open', () => nodes.every((node) => viewOf(node).shards.open > 200), 20_000);
  await until('all shards open', () => nodes.reduce((n, node) => n + viewOf(node).shards.open, 0) === SHARDS, 20_000);
}

/** Nothing is said between nodes for a while. */
async function quiet(): Promise<void> {
  const mails = (): number => nodes.reduce((n, node) => n + viewOf(node).links.mailsOut, 0);
  let last = mails();
  let since = Date.now();
  await until(
    'quiet',
    () => {
      const now = mails();
      if (now !== last) since = Date.now();
      last = now;
      return Date.now() - since > 700;
    },
    30_000,
  );
}

it('a message to 1,000 members is one mail to each other node, encoded once', { timeout: 90_000 }, async () => {
  await startNodes();
  // A sender that is on the node of its group: all that leaves this node for its message is the fan-out.
  const home = nodes[0] as TestNode;
  const names = Array.from({ length: 10 * MEMBERS }, (_, i) => `user${i}`);
  const sender =
    names.find((user) => isAt(home, 'session', user) && isAt(home, 'chat', groupChatId(user, 'g-1'))) ?? '';
  const others = names.filter((user) => user !== sender).slice(0, MEMBERS - 1);
  const device = home.device(sender);
  await device.signIn();
  const connected: TestDevice[] = others.slice(0, CONNECTED).map((user) => ownerOf('session', user).device(user));
  await Promise.all(connected.map((each) => each.signIn()));
  const chat = await device.group(others.slice(0, AT_ONCE));
  for (let at = AT_ONCE; at < others.length; at += AT_ONCE) {
    const users = others.slice(at, at + AT_ONCE);
    const change = { op: OP.CHANGE_CHAT, chat, id: `add${at}`, change: 0, users, role: 0, title: '' } as const;
    expect(await device.ask((ref) => ({ ...change, ref }))).toMatchObject({ op: OP.OK });
  }
  const ackAll = (): void => {
    for (const each of [device, ...connected]) {
      const seq = each.of('RECEIVE_MESSAGE').at(-1)?.seq ?? 0;
      if (seq > 0) each.ack(chat, seq);
    }
  };
  // Also nobody is to be told again in the middle of it.
  const owesNothing = (): boolean => {
    ackAll();
    const cell = home.node.kernel.whereis('chat', chat);
    return cell !== null && !(home.node.kernel.getState(cell) as { dirty: boolean }).dirty;
  };
  await until('all have settled', owesNothing, 60_000);
  await quiet();

  const before = nodes.map(viewOf);
  device.text(chat, 'hello');
  await until('sent', () => device.of('SENT').length === 1);
  // In the turn of `sent`, before anybody can have answered, or be asked again.
  const mine = viewOf(home);
  const elsewhere = others.filter((user) => !isAt(home, 'session', user)).length;
  const rise = (get: (view: ReturnType<typeof viewOf>) => number): number => get(mine) - get(before[0] as typeof mine);
  // A mail of a link is one encoded envelope: there is no other way into a link.
  expect({
    routes: rise((view) => view.router.routesOut),
    keys: rise((view) => view.router.keysOut),
    sends: rise((view) => view.router.sendsOut),
    mails: rise((view) => view.links.mailsOut),
  }).toEqual({ routes: NODES.length - 1, keys: elsewhere, sends: 0, mails: NODES.length - 1 });

  await until('pushed', () => connected.every((each) => each.of('RECEIVE_MESSAGE').some((f) => f.id === 'hello')));
  ackAll();
  await quiet();
  const after = nodes.map(viewOf);
  const back = (get: (view: ReturnType<typeof viewOf>) => number): number =>
    after.slice(1).reduce((n, view, i) => n + get(view) - get(before[i + 1] as typeof view), 0);
  const words = back((view) => view.links.mailsOut);
  // Each session says that it is settled; who is connected may say first that it was delivered, and who was slow is asked again.
  expect(words).toBeGreaterThanOrEqual(elsewhere);
  expect(words).toBeLessThanOrEqual(2 * elsewhere);
  expect(back((view) => view.links.batchesOut)).toBeLessThan(words / 4);
  expect(nodes.flatMap((node) => node.errors)).toEqual([]);
});
