// Idle: sockets that are signed in and say nothing but heartbeats. Resident memory of the server per connection, after a while and
// after a collection, beside raw `ws` and Socket.IO holding the same number. One server at a time, each a fresh process.
import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerName } from '../load/dialect.ts';
import type { WorkerEnd } from '../load/worker.ts';
import type { BenchOptions } from '../options.ts';
import type { ServerMemory, ServerUsage } from '../peers/server-child.ts';
import { type Figure, figure, type IdlePeer, type IdleSample } from '../report/result.ts';
import { startServerOf, startWorkers } from './peer.ts';

const BASELINE_MS = 2_000;
const SETTLE_MS = 1_000;
const GOAL = { reach: 4, aim: 2 };

export async function runIdle(options: BenchOptions, say: (line: string) => void): Promise<IdlePeer[]> {
  const peers: IdlePeer[] = [];
  for (const name of options.peers) {
    const peer = await measure(name, options);
    peers.push(peer);
    say(lineOf(peer));
  }
  return peers;
}

async function measure(name: PeerName, options: BenchOptions): Promise<IdlePeer> {
  const { server, address } = await startServerOf(name, options);
  const workers = await startWorkers(name, options, address, options.conns, {
    workers: options.workers,
    paired: false,
  });
  try {
    await sleep(BASELINE_MS);
    const baseline = await server.ask<ServerMemory>('gc');
    if (options.heapProf) await server.ask('heapSampling');
    const usedBefore = await server.ask<ServerUsage>('usage');
    const connected = await Promise.all(
      workers.map((worker) => worker.ask<{ connected: number; again: number; ms: number }>('connect', null, 600_000)),
    );
    const connections = connected.reduce((sum, { connected }) => sum + connected, 0);
    await sleep(SETTLE_MS);
    const usedConnected = await server.ask<ServerUsage>('usage');
    const sample = (when: string, memory: ServerMemory): IdleSample => sampleOf(when, memory, baseline, connections);
    const samples = [sample('connected', await server.ask<ServerMemory>('memory'))];
    await sleep(options.durationMs);
    samples.push(sample(`after ${options.durationMs / 1_000} s`, await server.ask<ServerMemory>('memory')));
    const usedIdle = await server.ask<ServerUsage>('usage');
    if (options.heapProf) await server.ask('heapSample', { path: `${options.out}/${name}.heapprofile` });
    samples.push(sample('collected', await server.ask<ServerMemory>('gc')));
    const ends = await Promise.all(workers.map((worker) => worker.ask<WorkerEnd>('finish')));
    return {
      peer: name,
      connections,
      signInsAgain: connected.reduce((sum, { again }) => sum + again, 0),
      connectMs: Math.max(...connected.map(({ ms }) => ms)),
      cpuPerSignInUs: cpuUs(usedConnected, usedBefore) / connections,
      idleShare: cpuUs(usedIdle, usedConnected) / ((usedIdle.atMs - usedConnected.atMs) * 1_000),
      baseline,
      samples,
      closed: ends.flatMap((end) => end.closed),
    };
  } finally {
    for (const worker of workers) await worker.stop();
    await server.stop();
  }
}

function sampleOf(when: string, memory: ServerMemory, baseline: ServerMemory, connections: number): IdleSample {
  const per = (of: (memory: ServerMemory) => number): number => (of(memory) - of(baseline)) / connections;
  const young = per((m) => m.youngTotal);
  const heap = per((m) => m.heapUsed);
  return {
    when,
    memory,
    rssPerConnection: per((m) => m.rss),
    heapPerConnection: heap,
    externalPerConnection: per((m) => m.external),
    youngPerConnection: young,
    slackPerConnection: per((m) => m.heapTotal) - heap - young,
    nativePerConnection: per((m) => m.rss - m.heapTotal),
  };
}

const cpuUs = (after: ServerUsage, before: ServerUsage): number =>
  after.userUs + after.systemUs - before.userUs - before.systemUs;

export function idleFigures(peers: readonly IdlePeer[]): Figure[] {
  return peers.flatMap(({ peer, samples, cpuPerSignInUs }) => {
    const [, waited, collected] = samples;
    const goal = peer === 'parley' ? GOAL : null;
    return [
      figure(`${peer} resident per connection, ${waited?.when}`, 'KB', [kb(waited?.rssPerConnection)], goal),
      figure(`${peer} resident per connection, collected`, 'KB', [kb(collected?.rssPerConnection)]),
      figure(`${peer} the same without the young generation`, 'KB', [
        kb((collected?.rssPerConnection ?? 0) - (collected?.youngPerConnection ?? 0)),
      ]),
      figure(`${peer} heap per connection, collected`, 'KB', [kb(collected?.heapPerConnection)]),
      figure(`${peer} cpu per sign-in`, 'µs', [cpuPerSignInUs]),
    ];
  });
}

function lineOf(peer: IdlePeer): string {
  const samples = peer.samples.map(
    (sample) =>
      `${sample.when} ${kb(sample.rssPerConnection).toFixed(2)} KB (heap ${kb(sample.heapPerConnection).toFixed(2)}, ` +
      `its slack ${kb(sample.slackPerConnection).toFixed(2)}, young ${kb(sample.youngPerConnection).toFixed(2)}, ` +
      `native ${kb(sample.nativePerConnection).toFixed(2)})`,
  );
  return (
    `${peer.peer.padEnd(9)} ${peer.connections} sockets in ${(peer.connectMs / 1_000).toFixed(1)} s, ` +
    `${peer.cpuPerSignInUs.toFixed(0)} µs a sign-in; baseline ${(peer.baseline.rss / 2 ** 20).toFixed(0)} MiB; ` +
    `${samples.join('; ')}; idle ${(peer.idleShare * 100).toFixed(1)} % of a core${peer.closed.length === 0 ? '' : `; CLOSED ${peer.closed.join('; ')}`}`
  );
}

const kb = (bytes: number | undefined): number => (bytes ?? Number.NaN) / 1_024;
