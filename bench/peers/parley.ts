// The real node in a process of its own: gateway, cells, LMDB on disk, as `parley serve` composes it. Started by a scenario, as a child.
import { startEmbeddedNode } from '../../app/embedded-node.ts';
import type { NodeHandle } from '../../app/server.ts';
import { startServer } from '../../app/server.ts';
import { benchAuth, benchConfig, endBench, type NodeArgs, StoreCounts } from './parley-config.ts';
import { serveBench } from './server-child.ts';

export interface ParleyArgs extends NodeArgs {
  readonly dataDir: string;
}

const args = JSON.parse(process.argv[2] ?? '{}') as ParleyArgs;
const config = benchConfig(args, { node: { name: 'bench', dataDir: args.dataDir } });
let kernel: NodeHandle['kernel'] | null = null;
const store = new StoreCounts();

const server = await startServer({
  config,
  auth: benchAuth(args, config),
  startNode: async (options) => {
    const writerObserver = (writer: string) => store.around(options.writerObserver(writer));
    const node = await startEmbeddedNode({ ...options, writerObserver }, endBench);
    kernel = node.kernel;
    return node;
  },
});
serveBench({
  address: { host: '127.0.0.1', port: server.gateway.port },
  stats: () => {
    const { framesIn, framesOut, socketWrites } = server.gateway.stats();
    return { framesIn, framesOut, socketWrites, ...store.counts, slices: kernel?.stats().slices ?? 0 };
  },
  stop: () => server.stop(),
});
