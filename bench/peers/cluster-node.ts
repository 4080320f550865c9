// One node of a real cluster in a process of its own, on NATS and Cassandra, as `parley serve` composes it. Started by a bed, as a child.
import { startClusterNode } from '../../app/cluster-node.ts';
import { type NodeHandle, startServer } from '../../app/server.ts';
import { clusterCounts, openShards } from './cluster-stats.ts';
import { benchAuth, benchConfig, endBench, type NodeArgs, StoreCounts } from './parley-config.ts';
import { serveBench } from './server-child.ts';

export interface ClusterNodeArgs extends NodeArgs {
  readonly name: string;
  readonly cluster: string;
  readonly natsServers: readonly string[];
  readonly cql: Readonly<Record<string, unknown>>;
}

const args = JSON.parse(process.argv[2] ?? '{}') as ClusterNodeArgs;
const config = benchConfig(args, {
  node: { name: args.name },
  cluster: { carrier: 'nats', name: args.cluster },
  nats: { servers: args.natsServers },
  storage: { kind: 'cql', cql: args.cql },
});
const store = new StoreCounts();
let node: NodeHandle | null = null;
const server = await startServer({
  config,
  auth: benchAuth(args, config),
  startNode: async (options) => {
    const writerObserver = (writer: string) => store.around(options.writerObserver(writer));
    node = await startClusterNode({ ...options, writerObserver }, endBench);
    return node;
  },
});
const running = node as unknown as NodeHandle;
serveBench({
  address: { host: '127.0.0.1', port: server.gateway.port },
  stats: () => ({ ...clusterCounts(server, running), ...store.counts }),
  more: { openShards: () => [openShards(running)] },
  stop: () => server.stop(),
});
