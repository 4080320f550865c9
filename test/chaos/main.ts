// `npm run chaos -- [kill|fuzz] [options]`: a run against a real node, its counts printed; exit 1 when the promise broke.
//   kill [--kills 20] [--clients 50] [--seconds 60] [--rate 400]
//   cluster [--clients 200] [--minutes 10] [--rate 100] [--faults kill,pause,…] [--keep DIR] [--embedded]
//   move [--clients 60] [--rate 60] [--calm 15] [--keep DIR]
//   fuzz [--frames 100000] [--seed 1] [--attackers 16] [--rate 40] [--settle 200]
import { parseArgs } from 'node:util';
import { brokenOf, clusterRun, countTable, faultTable } from './cluster.ts';
import { type Backends, disposeBackends, startBackends } from './cluster-world.ts';
import { FAULT_KINDS } from './faults.ts';
import { fuzzRun } from './fuzz.ts';
import { killRun } from './kill.ts';
import { brokenOfMove, moveRun, moveTables } from './move.ts';

const STOP_MS = 15_000;
const log = (line: string): void => console.log(line);
const [run = 'kill', ...rest] =
  process.argv[2]?.startsWith('-') === false ? process.argv.slice(2) : ['kill', ...process.argv.slice(2)];
if (run === 'kill') process.exitCode = await kill(rest);
else if (run === 'fuzz') process.exitCode = await fuzz(rest);
else if (run === 'cluster') process.exitCode = await stoppable((signal) => cluster(rest, signal));
else if (run === 'move') process.exitCode = await stoppable((signal) => move(rest, signal));
else {
  console.error(`no such run: ${run}; there are kill, fuzz, cluster and move`);
  process.exitCode = 2;
}

async function kill(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '20' },
      clients: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '60' },
      rate: { type: 'string', default: '400' },
    },
  });
  const result = await killRun({
    kills: Number(values.kills),
    clients: Number(values.clients),
    seconds: Number(values.seconds),
    rate: Number(values.rate),
    log,
  });
  console.log(JSON.stringify(result, null, 2));
  return said(result.lost + result.doubled + result.reordered + result.gaps + result.different + result.failed);
}

async function fuzz(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      frames: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      attackers: { type: 'string', default: '16' },
      rate: { type: 'string', default: '40' },
      settle: { type: 'string', default: '200' },
    },
  });
  const result = await fuzzRun({
    frames: Number(values.frames),
    seed: Number(values.seed),
    attackers: Number(values.attackers),
    rate: Number(values.rate),
    settleMs: Number(values.settle) * 1_000,
    log,
  });
  console.log(JSON.stringify(result, null, 2));
  const { honest, book } = result;
  const broken = honest.lost + honest.doubled + honest.reordered + honest.gaps + honest.different + honest.failed;
  return said(broken + book.anomalies + result.crashes + (honest.sends - honest.acked));
}

async function cluster(args: string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      clients: { type: 'string', default: '200' },
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string', default: '100' },
      faults: { type: 'string', default: FAULT_KINDS.join(',') },
      keep: { type: 'string' },
      embedded: { type: 'boolean', default: false },
    },
  });
  return await withBackends(values.embedded, async (backends) => {
    const result = await clusterRun({
      clients: Number(values.clients),
      minutes: Number(values.minutes),
      rate: Number(values.rate),
      faults: values.faults.split(','),
      ...(backends === null ? { nodes: 1 } : {}),
      backends,
      keep: values.keep ?? null,
      log,
      signal,
    });
    console.log(`\n${faultTable(result.faults)}\n\n${countTable(result)}`);
    for (const words of [...result.examples, ...result.failures, ...result.ends]) console.log(`  ${words}`);
    return said(brokenOf(result));
  });
}

async function move(args: string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      clients: { type: 'string', default: '60' },
      rate: { type: 'string', default: '60' },
      calm: { type: 'string', default: '15' },
      keep: { type: 'string' },
    },
  });
  return await withBackends(false, async (backends) => {
    if (backends === null) return 1;
    const result = await moveRun({
      clients: Number(values.clients),
      rate: Number(values.rate),
      calmMs: Number(values.calm) * 1_000,
      backends,
      keep: values.keep ?? null,
      log,
      signal,
    });
    console.log(`\n${moveTables(result)}`);
    for (const words of [...result.examples, ...result.failures, ...result.ends]) console.log(`  ${words}`);
    return said(brokenOfMove(result));
  });
}

/** `none`: nothing is started, for a run on the embedded store. */
async function withBackends(none: boolean, work: (backends: Backends | null) => Promise<number>): Promise<number> {
  if (none) return await work(null);
  const backends = await startBackends(log);
  if (backends.skip !== undefined) {
    console.error(`this run needs NATS, Redis and Cassandra: ${backends.skip}`);
    return 1;
  }
  try {
    return await work(backends);
  } finally {
    await disposeBackends(backends);
  }
}

/** Ctrl-C ends what was started, and says so by the exit code. What servers are left end with this process. */
async function stoppable(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  const stopped = new Promise<number>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        console.error(`${name}: ending`);
        stop.abort();
        setTimeout(() => resolve(130), STOP_MS);
      });
    }
  });
  const worked = work(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
    return 130;
  });
  const code = await Promise.race([worked, stopped]);
  // Not by running dry: Node 20 has been seen to spin for ever in its own clean-up (CleanupHandles) when all was done.
  process.exit(code);
}

function said(broken: number): number {
  console.log(broken === 0 ? 'the promise holds' : 'THE PROMISE BROKE');
  return broken === 0 ? 0 : 1;
}
