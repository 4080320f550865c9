// A node of a real cluster: NATS for mail and for what is agreed, CQL for what is kept, Redis for presence. The one file of app/ that knows
// the NATS drivers. Started by server.ts when `cluster.carrier` says so.
import { readFileSync } from 'node:fs';
import { type Coordination, selfTest } from '../cluster/index.ts';
import {
  connectNatsCarrier,
  connectNatsCoordination,
  type NatsAuth,
  type NatsConnectOptions,
  type NatsTls,
} from '../cluster/nats/index.ts';
import type { Env } from '../runtime/index.ts';
import type { Config } from './config.ts';
import { cqlServersFromConfig } from './cql-servers.ts';
import { openConfiguredCqlStore } from './cql-store.ts';
import { LEAVE_SPREAD_MS } from './embedded-node.ts';
import { startNode } from './node.ts';
import { presenceFromConfig } from './presence.ts';
import type { NodeHandle, NodeOptions } from './server.ts';

/** A database answers late where an embedded store answers at once: more writers, so that one slow partition does not hold up all. */
const WRITERS = 4;
const SELF_TEST_TRIES = 5;
const SELF_TEST_PAUSE_MS = 1_000;

/** Rejects when a server cannot be reached, its schema is not ours, the coordination store lets two win, or another node has our name. */
export async function startClusterNode(options: NodeOptions, onFatal: (reason: string) => void): Promise<NodeHandle> {
  const { env, config, verifier, pressure, counters } = options;
  const { node, cluster, redis } = config;
  const closers: (() => Promise<void>)[] = [];
  /** All of them, the last opened first; rejects as the first that could not be closed, when all have been tried. */
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const each of closers.splice(0).reverse()) await each().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  let state: 'starting' | 'ready' | 'stopping' | 'failed' = 'starting';
  try {
    const servers = cqlServersFromConfig(config.storage.cql, { readText: (path) => readFileSync(path, 'utf8') });
    if (!servers.ok) throw new Error(servers.problems.map(({ path, about }) => `${path}: ${about}`).join('; '));
    const store = await openConfiguredCqlStore(env, config.storage.cql, servers.servers);
    closers.push(() => store.close());
    const nats = natsOptions(config);
    const coordinationOptions = { ...nats, env, cluster: cluster.name, replicas: config.nats.replicas };
    const coordination = await connectNatsCoordination(coordinationOptions);
    closers.push(() => coordination.close());
    const second = await connectNatsCoordination(coordinationOptions);
    await testCoordination(env, [coordination, second]).finally(() => second.close());
    const carrier = await connectNatsCarrier({ ...nats, env });
    closers.push(() => carrier.close());
    const presence = presenceFromConfig({ env, name: node.name, redis, observer: options.presenceObserver });
    if (presence !== null) closers.push(() => presence.close());
    const started = await startNode({
      env,
      name: node.name,
      store,
      verifier,
      pressure,
      counters,
      rates: config.rates,
      writers: WRITERS,
      writerObserver: options.writerObserver('writers'),
      ...(presence === null ? {} : { presence: { store: presence } }),
      cluster: { coordination, carrier, name: cluster.name, weight: cluster.weight, url: config.gateway.publicUrl },
      onFatal: (reason) => {
        if (state === 'stopping' || state === 'failed') return;
        state = 'failed';
        onFatal(reason);
      },
    });
    state = 'ready';
    return {
      ...(presence === null ? {} : { presence: { up: () => presence.up, counts: () => started.presenceCounts() } }),
      port: started.port,
      kernel: started.kernel,
      cluster: started.cluster,
      database: store,
      notReady: () => (state === 'ready' ? (started.cluster?.notReady() ?? null) : state),
      stop: async () => {
        state = 'stopping';
        try {
          // Sockets stay while sessions and chats move to other nodes; then clients are told where to go.
          await started.cluster?.drain(cluster.drainMs);
          await started.leave(LEAVE_SPREAD_MS, node.stopMs);
          await started.stop();
        } finally {
          await close();
        }
      },
    };
  } catch (error) {
    // Why it did not start is what is to be told, not what went wrong after that.
    await close().catch((ending: unknown) => env.log.warn({ error: String(ending) }, 'a connection was not closed'));
    throw error;
  }
}

/** A coordination store of which two win a race would give two nodes one shard. */
async function testCoordination(env: Env, connections: readonly Coordination[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    const result = await selfTest(connections, { run: env.id() });
    if (result.ok) return;
    if (result.reason === 'broken' || tries === SELF_TEST_TRIES) throw new Error(`NATS: ${result.about}`);
    env.log.warn({ about: result.about }, 'the coordination store did not answer; asking again');
    await new Promise<void>((resolve) => env.setTimer(resolve, SELF_TEST_PAUSE_MS));
  }
}

function natsOptions({ nats, node }: Config): NatsConnectOptions {
  const auth = authOf(nats);
  const tls = tlsOf(nats);
  return {
    servers: nats.servers,
    name: `parley-${node.name}`,
    ...(auth === null ? {} : { auth }),
    ...(tls === null ? {} : { tls }),
  };
}

function authOf({ user, password, token, credsFile }: Config['nats']): NatsAuth | null {
  if (credsFile !== null) return { credsFile };
  if (token !== null) return { token };
  return user === null ? null : { user, password: password ?? '' };
}

function tlsOf({ caFile, certFile, keyFile }: Config['nats']): NatsTls | null {
  if (caFile === null && certFile === null && keyFile === null) return null;
  return {
    ...(caFile === null ? {} : { caFile }),
    ...(certFile === null ? {} : { certFile }),
    ...(keyFile === null ? {} : { keyFile }),
  };
}
