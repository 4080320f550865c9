// Many seeds: in this process, or dealt out to child processes. The last line is the verdict.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { realNowMs } from './globals.ts';
import { tellSeed } from './report.ts';
import { simulate } from './simulation.ts';
import { add, count, join, newTally, type Tally, tellTally } from './tally.ts';

export interface SeedsOptions {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
  /** Each seed a second time: its trace must have the same hash. */
  readonly twice: boolean;
  /** Stop after so many seeds that failed. */
  readonly stopAt: number;
  /** Tell the parent instead of people. */
  readonly child: boolean;
}
/** Seeds that failed are told in full, so many of them. */
const TOLD_MOST = 3;
const PROGRESS_MS = 5_000;

/** True: all held. */
export async function runSeeds(options: SeedsOptions): Promise<boolean> {
  const begin = realNowMs();
  const tally = options.jobs > 1 ? await dealOut(options) : await runHere(options);
  if (options.child) {
    process.send?.({ done: tally });
    return true;
  }
  tally.failed.sort((a, b) => a - b);
  for (const seed of tally.failed.slice(0, TOLD_MOST)) await tellSeed(seed, false);
  if (tally.failed.length > 0) console.log(`\nseeds that failed: ${tally.failed.join(' ')}`);
  console.log(tellTally(tally, (realNowMs() - begin) / 1_000));
  return tally.failed.length === 0;
}

async function runHere({ from, count: seeds, twice, stopAt, child }: SeedsOptions): Promise<Tally> {
  const tally = newTally();
  const progress = progressOf(seeds);
  for (let seed = from; seed < from + seeds && tally.failed.length < stopAt; seed++) {
    const outcome = await simulate(seed, false);
    add(tally, outcome);
    if (twice && outcome.violations.length === 0 && (await simulate(seed, false)).hash !== outcome.hash) {
      count(tally.violations, 'repeat');
      tally.failed.push(seed);
    }
    if (child) process.send?.({ failed: tally.failed.at(-1) === seed });
    else progress(tally.failed.at(-1) === seed);
  }
  return tally;
}

/** Called for each seed that is done. */
function progressOf(seeds: number): (failed: boolean) => void {
  let told = realNowMs();
  let done = 0;
  let failures = 0;
  return (failed) => {
    done++;
    if (failed) failures++;
    if (realNowMs() - told < PROGRESS_MS) return;
    told = realNowMs();
    console.log(`… ${done} of ${seeds} seeds, ${failures} failed`);
  };
}

/** Each child a part of the range. */
async function dealOut(options: SeedsOptions): Promise<Tally> {
  const { jobs, from, count: seeds } = options;
  const all = newTally();
  const progress = progressOf(seeds);
  const bound = (n: number): number => Math.floor((seeds * n) / jobs);
  const shares = Array.from({ length: jobs }, (_, n) =>
    runThere(options, from + bound(n), bound(n + 1) - bound(n), progress),
  );
  for (const share of await Promise.all(shares)) join(all, share);
  return all;
}

function runThere(
  { twice, stopAt }: SeedsOptions,
  from: number,
  seeds: number,
  progress: (failed: boolean) => void,
): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const args = ['--child', '--from', String(from), '--seeds', String(seeds), '--stopAt', String(stopAt)];
    if (twice) args.push('--twice');
    const child = fork(fileURLToPath(new URL('main.js', import.meta.url)), args);
    let tally: Tally | null = null;
    child.on('message', (message: { readonly failed?: boolean; readonly done?: Tally }) => {
      if (message.done !== undefined) tally = message.done;
      else progress(message.failed === true);
    });
    child.on('exit', (code) => (tally === null ? reject(new Error(`a child ended with ${code}`)) : resolve(tally)));
  });
}
