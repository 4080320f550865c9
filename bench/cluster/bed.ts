// The nodes that a bench of the cluster loads. On CQL each is a process of its own, as `parley serve` is, with real NATS and Cassandra;
// on LMDB, which one process holds, they are in one process over the carrier in memory.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Servers, startCassandra, startNats } from '#services';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { createClient, migrate } from '../../storage/cql/index.ts';
import { Child } from '../children.ts';
import type { BenchOptions } from '../options.ts';
import type { ClusterNodeArgs } from '../peers/cluster-node.ts';
import type { ClusterSharedArgs } from '../peers/cluster-shared.ts';
import type { ServerAddress } from '../peers/server-child.ts';
import { SECRET, SERVER_CORE } from '../scenarios/peer.ts';
import { cpuUsOf } from '../store/servers.ts';

export interface Bed {
  readonly nodes: number;
  /** The processes that the nodes are in. */
  readonly processes: Child[];
  readonly addresses: ServerAddress[];
  /** Processor time of NATS and Cassandra so far, µs; they are not in any figure of the nodes. */
  readonly serversCpuUs: () => Readonly<Record<string, number>>;
  readonly about: string;
  close(): Promise<void>;
}

const SETTLED_MS = 60_000;
/** Newcomers get their share over several rings; when no shard has moved for so long, the last of them was made. */
const STILL_MS = 6_000;
const SHARDS = 1_024;
const DATA_CENTRE = 'datacenter1';
const DRAIN_MS = 90_000;
const HEAP_MB = 1_024;

export function openBed(options: BenchOptions, say: (line: string) => void): Promise<Bed> {
  return options.store === 'cql' ? openCqlBed(options, say) : openSharedBed(options);
}

async function openSharedBed({ nodes, holdMs, out, serverArgs }: BenchOptions): Promise<Bed> {
  const args: ClusterSharedArgs = { secret: SECRET, holdMs, nodes, dataDir: join(out, 'data') };
  const { child, announced } = await Child.start<ServerAddress[]>({
    module: 'peers/cluster-shared',
    core: SERVER_CORE,
    nodeArgs: serverArgs,
    args,
  });
  return {
    nodes,
    processes: [child],
    addresses: announced,
    serversCpuUs: () => ({}),
    about: `${nodes} node${nodes === 1 ? '' : 's'} in ONE process over the carrier in memory, which share one LMDB store`,
    close: () => child.stop(),
  };
}

/** A cluster on servers of its own, in which nodes can be started one by one. */
export class CqlBed implements Bed {
  readonly processes: Child[] = [];
  readonly addresses: ServerAddress[] = [];
  readonly nats: Servers;
  readonly cluster = `bench-${process.pid.toString(36)}${Date.now().toString(36)}`;
  private readonly options: BenchOptions;
  private readonly cassandra: Servers;
  private readonly keyspace = `bench_${process.pid.toString(36)}${Date.now().toString(36)}`;

  private constructor(options: BenchOptions, nats: Servers, cassandra: Servers) {
    this.options = options;
    this.nats = nats;
    this.cassandra = cassandra;
  }

  static async open(options: BenchOptions, say: (line: string) => void): Promise<CqlBed> {
    const [nats, cassandra] = await Promise.all([startNats(), startCassandra({ load: true, heapMb: HEAP_MB, say })]);
    if (nats.skip !== null) throw new TypeError(`no NATS: ${nats.skip}`);
    if (cassandra.skip !== null) throw new TypeError(`no Cassandra: ${cassandra.skip}`);
    const bed = new CqlBed(options, nats, cassandra);
    const { contactPoints, localDataCenter } = bed.cql;
    const client = createClient({ contactPoints, localDataCenter }, null);
    const env = createRealEnv(silentLog);
    await migrate(client, { env, keyspace: bed.keyspace, replication: { [localDataCenter]: 1 } });
    await client.shutdown();
    return bed;
  }

  get nodes(): number {
    return this.processes.length;
  }

  get about(): string {
    return `${this.nodes} node${this.nodes === 1 ? '' : 's'}, each a process of its own, on NATS ${this.nats.version} and Cassandra ${this.cassandra.version}`;
  }

  /** One more node. */
  async join(): Promise<void> {
    const { child, address } = await this.start(this.processes.length);
    this.processes.push(child);
    this.addresses.push(address);
  }

  /** SIGKILL. */
  async kill(at: number): Promise<void> {
    await this.processes[at]?.kill();
  }

  /** That node, after its end, as another incarnation. */
  async again(at: number): Promise<void> {
    const { child, address } = await this.start(at);
    this.processes[at] = child;
    this.addresses[at] = address;
  }

  /** As an operator stops it; resolves when it has gone. */
  async drain(at: number): Promise<void> {
    const [child] = this.processes.splice(at, 1);
    this.addresses.splice(at, 1);
    await child?.stop(DRAIN_MS);
  }

  private async start(at: number): Promise<{ child: Child; address: ServerAddress }> {
    const args: ClusterNodeArgs = {
      secret: SECRET,
      holdMs: this.options.holdMs,
      name: `n${at + 1}`,
      cluster: this.cluster,
      natsServers: this.nats.urls,
      cql: { ...this.cql, keyspace: this.keyspace, commitLog: 'ignore' },
    };
    const { child, announced } = await Child.start<ServerAddress>({
      module: 'peers/cluster-node',
      core: SERVER_CORE,
      nodeArgs: this.options.serverArgs,
      args,
    });
    return { child, address: announced };
  }

  readonly serversCpuUs = (): Readonly<Record<string, number>> => {
    const of = (servers: Servers): number => servers.nodes.reduce((total, { pid }) => total + cpuUsOf(pid), 0);
    return { nats: of(this.nats), cassandra: of(this.cassandra) };
  };

  async close(): Promise<void> {
    await Promise.all(this.processes.map((child) => child.stop()));
    await Promise.all([this.nats.dispose(), this.cassandra.dispose()]);
  }

  private get cql(): { readonly contactPoints: readonly string[]; readonly localDataCenter: string } {
    const { addresses, facts } = this.cassandra;
    return { contactPoints: addresses, localDataCenter: facts.dataCenter ?? DATA_CENTRE };
  }
}

async function openCqlBed(options: BenchOptions, say: (line: string) => void): Promise<Bed> {
  const bed = await CqlBed.open(options, say);
  try {
    for (let i = 0; i < options.nodes; i++) await bed.join();
    return bed;
  } catch (error) {
    await bed.close();
    throw error;
  }
}

/** Which node has each shard open, once all are, no node has twice its share, and none has moved for a while. */
export async function ownersOf(bed: Bed): Promise<number[]> {
  const until = performance.now() + SETTLED_MS;
  let last = '';
  let since = performance.now();
  for (;;) {
    const open = (await Promise.all(bed.processes.map((child) => child.ask<number[][]>('openShards')))).flat();
    const owners = new Array<number>(SHARDS).fill(-1);
    for (const [node, shards] of open.entries()) for (const shard of shards) owners[shard] = node;
    const shared = open.every((shards) => shards.length > SHARDS / bed.nodes / 2);
    const now = performance.now();
    if (owners.join() !== last) since = now;
    last = owners.join();
    if (shared && !owners.includes(-1) && now - since >= STILL_MS) return owners;
    if (now > until) throw new Error(`shards did not settle: ${open.map((shards) => shards.length)}`);
    await sleep(100);
  }
}
