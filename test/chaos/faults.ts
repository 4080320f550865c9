// What can go wrong in a cluster run, each with its end: how it is begun, how long it lasts, how it is undone, and whose clients feel it.
// Test code; who begins and undoes them is cluster.ts.
import type { Servers } from '#services';
import type { World, WorldNode } from './cluster-world.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export interface Fault {
  readonly name: string;
  /** Clients of that node feel it first; null: all do. */
  readonly node: string | null;
  readonly holdMs: number;
  /** The time to the next `sent` of each client that is aimed at, ms; null: none is stated. */
  readonly aimMs: number | null;
  begin(): Promise<void>;
  heal(): Promise<void>;
}

/** How long each kind lasts. */
export interface FaultTimes {
  readonly killMs: number;
  readonly pauseMs: number;
  readonly cutMs: number;
  readonly serverMs: number;
  readonly databaseMs: number;
}
export const FULL_TIMES: FaultTimes = {
  killMs: 5_000,
  pauseMs: 10_000,
  cutMs: 15_000,
  serverMs: 10_000,
  databaseMs: 20_000,
};

const KILL_AIM_MS = 10_000;
const PART_AIM_MS = 15_000;

type Kind = (world: World, times: FaultTimes) => readonly Fault[];

/** In the order in which they come. */
const KINDS: Readonly<Record<string, Kind>> = {
  kill: (world, times) => world.nodes.map((node) => killed(node, times.killMs)),
  pause: (world, times) => at(world, 0, (node) => paused(node, times.pauseMs)),
  'cut-nats': (world, times) => at(world, 1, (node) => cut(node, 'NATS', node.nats, times.cutMs)),
  'cut-cassandra': (world, times) => at(world, 2, (node) => cut(node, 'Cassandra', node.cassandra, times.cutMs)),
  'nats-restart': (world) => ofServer(world, 'nats', (nats) => restarted('NATS restarted', nats, false)),
  'nats-empty': (world) => ofServer(world, 'nats', (nats) => restarted('NATS restarted empty', nats, true)),
  redis: (world, times) => ofServer(world, 'redis', (redis) => down('Redis killed', redis, times.serverMs)),
  cassandra: (world, times) =>
    ofServer(world, 'cassandra', (cassandra) => down('Cassandra stopped', cassandra, times.databaseMs)),
};
export const FAULT_KINDS: readonly string[] = Object.keys(KINDS);

/** Those of a world that can be had in it; `kill:1` is the first of that kind alone. Throws for a kind that does not exist. */
export function faultsOf(world: World, kinds: readonly string[], times: FaultTimes): Fault[] {
  return kinds.flatMap((words) => {
    const [kind = '', which] = words.split(':');
    const make = KINDS[kind];
    if (make === undefined) throw new Error(`no such fault: ${kind}; there are ${FAULT_KINDS.join(', ')}`);
    const all = make(world, times);
    return which === undefined ? all : all.slice(Number(which) - 1, Number(which));
  });
}

function killed({ process }: WorldNode, holdMs: number): Fault {
  return {
    name: `kill -9 of ${process.name}`,
    node: process.name,
    holdMs,
    aimMs: KILL_AIM_MS,
    begin: () => process.kill(),
    heal: () => process.run(),
  };
}

function paused({ process }: WorldNode, holdMs: number): Fault {
  return {
    name: `SIGSTOP of ${process.name}`,
    node: process.name,
    holdMs,
    aimMs: PART_AIM_MS,
    begin: async () => process.pause(),
    heal: async () => process.resume(),
  };
}

function cut({ process }: WorldNode, what: string, network: TcpProxy | null, holdMs: number): Fault {
  return {
    name: `${process.name} cut from ${what}`,
    node: process.name,
    holdMs,
    aimMs: PART_AIM_MS,
    begin: async () => network?.cut(),
    heal: async () => await network?.heal(),
  };
}

function restarted(name: string, servers: Servers, empty: boolean): Fault {
  return { name, node: null, holdMs: 0, aimMs: null, begin: () => servers.restart({ empty }), heal: async () => {} };
}

function down(name: string, servers: Servers, holdMs: number): Fault {
  return { name, node: null, holdMs, aimMs: null, begin: () => servers.kill(), heal: () => servers.start() };
}

/** The nodes take turns; a world of one node has it all. */
function at(world: World, index: number, make: (node: WorldNode) => Fault): Fault[] {
  const node = world.nodes[index % world.nodes.length];
  return node === undefined ? [] : [make(node)];
}

function ofServer(world: World, kind: 'nats' | 'redis' | 'cassandra', make: (servers: Servers) => Fault): Fault[] {
  const servers = world.options.backends?.[kind];
  return servers === undefined || servers.given ? [] : [make(servers)];
}
