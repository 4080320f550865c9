// The world of a cluster run: real NATS, Redis and Cassandra, nodes of `parley serve`, and for each node a network of its own to NATS
// and to Cassandra, which can fail for it alone. Also what a load balancer knows: who takes clients. Test code.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'cassandra-driver';
import { type Servers, type Skipped, startCassandra, startNats, startRedis } from '#services';
import { issueToken } from '../../gateway/index.ts';
import { NodeProcess } from './node-process.ts';
import type { Home } from './person.ts';
import { GENEROUS } from './server-process.ts';
import { TcpProxy } from './tcp-proxy.ts';

const SECRET = 'only for a chaos run, of this process and its children';
const CASSANDRA_HEAP_MB = 512;
const TOKEN_SECONDS = 3_600;
const HEALTH_MS = 500;
/** A node that ended by itself is started again after this time, as a service manager would. */
const REVIVE_MS = 2_000;
const DRAIN_MS = 60_000;

export interface Backends {
  readonly skip?: undefined;
  readonly nats: Servers;
  readonly redis: Servers;
  readonly cassandra: Servers;
}
export interface WorldOptions {
  readonly nodes: number;
  /** Null: one node on the embedded store, to try the run itself. */
  readonly backends: Backends | null;
  /** Where logs stay; null: they go with the run. */
  readonly keep: string | null;
  readonly log: (line: string) => void;
  /** Then all is ended, whatever is under way. */
  readonly signal?: AbortSignal | undefined;
}
/** A node with its networks; null where it has none. */
export interface WorldNode {
  readonly process: NodeProcess;
  readonly nats: TcpProxy | null;
  readonly cassandra: TcpProxy | null;
}

/** One's own servers, or the reason why there are none. */
export async function startBackends(say: (words: string) => void): Promise<Backends | Skipped> {
  const [nats, redis, cassandra] = await Promise.all([
    startNats({ say }),
    startRedis({ say }),
    startCassandra({ heapMb: CASSANDRA_HEAP_MB, say }),
  ]);
  if (nats.skip === null && redis.skip === null && cassandra.skip === null) return { nats, redis, cassandra };
  const lack = [nats, redis, cassandra].find((servers) => servers.skip !== null);
  await Promise.all(
    [nats, redis, cassandra].map(async (servers) => servers.skip === null && (await servers.dispose())),
  );
  return lack as Skipped;
}

export async function disposeBackends({ nats, redis, cassandra }: Backends): Promise<void> {
  await Promise.all([nats, redis, cassandra].map((servers) => servers.dispose()));
}

export class World {
  readonly nodes: WorldNode[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'parley-chaos-'));
  readonly options: WorldOptions;
  /** Nodes that took clients when they were asked last. */
  private readonly alive = new Set<string>();
  private readonly keyspace: string;
  private readonly cluster: string;
  private looking: Promise<void> | null = null;
  private over = false;
  private turn = 0;

  private constructor(options: WorldOptions) {
    this.options = options;
    // Servers may be shared with others: a name of our own everywhere.
    const unique = `${process.pid.toString(36)}${Date.now().toString(36)}`;
    this.keyspace = `chaos_${unique}`;
    this.cluster = `chaos-${unique}`;
  }

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    options.signal?.addEventListener('abort', () => void world.dispose(), { once: true });
    try {
      for (let i = 0; i < options.nodes; i++) await world.plan();
      if (options.backends !== null) await world.nodes[0]?.process.command(['migrate']);
      await Promise.all(world.nodes.map((node) => node.process.run()));
      await world.look();
      world.looking = world.keepLooking();
      return world;
    } catch (error) {
      await world.dispose();
      throw error;
    }
  }

  get clusterName(): string {
    return this.cluster;
  }

  node(name: string): WorldNode | undefined {
    return this.nodes.find((node) => node.process.name === name);
  }

  /** One more node, not started. */
  async plan(): Promise<WorldNode> {
    const { backends } = this.options;
    const name = `n${this.nodes.length + 1}`;
    const nats = backends && (await proxyTo(backends.nats));
    const cassandra = backends && (await proxyTo(backends.cassandra));
    const settings = {
      ...GENEROUS,
      'auth.secret': SECRET,
      'gateway.metricsFrom': 'loopback',
      'log.level': 'info',
      ...(backends && nats && cassandra
        ? {
            'cluster.carrier': 'nats',
            'cluster.name': this.cluster,
            'cluster.drainMs': String(DRAIN_MS),
            'nats.servers': `nats://${nats.address}`,
            'storage.kind': 'cql',
            'storage.cql.contactPoints': cassandra.address,
            'storage.cql.localDataCenter': backends.cassandra.facts.dataCenter ?? 'datacenter1',
            'storage.cql.replication': `${backends.cassandra.facts.dataCenter ?? 'datacenter1'}=1`,
            'storage.cql.keyspace': this.keyspace,
            'redis.url': backends.redis.url,
          }
        : {}),
    };
    const folder = this.options.keep ?? this.directory;
    mkdirSync(folder, { recursive: true });
    const node = { process: await NodeProcess.plan(name, folder, settings), nats, cassandra };
    this.nodes.push(node);
    return node;
  }

  /** For a client that prefers one node, and takes another when that one takes nobody. */
  homeAt(index: number): Home {
    const url = (): string => this.urlFor(index);
    return {
      get url() {
        return url();
      },
      elsewhere: url,
      directory: this.directory,
      token: (user) =>
        issueToken({ secret: Buffer.from(SECRET), user, ttlSeconds: TOKEN_SECONDS, wallNow: Date.now() }),
    };
  }

  nameAt(index: number): string {
    return this.nodes[index]?.process.name ?? '';
  }

  allReady(): boolean {
    return this.nodes.every((node) => !node.process.running || this.alive.has(node.process.name));
  }

  /** Ends what it started, and removes its folder. May be called again. */
  async dispose(): Promise<void> {
    this.over = true;
    await Promise.all(this.nodes.map(({ process }) => process.kill()));
    await this.looking;
    await Promise.all(this.nodes.map(({ process }) => process.kill()));
    await Promise.all(this.nodes.flatMap(({ nats, cassandra }) => [nats?.close(), cassandra?.close()]));
    await this.dropKeyspace();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A database that somebody lent us is given back as it was. */
  private async dropKeyspace(): Promise<void> {
    const cassandra = this.options.backends?.cassandra;
    if (cassandra === undefined || !cassandra.given) return;
    const client = new Client({
      contactPoints: [...cassandra.addresses],
      localDataCenter: cassandra.facts.dataCenter ?? '',
    });
    await client.execute(`DROP KEYSPACE IF EXISTS ${this.keyspace}`).catch(() => {});
    await client.shutdown();
  }

  private urlFor(index: number): string {
    const home = this.nodes[index]?.process;
    if (home && this.alive.has(home.name)) return home.url;
    const others = this.nodes.filter(({ process }) => this.alive.has(process.name));
    this.turn++;
    return (others[this.turn % others.length]?.process ?? home)?.url ?? 'ws://127.0.0.1:9';
  }

  private async keepLooking(): Promise<void> {
    while (!this.over) {
      await this.look();
      for (const { process } of this.nodes) if (process.fallen) void this.revive(process);
      await new Promise((resolve) => setTimeout(resolve, HEALTH_MS));
    }
  }

  private async look(): Promise<void> {
    await Promise.all(
      this.nodes.map(async ({ process }) => {
        if (await process.ready()) this.alive.add(process.name);
        else this.alive.delete(process.name);
      }),
    );
  }

  private async revive(node: NodeProcess): Promise<void> {
    this.options.log(`   ! ${node.ends.at(-1)?.slice(0, 400) ?? node.name}`);
    node.fallen = false;
    await new Promise((resolve) => setTimeout(resolve, REVIVE_MS));
    if (this.over || node.running) return;
    await node.run().catch((error: unknown) => this.options.log(`   ! ${String(error).slice(0, 400)}`));
  }
}

async function proxyTo(servers: Servers): Promise<TcpProxy> {
  const [host = '', port = ''] = (servers.addresses[0] ?? '').split(':');
  return await TcpProxy.open({ host, port: Number(port) });
}
