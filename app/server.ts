// A whole node with its edge: log, metrics, pressure, then the cells (node.ts), then the gateway, in this order, and back in the
// reverse one. Started by `parley dev` and `parley serve`. Knows no command line and reads no environment.
import type { ConnectionPort, Counters, Pressure, TokenVerifier } from '../actors/index.ts';
import {
  type AuthOptions,
  checkAddress,
  createTokenVerifier,
  type Gateway,
  type HttpRoute,
  startGateway,
  startPressureMonitor,
} from '../gateway/index.ts';
import { createRealEnv, type Env } from '../runtime/index.ts';
import type { ClusterSide } from './cluster.ts';
import type { Config } from './config.ts';
import { createLog } from './logging.ts';
import {
  type BatchObserver,
  createMetrics,
  type KernelView,
  type MetricSources,
  type PresenceView,
  type StoreObserver,
} from './metrics.ts';

/** What the cells of a node are started with. */
export interface NodeOptions {
  readonly env: Env;
  readonly config: Config;
  readonly verifier: TokenVerifier;
  readonly pressure: Pressure;
  readonly counters: Counters;
  readonly writerObserver: (writer: string) => BatchObserver;
  readonly presenceObserver?: StoreObserver;
}
/** The running cells, as their edge sees them. */
export interface NodeHandle {
  readonly port: ConnectionPort;
  readonly kernel: KernelView & { onSliceEnd(run: () => void): void };
  /** Null: alone. */
  readonly cluster: ClusterSide | null;
  /** Absent: no presence store is configured. */
  readonly presence?: PresenceView;
  /** Absent: the store is embedded. */
  readonly database?: MetricSources['database'];
  /** Null: ready for clients. */
  notReady(): string | null;
  /** Tells clients to go, lets cells finish, flushes what was accepted, closes the store. */
  stop(): Promise<void>;
}
export type StartNode = (options: NodeOptions) => Promise<NodeHandle>;

export interface ServerOptions {
  readonly config: Config;
  readonly auth: AuthOptions;
  readonly startNode: StartNode;
  readonly routes?: ReadonlyMap<string, HttpRoute>;
}
export interface Server {
  readonly gateway: Gateway;
  readonly env: Env;
  /** Loses nothing that was accepted; takes as long as clients need to leave, at most `node.stopMs`. */
  stop(): Promise<void>;
}

/** Rejects with what the parts reject with: a port in use, a store that cannot be opened, a key that cannot be read. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { config } = options;
  const env = createRealEnv(createLog({ ...config.log, node: config.node.name }));
  const verifier = await createTokenVerifier(options.auth);
  await checkAddress(config.gateway);
  const metrics = createMetrics(config.node.name);
  const pressure = startPressureMonitor(env, {
    delayMs: [config.pressure.presenceDelayMs, config.pressure.signInDelayMs, config.pressure.messageDelayMs],
    heapShare: config.pressure.heapShare,
  });
  let node: NodeHandle | null = null;
  try {
    const { counters, writerObserver, presenceObserver } = metrics;
    node = await options.startNode({ env, config, verifier, pressure, counters, writerObserver, presenceObserver });
    metrics.watch({ kernel: node.kernel, pressure });
    if (node.presence !== undefined) metrics.watch({ presence: node.presence });
    if (node.cluster !== null) metrics.watch({ cluster: node.cluster });
    if (node.database !== undefined) metrics.watch({ database: node.database });
    const routing = node;
    const gateway = await startGateway({
      env,
      config: config.gateway,
      port: node.port,
      pressure,
      kernelHooks: node.kernel,
      metrics,
      health: node,
      nodeName: config.node.name,
      routeFor: (user) => routing.cluster?.routeFor(user) ?? null,
      ...(options.routes === undefined ? {} : { routes: options.routes }),
    });
    metrics.watch({ gateway });
    env.log.info({ url: gateway.url }, 'listening');
    const running = node;
    let stopping: Promise<void> | null = null;
    const stop = async (): Promise<void> => {
      env.log.info({}, 'stopping');
      gateway.stopAccepting();
      await running.stop();
      await gateway.stop(config.node.stopMs);
      pressure.stop();
      env.log.info({}, 'stopped');
    };
    return {
      gateway,
      env,
      stop: () => {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    pressure.stop();
    // Why it did not start is what is to be told, not what went wrong after that.
    await node
      ?.stop()
      .catch((ending: unknown) => env.log.warn({ error: String(ending) }, 'the node did not stop well'));
    throw error;
  }
}
