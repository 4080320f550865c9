// Direct: pairs of users, one durable message after the other, at saturation and at a rate. Parley, the raw relay and Socket.IO take
// turns in the same run on the same cores with the same load, so that what counts, the ratio to the relay, is one of like to like.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../children.ts';
import type { PeerName } from '../load/dialect.ts';
import { merge, summarize } from '../load/latency.ts';
import type { WorkerEnd, WorkerMark } from '../load/worker.ts';
import type { BenchOptions } from '../options.ts';
import type { ServerMemory, ServerUsage } from '../peers/server-child.ts';
import { type DirectRound, type Figure, figure } from '../report/result.ts';
import { startServerOf, startWorkers } from './peer.ts';
import { faultOf, loadOf, perMessage, troubleOf } from './round.ts';

/** What a server counts of its own work. */
type Counts = Readonly<Record<string, number>>;

interface Running {
  readonly name: PeerName;
  readonly server: Child;
  readonly worker: Child;
}

const GOALS = { saturation: { reach: 1.4, aim: 0.8 }, open: { reach: 1.6, aim: 1.1 } } as const;

export async function runDirect(options: BenchOptions, say: (line: string) => void): Promise<DirectRound[]> {
  const running: Running[] = [];
  const rounds: DirectRound[] = [];
  try {
    for (const name of options.peers) {
      const { server, address } = await startServerOf(name, options);
      const [worker] = await startWorkers(name, options, address, 2 * options.pairs, { workers: 1, paired: true });
      if (worker === undefined) throw new Error('no load worker');
      running.push({ name, server, worker });
      await worker.ask('connect');
    }
    for (const mode of options.modes) {
      for (let round = 1; round <= options.rounds; round++) {
        for (const peer of running) {
          const measured = await measure(peer, mode, round, options);
          rounds.push(measured);
          say(lineOf(measured));
        }
      }
    }
  } finally {
    for (const { worker, server } of running) {
      await worker.stop();
      await server.stop();
    }
  }
  return rounds;
}

async function measure(
  peer: Running,
  mode: DirectRound['mode'],
  round: number,
  options: BenchOptions,
): Promise<DirectRound> {
  const { name, server, worker } = peer;
  await worker.ask('start', loadOf(mode, round, options));
  await sleep(options.warmupMs);
  if (options.cpuProf) await server.ask('profileStart');
  const countsBefore = await server.ask<Counts>('stats');
  const [before, usedBefore] = await Promise.all([worker.ask<WorkerMark>('mark'), server.ask<ServerUsage>('usage')]);
  await sleep(options.durationMs);
  const [after, used] = await Promise.all([worker.ask<WorkerMark>('mark'), server.ask<ServerUsage>('usage')]);
  const counts = await server.ask<Counts>('stats');
  if (options.cpuProf) await server.ask('profileStop', { path: `${options.out}/${name}-${mode}-${round}.cpuprofile` });
  const memory = await server.ask<ServerMemory>('memory');
  const end = await worker.ask<WorkerEnd>('finish');

  const ms = used.atMs - usedBefore.atMs;
  const messages = after.deliveries - before.deliveries;
  const userUs = (used.userUs - usedBefore.userUs) / messages;
  const systemUs = (used.systemUs - usedBefore.systemUs) / messages;
  const switches =
    used.voluntarySwitches + used.involuntarySwitches - usedBefore.voluntarySwitches - usedBefore.involuntarySwitches;
  const summary = (of: keyof WorkerMark['latency']): DirectRound['sent'] => summarize(merge([after.latency[of]]));
  const measured: DirectRound = {
    peer: name,
    round,
    mode,
    ms,
    messages,
    perSecond: (messages * 1_000) / ms,
    cpuUs: userUs + systemUs,
    userUs,
    systemUs,
    mainUs:
      used.mainThreadUs === null || usedBefore.mainThreadUs === null
        ? null
        : (used.mainThreadUs - usedBefore.mainThreadUs) / messages,
    serverShare: ((userUs + systemUs) * messages) / (ms * 1_000),
    loopShare: (used.loopMs - usedBefore.loopMs) / ms,
    loadShare: (after.cpuUs - before.cpuUs) / ((after.atMs - before.atMs) * 1_000),
    switchesPerMessage: switches / messages,
    perMessage: perMessage(counts, countsBefore, messages),
    receiptsPerMessage: (after.receipts - before.receipts) / messages,
    rssMiB: memory.rss / 2 ** 20,
    sent: summary('sent'),
    sentUncorrected: summary('sentUncorrected'),
    delivered: summary('delivered'),
    deliveredUncorrected: summary('deliveredUncorrected'),
    lag: summary('lag'),
    promises: end.promises,
    refused: end.refused,
    refusals: end.refusals,
    closed: end.closed,
    invalid: null,
  };
  return { ...measured, invalid: invalidBy(measured, options) };
}

function invalidBy(round: DirectRound, options: BenchOptions): string | null {
  return round.messages === 0 ? 'nothing was delivered' : faultOf(round, options);
}

/** Ratios within a round, and the plain figures of Parley. */
export function directFigures(rounds: readonly DirectRound[]): Figure[] {
  const figures: Figure[] = [];
  for (const mode of ['saturation', 'open'] as const) {
    const of = (peer: PeerName): DirectRound[] =>
      rounds.filter((round) => round.peer === peer && round.mode === mode && round.invalid === null);
    const relay = of('relay');
    for (const peer of ['parley', 'socket-io'] as const) {
      const goal = peer === 'parley' ? GOALS[mode] : null;
      const ratios = of(peer).flatMap((round) => {
        const beside = relay.find((other) => other.round === round.round);
        return beside === undefined ? [] : [round.cpuUs / beside.cpuUs];
      });
      if (ratios.length > 0) figures.push(figure(`${mode}: ${peer} cpu / relay`, '×', ratios, goal));
    }
    for (const peer of ['parley', 'relay', 'socket-io'] as const) {
      const own = of(peer);
      if (own.length === 0) continue;
      figures.push(
        figure(
          `${mode}: ${peer} cpu per message`,
          'µs',
          own.map((round) => round.cpuUs),
        ),
      );
      if (mode === 'open')
        figures.push(
          figure(
            `${mode}: ${peer} sent p99`,
            'ms',
            own.map((round) => round.sent.p99),
          ),
        );
      else
        figures.push({
          ...figure(
            `${mode}: ${peer} messages`,
            '/s',
            own.map((round) => round.perSecond),
          ),
          moreIsBetter: true,
        });
    }
  }
  return figures;
}

function lineOf(round: DirectRound): string {
  const { peer, mode, cpuUs, userUs, systemUs, perSecond, serverShare, loadShare, sent, delivered, lag } = round;
  return (
    `${mode.padEnd(10)} ${peer.padEnd(9)} ${cpuUs.toFixed(1).padStart(6)} µs/msg (user ${userUs.toFixed(0)}, system ` +
    `${systemUs.toFixed(0)}; main ${round.mainUs?.toFixed(0) ?? '?'})  ${perSecond.toFixed(0).padStart(6)}/s  server ${share(serverShare)} load ${share(loadShare)}  ` +
    `sent p50 ${sent.p50.toFixed(2)} p99 ${sent.p99.toFixed(1)}  delivered p99 ${delivered.p99.toFixed(1)}  ` +
    `lag p99 ${lag.p99.toFixed(2)} ms  receipts ${round.receiptsPerMessage.toFixed(2)}${troubleOf(round)}`
  );
}

const share = (value: number): string => `${(value * 100).toFixed(0)} %`;
