// Direct and group against several nodes: chats that lie on one node whole, and chats whose sender, owner and receivers lie on different
// ones, in turn in the same run on the same nodes, so that what counts, the ratio of the two, is one of like to like.
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../children.ts';
import { type Bed, openBed, ownersOf } from '../cluster/bed.ts';
import { type Placement, placeGroups, placePairs } from '../cluster/places.ts';
import { merge, summarize } from '../load/latency.ts';
import type { Seating, WorkerArgs, WorkerEnd, WorkerMark } from '../load/worker.ts';
import type { BenchOptions } from '../options.ts';
import type { Counts } from '../peers/cluster-stats.ts';
import type { ServerUsage } from '../peers/server-child.ts';
import { type ClusterRound, type Figure, figure } from '../report/result.ts';
import { LOAD_CORE, runName, SECRET } from './peer.ts';
import { faultOf, loadOf, perMessage, troubleOf } from './round.ts';

export type ClusterScenario = 'direct' | 'group';

const GOAL = { reach: 1.6, aim: 1.4 } as const;
const SIGN_INS_AT_ONCE = 50;
const CONNECT_MS = 600_000;

interface Running {
  readonly placement: Placement;
  readonly worker: Child;
}

export async function runCluster(
  scenario: ClusterScenario,
  options: BenchOptions,
  say: (line: string) => void,
): Promise<{ rounds: ClusterRound[]; about: string }> {
  const bed = await openBed(options, say);
  const running: Running[] = [];
  const rounds: ClusterRound[] = [];
  try {
    say(bed.about);
    const owners = await ownersOf(bed);
    const placedIn = await epochsOf(bed);
    const place = { owners, nodes: bed.nodes, run: runName(options) };
    // Two nodes cannot keep three apart; one keeps nothing apart.
    const placements: Placement[] = bed.nodes < 3 ? ['local'] : ['local', 'across'];
    for (const placement of placements) {
      const rooms =
        scenario === 'direct'
          ? placePairs(place, placement, options.pairs)
          : placeGroups(place, placement, options.groups, options.members);
      const worker = await startWorker(options);
      running.push({ placement, worker });
      await worker.ask('connect', { addresses: bed.addresses, rooms } satisfies Seating, CONNECT_MS);
    }
    for (const mode of options.modes) {
      for (let round = 1; round <= options.rounds; round++) {
        for (const each of running) {
          const measured = await measure(bed, each, placedIn, mode, round, options);
          rounds.push(measured);
          say(lineOf(measured, scenario));
        }
      }
    }
  } finally {
    for (const { worker } of running) await worker.stop();
    await bed.close();
  }
  return { rounds, about: bed.about };
}

export async function startWorker(options: BenchOptions): Promise<Child> {
  const args: WorkerArgs = {
    peer: 'parley',
    host: '127.0.0.1',
    port: 0,
    run: runName(options),
    secret: SECRET,
    bodyBytes: options.bodyBytes,
    sizes: { send: 0, sent: 0, push: 0, ack: 0, receipt: 0 },
    from: 0,
    to: 0,
    paired: true,
    signInsAtOnce: SIGN_INS_AT_ONCE,
    sources: [],
    ackDelayMs: options.ackDelayMs,
    heartbeatMs: options.heartbeatMs,
  };
  const core = availableParallelism() > 1 ? LOAD_CORE : null;
  return (await Child.start<null>({ module: 'load/worker', core, args })).child;
}

interface Sample {
  readonly used: readonly ServerUsage[];
  readonly mark: WorkerMark;
  readonly counts: Counts;
  readonly serversUs: Readonly<Record<string, number>>;
}

async function sample(bed: Bed, worker: Child): Promise<Sample> {
  const [mark, ...used] = await Promise.all([
    worker.ask<WorkerMark>('mark'),
    ...bed.processes.map((child) => child.ask<ServerUsage>('usage')),
  ]);
  const serversUs = bed.serversCpuUs();
  const all = await Promise.all(bed.processes.map((child) => child.ask<Counts>('stats')));
  const counts: Record<string, number> = {};
  for (const each of all) {
    for (const [name, value] of Object.entries(each)) counts[name] = (counts[name] ?? 0) + value;
  }
  return { used, mark, counts, serversUs };
}

/** Of all nodes together: as long as it is the same, nothing has moved. */
async function epochsOf(bed: Bed): Promise<number> {
  const all = await Promise.all(bed.processes.map((child) => child.ask<Counts>('stats')));
  return all.reduce((total, { epoch = 0 }) => total + epoch, 0);
}

async function measure(
  bed: Bed,
  { placement, worker }: Running,
  placedIn: number,
  mode: ClusterRound['mode'],
  round: number,
  options: BenchOptions,
): Promise<ClusterRound> {
  await worker.ask('start', loadOf(mode, round, options));
  await sleep(options.warmupMs);
  if (options.cpuProf) await Promise.all(bed.processes.map((child) => child.ask('profileStart')));
  const before = await sample(bed, worker);
  await sleep(options.durationMs);
  const after = await sample(bed, worker);
  if (options.cpuProf)
    await Promise.all(
      bed.processes.map((child, i) =>
        child.ask('profileStop', { path: `${options.out}/${placement}-${mode}-${round}-n${i + 1}.cpuprofile` }),
      ),
    );
  const end = await worker.ask<WorkerEnd>('finish');
  const moved = (await epochsOf(bed)) !== placedIn;

  const ms = after.mark.atMs - before.mark.atMs;
  const messages = after.mark.answers - before.mark.answers;
  const deliveries = after.mark.deliveries - before.mark.deliveries;
  const processUs = after.used.map((used, i) => {
    const from = before.used[i];
    return from === undefined ? 0 : (used.userUs + used.systemUs - from.userUs - from.systemUs) / messages;
  });
  const cpuUs = processUs.reduce((total, us) => total + us, 0);
  const summary = (of: keyof WorkerMark['latency']) => summarize(merge([after.mark.latency[of]]));
  const measured: ClusterRound = {
    placement,
    round,
    mode,
    ms,
    moved,
    messages,
    deliveries,
    perSecond: (messages * 1_000) / ms,
    cpuUs,
    cpuUsPerDelivery: (cpuUs * messages) / deliveries,
    processUs,
    serversUs: perMessage(after.serversUs, before.serversUs, messages),
    loadShare: (after.mark.cpuUs - before.mark.cpuUs) / (ms * 1_000),
    perMessage: perMessage(after.counts, before.counts, messages),
    sent: summary('sent'),
    delivered: summary('delivered'),
    lag: summary('lag'),
    promises: end.promises,
    refused: end.refused,
    refusals: end.refusals,
    closed: end.closed,
    invalid: null,
  };
  return { ...measured, invalid: invalidBy(measured, options) };
}

function invalidBy(round: ClusterRound, options: BenchOptions): string | null {
  if (round.moved) return 'shards have moved since users were placed: a node lost its lease, the machine is too busy';
  return round.messages === 0 ? 'nothing was sent' : faultOf(round, options);
}

/** Ratios within a round, then the plain figures. */
export function clusterFigures(rounds: readonly ClusterRound[], scenario: ClusterScenario): Figure[] {
  const figures: Figure[] = [];
  for (const mode of ['saturation', 'open'] as const) {
    const of = (placement: Placement): ClusterRound[] =>
      rounds.filter((round) => round.placement === placement && round.mode === mode && round.invalid === null);
    const ratios = of('across').flatMap((round) => {
      const beside = of('local').find((other) => other.round === round.round);
      return beside === undefined ? [] : [round.cpuUs / beside.cpuUs];
    });
    if (ratios.length > 0) figures.push(figure(`${mode}: cpu across nodes / local`, '×', ratios, GOAL));
    for (const placement of ['local', 'across'] as const) {
      const own = of(placement);
      if (own.length === 0) continue;
      const take = (name: string, unit: string, get: (round: ClusterRound) => number): Figure =>
        figure(`${mode}: ${placement} ${name}`, unit, own.map(get));
      figures.push(take('cpu per message', 'µs', (round) => round.cpuUs));
      if (scenario === 'group') figures.push(take('cpu per delivery', 'µs', (round) => round.cpuUsPerDelivery));
      figures.push({ ...take('messages', '/s', (round) => round.perSecond), moreIsBetter: true });
      figures.push(take('sent p99', 'ms', (round) => round.sent.p99));
      figures.push(take('delivered p99', 'ms', (round) => round.delivered.p99));
    }
  }
  return figures;
}

function lineOf(round: ClusterRound, scenario: ClusterScenario): string {
  const { placement, mode, cpuUs, processUs, perSecond, loadShare, sent, delivered, serversUs, perMessage } = round;
  const each = processUs.length === 1 ? '' : ` (${processUs.map((us) => us.toFixed(0)).join(' + ')})`;
  const delivery = scenario === 'direct' ? '' : `, ${round.cpuUsPerDelivery.toFixed(1)} µs/delivery`;
  const servers = Object.entries(serversUs).map(([name, us]) => `${name} ${us.toFixed(0)} µs`);
  const { linkMails = 0, linkBatches = 0, linkBytes = 0, linkAcks = 0, routes = 0, sends = 0, hints = 0 } = perMessage;
  return (
    `${mode.padEnd(10)} ${placement.padEnd(6)} ${cpuUs.toFixed(1).padStart(6)} µs/msg${each}${delivery}  ` +
    `${perSecond.toFixed(0).padStart(6)}/s  load ${(loadShare * 100).toFixed(0)} %  sent p50 ${sent.p50.toFixed(2)} ` +
    `p99 ${sent.p99.toFixed(1)}  delivered p99 ${delivered.p99.toFixed(1)} ms  ${servers.join('  ')}  ` +
    `between nodes ${linkMails.toFixed(2)} mails in ${linkBatches.toFixed(2)} batches of ${linkBytes.toFixed(0)} bytes, ` +
    `${linkAcks.toFixed(2)} acks (routes ${routes.toFixed(2)}, sends ${sends.toFixed(2)}, hints ${hints.toFixed(2)})${troubleOf(round)}`
  );
}
