// The real node in a process of its own: gateway, cells, LMDB on disk, as `parley serve` composes it. Rates and the
// limits of pressure are raised by configuration, since a load comes from few addresses on a shared machine; nothing else differs. Started by a scenario, as a child.

import { configSchema } from '../../app/config.ts';
import { startEmbeddedNode } from '../../app/embedded-node.ts';
import type { BatchObserver } from '../../app/metrics.ts';
import type { NodeHandle } from '../../app/server.ts';
import { startServer } from '../../app/server.ts';
import { serveBench } from './server-child.ts';

export interface ParleyArgs {
  readonly secret: string;
  readonly dataDir: string;
  /** How long the writer holds a batch; null: the node's default. */
  readonly holdMs: number | null;
}

const args = JSON.parse(process.argv[2] ?? '{}') as ParleyArgs;
const unbounded = { perSecond: 1e9, burst: 1e9 };
const config = configSchema.parse({
  node: { name: 'bench', dataDir: args.dataDir, stopMs: 2_000 },
  gateway: { host: '0.0.0.0', port: 0, connectionsPerSourceMax: 100_000 },
  rates: {
    userMessages: unbounded,
    userBytes: unbounded,
    pairMessages: unbounded,
    sourceMessages: unbounded,
  },
  // A machine that is busy with others is no overload of ours: shedding has a scenario of its own.
  pressure: { presenceDelayMs: 5_000, signInDelayMs: 5_000, messageDelayMs: 10_000 },
  storage: args.holdMs === null ? {} : { holdMs: args.holdMs },
  log: { level: 'warn' },
});
let kernel: NodeHandle['kernel'] | null = null;
const store = { batches: 0, writes: 0, bytes: 0, commitMs: 0 };

/** Counts what the writer does, beside the node's own metrics. */
function counted(observer: BatchObserver): BatchObserver {
  return {
    flushed(reason, mails, writes, bytes) {
      store.batches += 1;
      store.writes += writes;
      store.bytes += bytes;
      observer.flushed(reason, mails, writes, bytes);
    },
    committed(latencyMs, attempts) {
      store.commitMs += latencyMs;
      observer.committed(latencyMs, attempts);
    },
    failed: (fault) => observer.failed(fault),
  };
}

const server = await startServer({
  config,
  auth: {
    keys: [{ is: 'secret', secret: Buffer.from(args.secret) }],
    audience: null,
    issuer: null,
    leewaySeconds: 5,
    requireExpiry: true,
    cachedTokensMax: config.auth.cachedTokensMax,
    wallNow: () => Date.now(),
  },
  startNode: async (options) => {
    const writerObserver = (writer: string) => counted(options.writerObserver(writer));
    const node = await startEmbeddedNode({ ...options, writerObserver }, (reason) => {
      process.stderr.write(`the node cannot go on: ${reason}\n`);
      process.exit(1);
    });
    kernel = node.kernel;
    return node;
  },
});
serveBench({
  address: { host: '127.0.0.1', port: server.gateway.port },
  stats: () => {
    const { framesIn, framesOut, socketWrites } = server.gateway.stats();
    return { framesIn, framesOut, socketWrites, ...store, slices: kernel?.stats().slices ?? 0 };
  },
  stop: () => server.stop(),
});
