// A node on the embedded store: what `parley dev` and `parley serve` run until a cluster is configured. The one file of app/ that
// knows LMDB. Started by server.ts.
import { openLmdbStore } from '../storage/lmdb/index.ts';
import { startNode } from './node.ts';
import { presenceFromConfig } from './presence.ts';
import type { NodeHandle, NodeOptions } from './server.ts';

/** Clients come back within this time after a stop, spread, so that a restart is no herd. */
export const LEAVE_SPREAD_MS = 1_000;

/** Rejects when the store cannot be opened. `onFatal`: the node has stopped being of use, and its process should end. */
export async function startEmbeddedNode(options: NodeOptions, onFatal: (reason: string) => void): Promise<NodeHandle> {
  const { env, config, verifier, pressure, counters } = options;
  const presence = presenceFromConfig({
    env,
    name: config.node.name,
    redis: config.redis,
    observer: options.presenceObserver,
  });
  const store = await openLmdbStore(config.node.dataDir, { env, mapBytes: config.storage.mapBytes });
  let state: 'starting' | 'ready' | 'stopping' | 'failed' = 'starting';
  const node = await startNode({
    env,
    name: config.node.name,
    store,
    verifier,
    pressure,
    counters,
    rates: config.rates,
    ...(presence === null ? {} : { presence: { store: presence } }),
    writerLimits: { holdMs: config.storage.holdMs },
    writerObserver: options.writerObserver('writer-0'),
    onFatal: (reason) => {
      if (state === 'stopping' || state === 'failed') return;
      state = 'failed';
      onFatal(reason);
    },
  }).catch(async (error: unknown) => {
    await presence?.close();
    await store.close();
    throw error;
  });
  state = 'ready';
  return {
    ...(presence === null ? {} : { presence: { up: () => presence.up, counts: () => node.presenceCounts() } }),
    port: node.port,
    kernel: node.kernel,
    cluster: null,
    notReady: () => (state === 'ready' ? null : state),
    stop: async () => {
      state = 'stopping';
      await node.leave(LEAVE_SPREAD_MS, config.node.stopMs);
      await node.stop();
      await presence?.close();
      await store.close();
    },
  };
}
