// The move run: under load a fourth node joins, and later another drains. Counts what moved against what had to, sends that failed, and
// sockets that broke, and checks in the end what the cluster run checks. Bounded; stops by itself. Test code.
import type { Verdict } from './check.ts';
import { type Backends, World, type WorldNode } from './cluster-world.ts';
import { Crowd } from './crowd.ts';
import { describe, fewestMoves, movedIn, Rings } from './rings.ts';
import { seconds, table, waitsOf } from './waits.ts';

export interface MoveOptions {
  readonly clients: number;
  /** Messages a second, of all clients. */
  readonly rate: number;
  /** Of load before, between and after the two moves. */
  readonly calmMs: number;
  readonly backends: Backends;
  readonly keep: string | null;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}
export interface MoveReport {
  readonly name: string;
  readonly moved: number;
  /** The fewest moves to the shares that it came to. */
  readonly fewest: number;
  readonly epochs: number;
  readonly tookMs: number;
  /** Sockets that were lost meanwhile. */
  readonly socketsClosed: number;
  /** The longest that any message waited for its `sent`. */
  readonly longestMs: number | null;
}
export interface MoveResult extends Verdict {
  readonly join: MoveReport;
  readonly drain: MoveReport;
  readonly drainExit: number | null;
  readonly sends: number;
  readonly failed: number;
  readonly failures: readonly string[];
  readonly ends: readonly string[];
}

/** Moves above the fewest that are allowed. */
export const MOVES_SHARE_MAX = 1.2;
const NODES = 3;
const QUIET_MS = 4_000;
const MOVE_LIMIT_MS = 120_000;
const FINISH_MS = 180_000;

export async function moveRun(options: MoveOptions): Promise<MoveResult> {
  const { log, signal, backends, keep } = options;
  const world = await World.start({ nodes: NODES, backends, keep, log, signal });
  let crowd: Crowd | null = null;
  let rings: Rings | null = null;
  try {
    rings = await Rings.open(backends.nats.urls, world.clusterName);
    await rings.quiet('three members', (ring) => ring.members.length === NODES, QUIET_MS, MOVE_LIMIT_MS);
    crowd = await Crowd.gather(options.clients, NODES, (index) => world.homeAt(index));
    crowd.start(options.rate);
    await sleep(options.calmMs, signal);
    const joining = await world.plan();
    const join = await watch('a fourth node joins', crowd, rings, NODES + 1, log, () => joining.process.run());
    await sleep(options.calmMs, signal);
    const leaving = world.nodes[1] as WorldNode;
    let drainExit: number | null = null;
    const drain = await watch(`${leaving.process.name} drains`, crowd, rings, NODES, log, async () => {
      drainExit = await leaving.process.stop();
    });
    await sleep(options.calmMs, signal);
    if (signal?.aborted) throw new Error('stopped before its end');
    const verdict = await crowd.finish(FINISH_MS);
    const failures = crowd.people.flatMap((p) => p.failed);
    return {
      ...verdict,
      join,
      drain,
      drainExit,
      sends: crowd.people.reduce((n, p) => n + p.sends, 0),
      failed: failures.length,
      failures: [...new Set(failures)].slice(0, 10),
      ends: world.nodes.flatMap(({ process }) => process.ends),
    };
  } finally {
    await crowd?.close();
    await rings?.close();
    await world.dispose();
  }
}

async function watch(
  name: string,
  crowd: Crowd,
  rings: Rings,
  members: number,
  log: (line: string) => void,
  move: () => Promise<void>,
): Promise<MoveReport> {
  const lostSockets = (): number => crowd.people.reduce((n, p) => n + p.reconnects, 0);
  const before = await rings.newest();
  if (before === null) throw new Error('there is no ring');
  const from = performance.now();
  const socketsBefore = lostSockets();
  await move();
  const done = (ring: { readonly members: readonly { readonly draining: boolean }[] }): boolean =>
    ring.members.length === members && ring.members.every(({ draining }) => !draining);
  const after = await rings.quiet(name, done, QUIET_MS, MOVE_LIMIT_MS);
  const tookMs = performance.now() - from - QUIET_MS;
  const history = await rings.since(before.epoch);
  const report: MoveReport = {
    name,
    moved: movedIn(history.filter(({ epoch }) => epoch <= after.epoch)),
    fewest: fewestMoves(before, after),
    epochs: after.epoch - before.epoch,
    tookMs,
    socketsClosed: lostSockets() - socketsBefore,
    longestMs: waitsOf(crowd.asks, crowd.members, from, performance.now()).longest,
  };
  log(
    `${name}: from ${describe(before)} to ${describe(after)}, moved ${report.moved}, the fewest are ${report.fewest}`,
  );
  return report;
}

/** Zero when all is as it should be. */
export function brokenOfMove(result: MoveResult): number {
  const { join, drain, lost, doubled, reordered, gaps, different, failed, ends, drainExit } = result;
  const tooMany = [join, drain].filter(({ moved, fewest }) => moved > fewest * MOVES_SHARE_MAX).length;
  const unclean = drainExit === 0 ? 0 : 1;
  return lost + doubled + reordered + gaps + different + failed + join.socketsClosed + tooMany + ends.length + unclean;
}

export function moveTables(result: MoveResult): string {
  const head = ['', 'moved', 'fewest', 'share', 'epochs', 'took', 'sockets closed', 'longest wait'];
  const rows = [result.join, result.drain].map((move) => [
    move.name,
    String(move.moved),
    String(move.fewest),
    `${(move.moved / Math.max(1, move.fewest)).toFixed(2)} ×`,
    String(move.epochs),
    seconds(move.tookMs),
    String(move.socketsClosed),
    seconds(move.longestMs),
  ]);
  const counts: [string, number | null][] = [
    ['messages', result.sends],
    ['told sent', result.acked],
    ['failed for good', result.failed],
    ['acked and lost', result.lost],
    ['doubled', result.doubled],
    ['out of order', result.reordered],
    ['gaps', result.gaps],
    ['devices that differ', result.different],
    ['exit code of the drained node', result.drainExit],
    ['nodes that ended by themselves', result.ends.length],
  ];
  return `${table([head, ...rows])}\n\n${table(counts.map(([what, count]) => [what, String(count)]))}`;
}

async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end && !signal?.aborted) await new Promise((resolve) => setTimeout(resolve, 250));
}
