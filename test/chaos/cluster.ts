// The cluster run: three nodes, their servers and a crowd of clients; one fault after another, each measured, each healed. In the end
// every message that was told `sent` is on every device once, in one order. Bounded; stops by itself. Test code.
import type { Verdict } from './check.ts';
import { type Backends, World } from './cluster-world.ts';
import { Crowd } from './crowd.ts';
import { type Fault, type FaultTimes, FULL_TIMES, faultsOf } from './faults.ts';
import { seconds, table, type Waits, waitsOf } from './waits.ts';

export interface ClusterOptions {
  readonly clients: number;
  readonly minutes: number;
  /** Messages a second, of all clients. */
  readonly rate: number;
  /** Kinds, as faults.ts names them. */
  readonly faults: readonly string[];
  readonly times?: FaultTimes;
  readonly nodes?: number;
  /** Null: one node on the embedded store. */
  readonly backends: Backends | null;
  /** Where the nodes' logs stay. */
  readonly keep: string | null;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}
export interface FaultReport {
  readonly name: string;
  /** Since the load began, ms. */
  readonly beganMs: number;
  readonly lastedMs: number;
  /** Clients of the node that failed; of all when it was no node. */
  readonly affected: Waits;
  readonly others: Waits;
  /** From the healing until nobody waited; null: not within the limit. */
  readonly settledMs: number | null;
  readonly inAim: boolean | null;
}
export interface ClusterResult extends Verdict {
  readonly faults: readonly FaultReport[];
  readonly clients: number;
  readonly rooms: number;
  readonly sends: number;
  /** Sends that the application was told had failed for good. */
  readonly failed: number;
  readonly failures: readonly string[];
  readonly reconnects: number;
  readonly trips: number;
  /** Nodes that ended without being told to. */
  readonly ends: readonly string[];
  readonly errorLines: number;
}

const SETTLE_MS = 90_000;
const FINISH_MS = 180_000;
const CALM_MS = 4_000;
/** So long nothing must be amiss for it to count as settled. */
const STEADY_MS = 1_500;
const POLL_MS = 250;

export async function clusterRun(options: ClusterOptions): Promise<ClusterResult> {
  const { log, signal } = options;
  const { backends, keep, nodes = 3 } = options;
  const world = await World.start({ nodes, backends, keep, log, signal });
  let crowd: Crowd | null = null;
  try {
    crowd = await Crowd.gather(options.clients, world.nodes.length, (index) => world.homeAt(index));
    log(`${crowd.members.length} clients on ${world.nodes.length} nodes, ${crowd.rooms.length} chats`);
    const faults = faultsOf(world, options.faults, options.times ?? FULL_TIMES);
    const began = performance.now();
    crowd.start(options.rate);
    const reports: FaultReport[] = [];
    for (const [i, fault] of faults.entries()) {
      const due = began + ((i + 0.5) * options.minutes * 60_000) / (faults.length + 0.5);
      await sleep(Math.max(CALM_MS, due - performance.now()), signal);
      if (signal?.aborted) break;
      await crowd.goHome((index) => world.nameAt(index));
      await settle(world, crowd, signal);
      reports.push(await suffer(world, crowd, fault, began, options));
    }
    await sleep(Math.max(CALM_MS, began + options.minutes * 60_000 - performance.now()), signal);
    if (signal?.aborted) throw new Error('stopped before its end');
    log(`${stamp(performance.now() - began)}no more messages; all come back, and devices are compared`);
    const verdict = await crowd.finish(FINISH_MS);
    return resultOf(world, crowd, reports, verdict);
  } finally {
    await crowd?.close();
    await world.dispose();
  }
}

async function suffer(
  world: World,
  crowd: Crowd,
  fault: Fault,
  runBegan: number,
  { log, signal }: ClusterOptions,
): Promise<FaultReport> {
  const affected = crowd.members.filter(({ person, away }) => {
    const { state } = person.client;
    return !away && (fault.node === null || (state.is === 'online' && state.node === fault.node));
  });
  const others = crowd.members.filter((member) => !affected.includes(member));
  const from = performance.now();
  log(`${stamp(from - runBegan)}${fault.name}: begins, ${affected.length} clients affected`);
  await fault.begin();
  crowd.probe();
  await sleep(fault.holdMs, signal);
  const to = performance.now();
  await fault.heal().catch((error: unknown) => log(`   ! ${fault.name} does not heal: ${String(error).slice(0, 600)}`));
  const healed = performance.now();
  const settledMs = await settle(world, crowd, signal);
  const end = performance.now();
  const waits = waitsOf(crowd.asks, affected, from, end);
  const report: FaultReport = {
    name: fault.name,
    beganMs: from - runBegan,
    lastedMs: to - from,
    affected: waits,
    others: waitsOf(crowd.asks, others, from, end),
    settledMs,
    inAim: fault.aimMs === null ? null : waits.max !== null && waits.max <= fault.aimMs && waits.silent === 0,
  };
  const why = settledMs === null ? `NOT SETTLED: ${crowd.unsettled() ?? 'a node is not ready'}` : 'settled';
  log(
    `${stamp(end - runBegan)}${fault.name}: over after ${seconds(to - from)}, healed in ${seconds(healed - to)}, ${why} ` +
      `${seconds(settledMs)} later; next sent: p50 ${seconds(waits.p50)}, max ${seconds(waits.max)}, ` +
      `others max ${seconds(report.others.max)}, longest wait ${seconds(longestOf(report))}`,
  );
  return report;
}

/** Milliseconds until all nodes take clients and nobody waits; null: not within the limit. */
async function settle(world: World, crowd: Crowd, signal: AbortSignal | undefined): Promise<number | null> {
  const from = performance.now();
  let since: number | null = null;
  while (performance.now() - from < SETTLE_MS && !signal?.aborted) {
    const now = performance.now();
    if (!world.allReady() || !crowd.settled()) since = null;
    else since ??= now;
    if (since !== null && now - since >= STEADY_MS) return since - from;
    await sleep(POLL_MS, signal);
  }
  return null;
}

function resultOf(world: World, crowd: Crowd, faults: readonly FaultReport[], verdict: Verdict): ClusterResult {
  const { people } = crowd;
  const failures = people.flatMap((p) => p.failed);
  return {
    ...verdict,
    faults,
    clients: people.length,
    rooms: crowd.rooms.length,
    sends: people.reduce((n, p) => n + p.sends, 0),
    failed: failures.length,
    failures: [...new Set(failures)].slice(0, 10),
    reconnects: people.reduce((n, p) => n + p.reconnects, 0),
    trips: crowd.trips,
    ends: world.nodes.flatMap(({ process }) => process.ends),
    errorLines: world.nodes.reduce((n, { process }) => n + process.errors().length, 0),
  };
}

/** Zero when the promise holds. */
export function brokenOf(result: ClusterResult): number {
  const unsettled = result.faults.filter((fault) => fault.settledMs === null).length;
  const { lost, doubled, reordered, gaps, different, failed } = result;
  return lost + doubled + reordered + gaps + different + failed + unsettled;
}

export function faultTable(faults: readonly FaultReport[]): string {
  const head = [
    'fault',
    'began',
    'lasted',
    'clients',
    'next sent p50',
    'max',
    'others max',
    'longest',
    'settled',
    'aim',
  ];
  const rows = faults.map((fault) => [
    fault.name,
    clock(fault.beganMs),
    seconds(fault.lastedMs),
    String(fault.affected.clients),
    seconds(fault.affected.p50),
    seconds(fault.affected.max),
    seconds(fault.others.max),
    seconds(longestOf(fault)),
    fault.settledMs === null ? 'NO' : seconds(fault.settledMs),
    fault.inAim === null ? '' : fault.inAim ? 'met' : 'MISSED',
  ]);
  return table([head, ...rows]);
}

export function countTable(result: ClusterResult): string {
  const rows: [string, number][] = [
    ['clients', result.clients],
    ['chats', result.rooms],
    ['messages', result.sends],
    ['told sent', result.acked],
    ['shown on devices', result.shown],
    ['acked and lost', result.lost],
    ['doubled', result.doubled],
    ['out of order', result.reordered],
    ['gaps', result.gaps],
    ['devices that differ', result.different],
    ['failed for good', result.failed],
    ['reconnects', result.reconnects],
    ['trips offline', result.trips],
    ['nodes that ended by themselves', result.ends.length],
    ['lines of level error', result.errorLines],
  ];
  return table(rows.map(([what, count]) => [what, String(count)]));
}

function longestOf(fault: FaultReport): number | null {
  return Math.max(fault.affected.longest ?? 0, fault.others.longest ?? 0) || null;
}

/** Of the run; beside it stands the time of the day, as logs have it. */
const stamp = (ms: number): string => `${clock(ms)} (${new Date().toISOString().slice(11, 23)}) `;

const clock = (ms: number): string =>
  `${String(Math.floor(ms / 60_000)).padStart(2, '0')}:${String(Math.floor((ms % 60_000) / 1_000)).padStart(2, '0')}`;

async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end && !signal?.aborted)
    await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, end - performance.now())));
}
