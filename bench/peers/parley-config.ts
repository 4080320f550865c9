// What all nodes of a bench are configured with. Rates and the limits of pressure are raised, since a load comes from few addresses on a
// shared machine; nothing else differs from what people run.
import { type Config, configSchema } from '../../app/config.ts';
import type { BatchObserver } from '../../app/metrics.ts';
import type { ServerOptions } from '../../app/server.ts';

export interface NodeArgs {
  readonly secret: string;
  /** How long the writer holds a batch; null: the node's default. */
  readonly holdMs: number | null;
}

const unbounded = { perSecond: 1e9, burst: 1e9 };

export function benchConfig(
  { holdMs }: NodeArgs,
  more: { readonly [section: string]: Readonly<Record<string, unknown>> },
): Config {
  const { storage = {}, node = {}, ...rest } = more;
  return configSchema.parse({
    gateway: { host: '0.0.0.0', port: 0, connectionsPerSourceMax: 100_000 },
    rates: {
      userMessages: unbounded,
      userBytes: unbounded,
      pairMessages: unbounded,
      sourceMessages: unbounded,
    },
    // A machine that is busy with others is no overload of ours: shedding has a scenario of its own.
    pressure: { presenceDelayMs: 5_000, signInDelayMs: 5_000, messageDelayMs: 10_000 },
    log: { level: 'error' },
    ...rest,
    node: { stopMs: 2_000, ...node },
    storage: holdMs === null ? storage : { holdMs, ...storage },
  });
}

export function benchAuth({ secret }: NodeArgs, config: Config): ServerOptions['auth'] {
  return {
    keys: [{ is: 'secret', secret: Buffer.from(secret) }],
    audience: null,
    issuer: null,
    leewaySeconds: 5,
    requireExpiry: true,
    cachedTokensMax: config.auth.cachedTokensMax,
    wallNow: () => Date.now(),
  };
}

/** Counts what writers do, beside the node's own metrics. */
export class StoreCounts {
  readonly counts = { batches: 0, writes: 0, bytes: 0, commitMs: 0 };

  around(observer: BatchObserver): BatchObserver {
    const { counts } = this;
    return {
      flushed(reason, mails, writes, bytes) {
        counts.batches += 1;
        counts.writes += writes;
        counts.bytes += bytes;
        observer.flushed(reason, mails, writes, bytes);
      },
      committed(latencyMs, attempts) {
        counts.commitMs += latencyMs;
        observer.committed(latencyMs, attempts);
      },
      failed: (fault) => observer.failed(fault),
    };
  }
}

/** A node that cannot go on ends its bench. */
export function endBench(reason: string): void {
  process.stderr.write(`the node cannot go on: ${reason}\n`);
  process.exit(1);
}
