// Many seeds: in this process, or dealt out to child processes. The last line is the verdict.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { realNowMs } from './globals.ts';
import { tellSeed } from './report.ts';
import { type Outcome, simulate } from './simulation.ts';

export interface SeedsOptions {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
  /** Each seed a second time: its trace must have the same hash. */
  readonly twice: boolean;
  /** Do not stop at the first seeds that fail. */
  readonly keepGoing: boolean;
  /** Tell the parent instead of people. */
  readonly child: boolean;
}
interface Tally {
  seeds: number;
  failed: number[];
  events: number;
  virtualMs: number;
  acked: number;
  pushed: number;
  starts: number;
  connections: number;
  settleMsMost: number;
  violations: Record<string, number>;
  faults: Record<string, number>;
}
const FAILED_MOST = 5;
const PROGRESS_MS = 5_000;

/** True: all held. */
export async function runSeeds(options: SeedsOptions): Promise<boolean> {
  const begin = realNowMs();
  const tally = options.jobs > 1 ? await dealOut(options) : await runHere(options);
  if (options.child) {
    process.send?.({ done: tally });
    return true;
  }
  const shown = tally.failed.sort((a, b) => a - b).slice(0, options.keepGoing ? 0 : FAILED_MOST);
  for (const seed of shown) await tellSeed(seed, false);
  if (tally.failed.length > 0) console.log(`\nfailed seeds: ${tally.failed.join(' ')}`);
  const seconds = (realNowMs() - begin) / 1_000;
  const perSeed = (seconds * 1_000 * Math.min(options.jobs, 2)) / Math.max(1, tally.seeds);
  console.log(
    `${tally.seeds} seeds${options.twice ? ' twice' : ''} in ${seconds.toFixed(1)} s, ${perSeed.toFixed(0)} ms each; ${(tally.virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${tally.events} events`,
  );
  console.log(
    `${tally.acked} messages acked, ${tally.pushed} pushed, ${tally.starts} starts of the node, ${tally.connections} connections, slowest settling ${(tally.settleMsMost / 1_000).toFixed(1)} s`,
  );
  console.log(
    `faults: ${Object.entries(tally.faults)
      .sort()
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')}`,
  );
  console.log(
    `violations: ${
      Object.entries(tally.violations)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ') || 'none'
    }`,
  );
  console.log(`${tally.seeds - tally.failed.length} passed, ${tally.failed.length} failed, 0 skipped`);
  return tally.failed.length === 0;
}

function newTally(): Tally {
  return {
    seeds: 0,
    failed: [],
    events: 0,
    virtualMs: 0,
    acked: 0,
    pushed: 0,
    starts: 0,
    connections: 0,
    settleMsMost: 0,
    violations: {},
    faults: {},
  };
}

async function runHere({ from, count, twice, keepGoing, child }: SeedsOptions): Promise<Tally> {
  const tally = newTally();
  let told = realNowMs();
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await simulate(seed, false);
    add(tally, outcome);
    const failed = outcome.violations.length > 0;
    for (const { invariant } of outcome.violations.slice(0, 1))
      tally.violations[invariant] = (tally.violations[invariant] ?? 0) + 1;
    let differs = false;
    if (twice && !failed) {
      differs = (await simulate(seed, false)).hash !== outcome.hash;
      if (differs) {
        tally.violations.repeat = (tally.violations.repeat ?? 0) + 1;
        console.log(`seed ${seed}: the second run had another trace`);
      }
    }
    if (failed || differs) tally.failed.push(seed);
    if (child) process.send?.({ seed, failed: failed || differs });
    else if (realNowMs() - told > PROGRESS_MS) {
      told = realNowMs();
      console.log(`… seed ${seed}, ${tally.failed.length} failed`);
    }
    if (tally.failed.length >= FAILED_MOST && !keepGoing) break;
  }
  return tally;
}

function add(tally: Tally, { counts }: Outcome): void {
  tally.seeds++;
  tally.events += counts.events;
  tally.virtualMs += counts.virtualMs;
  tally.acked += counts.acked;
  tally.pushed += counts.pushed;
  tally.starts += counts.starts;
  tally.connections += counts.connections;
  tally.settleMsMost = Math.max(tally.settleMsMost, counts.settleMs);
  for (const [name, count] of Object.entries(counts.faults)) tally.faults[name] = (tally.faults[name] ?? 0) + count;
}

/** Each child a part of the range. */
async function dealOut(options: SeedsOptions): Promise<Tally> {
  const { jobs, from, count, twice, keepGoing } = options;
  const all = newTally();
  let done = 0;
  let failed = 0;
  let told = realNowMs();
  const shares = Array.from({ length: jobs }, (_, n) => ({
    from: from + Math.floor((count * n) / jobs),
    count: Math.floor((count * (n + 1)) / jobs) - Math.floor((count * n) / jobs),
  }));
  const one = (share: { from: number; count: number }): Promise<void> =>
    new Promise((resolve, reject) => {
      const args = ['--child', '--from', String(share.from), '--seeds', String(share.count)];
      if (twice) args.push('--twice');
      if (keepGoing) args.push('--keepGoing');
      const child = fork(fileURLToPath(new URL('main.js', import.meta.url)), args);
      let told2 = false;
      child.on('message', (message: { seed?: number; failed?: boolean; done?: Tally }) => {
        if (message.done !== undefined) {
          told2 = true;
          join(all, message.done);
          return;
        }
        done++;
        if (message.failed === true) failed++;
        if (realNowMs() - told < PROGRESS_MS) return;
        told = realNowMs();
        console.log(`… ${done} of ${count} seeds, ${failed} failed`);
      });
      child.on('exit', (code) => (told2 ? resolve() : reject(new Error(`a child ended with ${code}`))));
    });
  await Promise.all(shares.map(one));
  return all;
}

function join(into: Tally, from: Tally): void {
  into.seeds += from.seeds;
  into.failed.push(...from.failed);
  into.events += from.events;
  into.virtualMs += from.virtualMs;
  into.acked += from.acked;
  into.pushed += from.pushed;
  into.starts += from.starts;
  into.connections += from.connections;
  into.settleMsMost = Math.max(into.settleMsMost, from.settleMsMost);
  for (const part of ['violations', 'faults'] as const)
    for (const [name, count] of Object.entries(from[part])) into[part][name] = (into[part][name] ?? 0) + count;
}
