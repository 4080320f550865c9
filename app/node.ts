// A node, composed: kernel, services, cells, and the port that a gateway, or a simulation, talks to. No sockets and no drivers here.
// Everything ambient comes in through Env; the store is open already. Started by app/serve.ts, tests and the simulation.
import {
  type ActorDeps,
  type ConnectionPort,
  type Counters,
  chatKind,
  connectionKind,
  DEFAULT_RATES,
  type PresenceCounts,
  type PresenceLimits,
  type PresenceStore,
  type Pressure,
  presenceService,
  type RateConfig,
  RateLimiter,
  SHARDS,
  sentOf,
  sessionKind,
  type Taken,
  type TokenVerifier,
  verifierService,
} from '../actors/index.ts';
import { createKernel, type Env, type Kernel, type SupervisorHandle, startSupervisor } from '../runtime/index.ts';
import { createWriters, readerKind, type Store, type WriterLimits, type WriterObserver } from '../storage/index.ts';
import { type ClusterOptions, ClusterSide } from './cluster.ts';
import { DueShards, recoveryService } from './recovery.ts';
import { sweeperService } from './sweeper.ts';

export interface NodeOptions {
  readonly env: Env;
  /** The node's name, for clients, logs and the fence. */
  readonly name: string;
  readonly store: Store;
  readonly verifier: TokenVerifier;
  readonly pressure?: Pressure;
  /** Where presence is kept for other nodes; default: sessions tell each other, which is enough on one. The caller closes it. */
  readonly presence?: { readonly store: PresenceStore; readonly limits?: Partial<PresenceLimits> };
  /** One of several nodes, which share the store; default: alone. */
  readonly cluster?: ClusterOptions;
  readonly rates?: RateConfig;
  /** Persistence actors; default 1, which is best for LMDB. */
  readonly writers?: number;
  readonly writerLimits?: Partial<WriterLimits>;
  readonly writerObserver?: WriterObserver;
  /** Cells' mailbox limit and such are the kinds' own; this is for how long cells run before I/O has its turn. */
  readonly sliceMs?: number;
  /** Counts refusals and such for the metrics; default: nobody counts. */
  readonly counters?: Counters;
  /** The node cannot go on: fenced out by another owner of its store, or its services crash too often. */
  readonly onFatal?: (reason: string) => void;
}

export interface Node {
  readonly kernel: Kernel;
  readonly port: ConnectionPort;
  /** Of the store; 0 in a cluster, where each shard has its own. */
  readonly fence: number;
  /** Null: alone. */
  readonly cluster: ClusterSide | null;
  readonly services: SupervisorHandle;
  readonly counters: Counters;
  /** Of the presence service; null without one. */
  presenceCounts(): PresenceCounts | null;
  /** Tells every client to come back after a delay of up to `spreadMs`, answers what is in flight, closes. Resolves when all are gone, or after `limitMs`. */
  leave(spreadMs: number, limitMs: number): Promise<void>;
  /** Stops cells, then services, each with its last word: what was taken is flushed. */
  stop(): Promise<void>;
}

const NO_COUNTERS: Counters = { count: () => {} };
const NO_PRESSURE: Pressure = { level: 0 };

export async function startNode(options: NodeOptions): Promise<Node> {
  const { env, name, store } = options;
  const cluster = options.cluster === undefined ? null : new ClusterSide(env, name, store, options.cluster);
  const fence = cluster === null ? await store.takeFence(0, name) : 0;
  const kernel = createKernel({
    env,
    node: name,
    ...(cluster === null ? {} : { router: cluster.router }),
    ...(options.sliceMs === undefined ? {} : { sliceMs: options.sliceMs }),
  });
  const fatal = (reason: string): void => {
    env.log.error({ reason }, 'the node cannot go on');
    options.onFatal?.(reason);
  };
  const services = startSupervisor(
    kernel,
    { name: 'node', strategy: 'one_for_one', children: [] },
    { onEscalate: (reason) => fatal(`services crash too often: ${reason}`) },
  );
  const counters = options.counters ?? NO_COUNTERS;
  const writers = createWriters({
    store,
    count: options.writers ?? 1,
    ...(options.writerLimits === undefined ? {} : { limits: options.writerLimits }),
    indexOf: sentOf,
    observer: () => fencedObserver(options.writerObserver, () => fatal('another node has taken over the store')),
    start: (kind) => services.startService(kind).ref,
  });
  const reader = services.startService(readerKind({ store }));
  const verifier = services.startService(verifierService(options.verifier));
  const presence = options.presence
    ? presenceService({
        ...options.presence,
        self: () => cluster?.self ?? name,
        isHere: (user) => {
          const session = kernel.whereis('session', user);
          return session !== null && kernel.isAlive(session);
        },
      })
    : null;
  const deps: ActorDeps = {
    node: name,
    // One node alone owns every shard under the one fence of its store, which refuses what comes after another's.
    fenceOf: (shard) => cluster?.fenceOf(shard) ?? fence,
    holds: (shard, held) => cluster?.holds(shard, held) ?? true,
    ownerOf: (chat) => cluster?.ownerOf(chat) ?? null,
    writerFor: (partition) => writers.refFor(partition),
    reader: reader.ref,
    rates: new RateLimiter(options.rates ?? DEFAULT_RATES),
    pressure: options.pressure ?? NO_PRESSURE,
    counters,
    verifierService: verifier.ref,
    presence: presence === null ? null : services.startService(presence).ref,
    elsewhere: null,
  };
  kernel.register(chatKind(deps));
  kernel.register(sessionKind(deps));
  kernel.register(connectionKind(deps));
  const due = new DueShards();
  const recovery = services.startService(recoveryService(store, due, (shard) => cluster?.isOpen(shard) ?? true));
  services.startService(sweeperService(store));
  const stop = async (): Promise<void> => {
    await kernel.shutdown();
    await cluster?.stop();
  };
  const wake = (shards: readonly number[]): void => {
    due.add(shards);
    kernel.send(recovery.ref, { t: 'go' });
  };
  try {
    await services.ready;
    await recovery.ready;
    if (cluster === null) wake(Array.from({ length: SHARDS }, (_, shard) => shard));
    else {
      await cluster.start(kernel, {
        opened: (shard) => wake([shard]),
        nodesDown: (node) => {
          for (const connection of kernel.cells('connection')) kernel.send(connection, { t: 'nodeDown', node });
        },
        onFatal: fatal,
      });
    }
  } catch (error) {
    // Nothing may go on working on a store that the caller closes. Why it did not start is what is to be told.
    await stop().catch((ending: unknown) => env.log.warn({ error: String(ending) }, 'the node did not stop well'));
    throw error;
  }
  const port = new Port(kernel, env.id().slice(0, 6), () => cluster?.others() ?? []);
  return {
    kernel,
    port,
    fence,
    cluster,
    services,
    counters,
    presenceCounts: () => presence?.state.counts ?? null,
    leave: (spreadMs, limitMs) => port.leave(spreadMs, limitMs),
    stop,
  };
}

function fencedObserver(inner: WriterObserver | undefined, onFenced: () => void): WriterObserver {
  return {
    flushed: (reason, mails, writes, bytes) => inner?.flushed(reason, mails, writes, bytes),
    committed: (latencyMs, attempts) => inner?.committed(latencyMs, attempts),
    failed: (fault) => {
      inner?.failed(fault);
      if (fault === 'fenced') onFenced();
    },
  };
}

class Port implements ConnectionPort {
  private readonly kernel: Kernel;
  /** Where the clients of a node that leaves may go instead. */
  private readonly others: () => readonly string[];
  private leaving = false;
  /** Connections of a user's devices are on any node: what refuses or leaves must not be taken for that of another. */
  private readonly suffix: string;
  private count = 0;

  constructor(kernel: Kernel, suffix: string, others: () => readonly string[]) {
    this.kernel = kernel;
    this.suffix = suffix;
    this.others = others;
  }

  open(sink: Parameters<ConnectionPort['open']>[0]): ReturnType<ConnectionPort['open']> {
    if (this.leaving) return null;
    this.count++;
    return this.kernel.spawn('connection', `${this.count}.${this.suffix}`, sink);
  }

  frame(connection: Parameters<ConnectionPort['frame']>[0], frame: Parameters<ConnectionPort['frame']>[1]): Taken {
    const refused = this.kernel.send(connection, frame);
    if (refused === null) return 'taken';
    return refused === 'mailboxFull' ? 'full' : 'gone';
  }

  broke(...[connection, code, about]: Parameters<ConnectionPort['broke']>): void {
    if (this.kernel.send(connection, { t: 'broke', code, about }) !== null) this.kernel.stop(connection);
  }

  closed(connection: Parameters<ConnectionPort['closed']>[0]): void {
    // Behind what the peer sent before it went; if that does not fit, the session hears from its monitor.
    if (this.kernel.send(connection, { t: 'gone' }) !== null) this.kernel.stop(connection, 'normal');
  }

  async leave(spreadMs: number, limitMs: number): Promise<void> {
    this.leaving = true;
    const { env } = this.kernel;
    const urls = this.others();
    let turn = Math.floor(env.random() * urls.length);
    for (const connection of this.kernel.cells('connection')) {
      const delayMs = Math.floor(env.random() * spreadMs);
      const url = urls[turn++ % urls.length] ?? null;
      if (this.kernel.send(connection, { t: 'leave', delayMs, url }) !== null) this.kernel.stop(connection);
    }
    const until = env.now() + limitMs;
    while (!this.kernel.cells('connection').next().done && env.now() < until) {
      await new Promise<void>((resolve) => env.setTimer(resolve, 20));
    }
  }
}
