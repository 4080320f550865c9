// Several nodes in one process, each with its gateway, over the carriers in memory and one embedded store that they share: what an
// embedded store allows. Their processor time is that of the process. Started by a bed, as a child.
import { SHARDS } from '../../actors/index.ts';
import { startNode } from '../../app/node.ts';
import { type NodeHandle, type Server, startServer } from '../../app/server.ts';
import { MemoryCoordination, MemoryHub } from '../../cluster/memory/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { shareStore } from '../../storage/index.ts';
import { openLmdbStore } from '../../storage/lmdb/index.ts';
import { clusterCounts, openShards, sum } from './cluster-stats.ts';
import { benchAuth, benchConfig, endBench, type NodeArgs, StoreCounts } from './parley-config.ts';
import { serveBench } from './server-child.ts';

export interface ClusterSharedArgs extends NodeArgs {
  readonly nodes: number;
  readonly dataDir: string;
}

const args = JSON.parse(process.argv[2] ?? '{}') as ClusterSharedArgs;
const env = createRealEnv(silentLog);
const hub = new MemoryHub(env);
const coordination = new MemoryCoordination();
const { mapBytes, holdMs } = benchConfig(args, {}).storage;
const lmdb = await openLmdbStore(args.dataDir, { env, mapBytes });
const shared = await shareStore(lmdb, 'bench', SHARDS);
const store = new StoreCounts();

async function start(name: string): Promise<{ server: Server; node: NodeHandle }> {
  const config = benchConfig(args, { node: { name } });
  let handle: NodeHandle | null = null;
  const server = await startServer({
    config,
    auth: benchAuth(args, config),
    startNode: async ({ env, verifier, pressure, counters, writerObserver }) => {
      const node = await startNode({
        env,
        name,
        store: shared,
        verifier,
        pressure,
        counters,
        rates: config.rates,
        writerLimits: { holdMs },
        writerObserver: store.around(writerObserver('writer-0')),
        cluster: {
          name: 'bench',
          weight: 1,
          url: null,
          coordination: coordination.connect(env),
          carrier: hub.connect(name),
        },
        onFatal: endBench,
      });
      handle = {
        port: node.port,
        kernel: node.kernel,
        cluster: node.cluster,
        notReady: () => node.cluster?.notReady() ?? null,
        stop: () => node.stop(),
      };
      return handle;
    },
  });
  return { server, node: handle as unknown as NodeHandle };
}

const nodes = await Promise.all(Array.from({ length: args.nodes }, (_, i) => start(`n${i + 1}`)));
serveBench({
  address: nodes.map(({ server }) => ({ host: '127.0.0.1', port: server.gateway.port })),
  stats: () => ({ ...sum(nodes.map(({ server, node }) => clusterCounts(server, node))), ...store.counts }),
  more: { openShards: () => nodes.map(({ node }) => openShards(node)) },
  stop: async () => {
    await Promise.all(nodes.map(({ server }) => server.stop()));
    await lmdb.close();
  },
});
