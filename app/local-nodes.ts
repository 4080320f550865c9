// Several nodes in one process, for `parley dev --nodes`: they share one embedded store and talk through memory, and are a cluster in all
// else. They die together, so this is for trying things out. The data is in a directory of its own: fences there are other numbers.
import { join } from 'node:path';
import { SHARDS } from '../actors/index.ts';
import { MemoryCoordination, MemoryHub } from '../cluster/memory/index.ts';
import type { Env } from '../runtime/index.ts';
import { shareStore } from '../storage/index.ts';
import { openLmdbStore } from '../storage/lmdb/index.ts';
import { LEAVE_SPREAD_MS } from './embedded-node.ts';
import { startNode } from './node.ts';
import type { StartNode } from './server.ts';

export interface LocalNodes {
  /** For `startServer`, once a node. */
  readonly startNode: StartNode;
  /** After all servers have stopped. */
  close(): Promise<void>;
}

export interface LocalNodesOptions {
  readonly env: Env;
  readonly dataDir: string;
  readonly mapBytes: number;
  /** Of the whole process: a node that cannot go on ends it. */
  readonly onFatal: (reason: string) => void;
}

/** Rejects when the store cannot be opened. */
export async function openLocalNodes({ env, dataDir, mapBytes, onFatal }: LocalNodesOptions): Promise<LocalNodes> {
  const lmdb = await openLmdbStore(join(dataDir, 'nodes'), { env, mapBytes });
  const store = await shareStore(lmdb, 'dev', SHARDS);
  const hub = new MemoryHub(env);
  const memory = new MemoryCoordination();
  let stopping = false;
  const start: StartNode = async (options) => {
    const { config } = options;
    const { name } = config.node;
    const coordination = memory.connect(options.env);
    const carrier = hub.connect(name);
    let state: 'ready' | 'stopping' = 'ready';
    const node = await startNode({
      env: options.env,
      name,
      store,
      verifier: options.verifier,
      pressure: options.pressure,
      counters: options.counters,
      rates: config.rates,
      writerLimits: { holdMs: config.storage.holdMs },
      writerObserver: options.writerObserver('writer-0'),
      cluster: {
        coordination,
        carrier,
        name: config.cluster.name,
        weight: config.cluster.weight,
        url: config.gateway.publicUrl,
      },
      onFatal: (reason) => {
        if (!stopping) onFatal(`${name}: ${reason}`);
      },
    });
    return {
      port: node.port,
      kernel: node.kernel,
      cluster: node.cluster,
      notReady: () => (state === 'ready' ? (node.cluster?.notReady() ?? null) : state),
      stop: async () => {
        // All go together: nobody is there to hand over to.
        stopping = true;
        state = 'stopping';
        await node.leave(LEAVE_SPREAD_MS, config.node.stopMs);
        await node.stop();
        await carrier.close();
        await coordination.close();
      },
    };
  };
  return { startNode: start, close: () => lmdb.close() };
}
