// A Redis Cluster of a few masters for tests, made with the program that is there already. Test code only.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisAddress } from '../../cluster/redis/index.ts';

const SLOTS = 16_384;

export interface RedisCluster {
  readonly addresses: readonly RedisAddress[];
  /** Of each node. */
  keys(): Promise<string[][]>;
  kill(node: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedisCluster(nodes: number): Promise<RedisCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-redis-'));
  const processes: ChildProcess[] = [];
  const addresses: RedisAddress[] = [];
  for (let i = 0; i < nodes; i++) {
    const port = await freePort();
    addresses.push({ host: '127.0.0.1', port });
    // The bus would be at port + 10,000, which may be beyond the last one.
    const bus = await freePort();
    const args = [
      '--bind',
      '127.0.0.1',
      '--port',
      `${port}`,
      '--cluster-port',
      `${bus}`,
      '--dir',
      folder,
      '--save',
      '',
    ];
    const cluster = [
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      `n${i}.conf`,
      '--cluster-node-timeout',
      '1000',
    ];
    const full = ['--cluster-require-full-coverage', 'no'];
    processes.push(spawn('redis-server', [...args, ...cluster, ...full], { stdio: 'ignore' }));
  }
  // Also when a test ends this process early.
  process.once('exit', () => {
    for (const child of processes) child.kill('SIGKILL');
  });
  const clients = addresses.map(
    ({ host, port }) => new Redis({ host, port, retryStrategy: () => 50, maxRetriesPerRequest: 200 }),
  );
  for (const client of clients) client.on('error', () => {});
  for (const [i, client] of clients.entries()) {
    const from = Math.floor((SLOTS * i) / nodes);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, Math.floor((SLOTS * (i + 1)) / nodes) - 1);
    const first = addresses[0];
    if (i > 0 && first !== undefined) {
      const firstBus = await busPort(clients[0]);
      await client.call('CLUSTER', 'MEET', first.host, first.port, firstBus);
    }
  }
  for (const client of clients) await agreed(client, nodes);
  const kill = async (i: number): Promise<void> => {
    clients[i]?.disconnect();
    const child = processes[i];
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return {
    addresses,
    keys: () => Promise.all(clients.map((client) => client.keys('*'))),
    kill,
    stop: async () => {
      for (let i = 0; i < nodes; i++) await kill(i);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const READY_MS = 20_000;
async function agreed(client: Redis, nodes: number): Promise<void> {
  const end = Date.now() + READY_MS;
  for (;;) {
    const info = String(await client.call('CLUSTER', 'INFO'));
    const wanted = ['cluster_state:ok', `cluster_slots_ok:${SLOTS}`, `cluster_known_nodes:${nodes}`];
    if (wanted.every((line) => info.includes(line))) return;
    if (Date.now() > end) throw new Error(`the cluster never agreed: ${info}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** From the line of the node itself: `id host:port@bus flags …`. */
async function busPort(client: Redis | undefined): Promise<number> {
  const line = /@(\d+)\S* myself/.exec(String(await client?.call('CLUSTER', 'NODES')));
  return Number(line?.[1]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
