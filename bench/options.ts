// The options of all scenarios, with their defaults: one table, read by main.ts.
import { parseArgs } from 'node:util';
import type { PeerName } from './load/dialect.ts';

export interface BenchOptions {
  readonly nodes: number;
  readonly store: 'lmdb' | 'cql';
  readonly members: number;
  readonly groups: number;
  readonly rate: number;
  readonly pairs: number;
  readonly window: number;
  readonly conns: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly rounds: number;
  readonly modes: readonly ('saturation' | 'open')[];
  readonly peers: readonly PeerName[];
  readonly seed: number;
  readonly bodyBytes: number;
  readonly ackDelayMs: number;
  readonly holdMs: number | null;
  readonly workers: number;
  readonly heartbeatMs: number;
  readonly cpuProf: boolean;
  readonly heapProf: boolean;
  readonly serverArgs: readonly string[];
  readonly out: string;
  readonly json: boolean;
}

export const OPTIONS_HELP = `
  --rate 2000          messages a second, open loop (failover, handoff: 200)
  --nodes 1            of the cluster (direct, group): 3 for chats that lie across nodes, beside such that do not
  --store lmdb         or cql: with Cassandra and NATS, and a process for each node; several nodes on lmdb share a process
  --members 100        of a group
  --groups 3           that talk at once; --window is of each
  --pairs 400          pairs of users; each user has a socket (failover, handoff: 60)
  --window 1           messages a pair has under way, closed loop
  --conns 2000         sockets of the idle scenario
  --duration 8         seconds measured in a round (idle: waited before the sample)
  --warmup 3           seconds before that
  --rounds 2           rounds of each peer, in turn (failover: 3, nodes killed one after the other)
  --modes saturation,open   group: saturation
  --peers parley,relay,socket-io
  --seed 1             of arrivals
  --bytes 100          of a body
  --ack-delay 0        ms that an ack may wait for others; 0: one ack a message
  --hold MS            how long the node holds a batch; its own default otherwise
  --workers 1          load processes of the idle scenario
  --heartbeat 10       seconds between a socket's heartbeats
  --cpu-prof           a profile of each server and round, into the out directory
  --heap-prof          sampled allocations of each idle server, into the out directory
  --server-arg X       more arguments for the servers' node, such as --max-semi-space-size=1; repeatable
  --out DIR            result.json and report.html; also where the store lies
  --json               print result.json instead of a table
`;

const PEERS: readonly PeerName[] = ['parley', 'relay', 'socket-io'];
const STORES = ['lmdb', 'cql'] as const;
const MODES = ['saturation', 'open'] as const;

/** Throws a TypeError that says what is wrong. */
export function readOptions(scenario: string, args: readonly string[]): BenchOptions {
  const moves = scenario === 'failover' || scenario === 'handoff';
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: moves ? '200' : '2000' },
      nodes: { type: 'string', default: '1' },
      store: { type: 'string', default: 'lmdb' },
      members: { type: 'string', default: '100' },
      groups: { type: 'string', default: '3' },
      pairs: { type: 'string', default: moves ? '60' : '400' },
      window: { type: 'string', default: '1' },
      conns: { type: 'string', default: '2000' },
      duration: { type: 'string', default: scenario === 'idle' ? '60' : '8' },
      warmup: { type: 'string', default: '3' },
      rounds: { type: 'string', default: scenario === 'failover' ? '3' : '2' },
      modes: { type: 'string', default: scenario === 'group' ? 'saturation' : MODES.join(',') },
      peers: { type: 'string', default: PEERS.join(',') },
      seed: { type: 'string', default: '1' },
      bytes: { type: 'string', default: '100' },
      'ack-delay': { type: 'string', default: '0' },
      hold: { type: 'string' },
      workers: { type: 'string', default: '1' },
      heartbeat: { type: 'string', default: '10' },
      'cpu-prof': { type: 'boolean', default: false },
      'heap-prof': { type: 'boolean', default: false },
      'server-arg': { type: 'string', multiple: true, default: [] },
      out: { type: 'string', default: `bench/out/${scenario}` },
      json: { type: 'boolean', default: false },
    },
  });
  const number = (name: keyof typeof values, min: number): number => {
    const value = Number(values[name]);
    if (!Number.isFinite(value) || value < min) throw new TypeError(`--${name} must be a number of ${min} or more`);
    return value;
  };
  return {
    rate: number('rate', 1),
    nodes: number('nodes', 1),
    store: pick('store', values.store, STORES)[0] ?? 'lmdb',
    members: number('members', 2),
    groups: number('groups', 1),
    pairs: number('pairs', 1),
    window: number('window', 1),
    conns: number('conns', 2),
    durationMs: number('duration', 0.1) * 1_000,
    warmupMs: number('warmup', 0) * 1_000,
    rounds: number('rounds', 1),
    modes: pick('modes', values.modes, MODES),
    peers: pick('peers', values.peers, PEERS),
    seed: number('seed', 0),
    bodyBytes: number('bytes', 1),
    ackDelayMs: number('ack-delay', 0),
    holdMs: values.hold === undefined ? null : number('hold', 0),
    workers: number('workers', 1),
    heartbeatMs: number('heartbeat', 0) * 1_000,
    cpuProf: values['cpu-prof'],
    heapProf: values['heap-prof'],
    serverArgs: values['server-arg'],
    out: values.out,
    json: values.json,
  };
}

function pick<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  return text.split(',').map((item) => {
    const found = known.find((one) => one === item);
    if (found === undefined) throw new TypeError(`--${name}: ${item} is none of ${known.join(', ')}`);
    return found;
  });
}
