// Many seeds, dealt out in lots to child processes, a fresh one for each lot: whatever a process keeps of its worlds ends with it, and
// what kills it kills one seed. The last line is the verdict.
import { fileURLToPath } from 'node:url';
import type { Setting } from './fleet-plan.ts';
import { realNowMs } from './globals.ts';
import { forkLot } from './lot.ts';
import { tellSeed } from './report.ts';
import { join, newTally, type Tally, tellTally } from './tally.ts';

export interface SeedsOptions {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
  readonly twice: boolean;
  readonly setting: Setting;
  /** Stop after so many seeds that failed. */
  readonly stopAt: number;
}
/** Seeds of one child. */
const LOT = 250;
/** Seeds that failed are told in full, so many of them. */
const TOLD_MOST = 3;
const PROGRESS_MS = 5_000;
const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/** True: all held. */
export async function runSeeds(options: SeedsOptions): Promise<boolean> {
  const begin = realNowMs();
  const tally = await dealOut(options);
  tally.failed.sort((a, b) => a - b);
  // A seed that ended a child would end this process too.
  const tellable = tally.failed.filter((seed) => !tally.fatal.includes(seed));
  for (const seed of tellable.slice(0, TOLD_MOST)) await tellSeed(seed, false, options.setting);
  if (tally.failed.length > 0) console.log(`\nseeds that failed: ${tally.failed.join(' ')}`);
  console.log(tellTally(tally, (realNowMs() - begin) / 1_000));
  return tally.failed.length === 0;
}

async function dealOut({ jobs, from, count: seeds, twice, setting, stopAt }: SeedsOptions): Promise<Tally> {
  const all = newTally();
  const end = from + seeds;
  const progress = progressOf(seeds, all);
  let dealt = from;
  const onSeed = (tally: Tally): boolean => {
    join(all, tally);
    for (const seed of tally.failed) console.log(`seed ${seed} failed: ${tally.first}`);
    progress();
    return all.failed.length < stopAt;
  };
  /** Small enough that all have work to the end. */
  const size = Math.min(LOT, Math.ceil(seeds / jobs));
  const worker = async (): Promise<void> => {
    while (dealt < end && all.failed.length < stopAt) {
      let at = dealt;
      const until = Math.min(end, at + size);
      dealt = until;
      while (at < until && all.failed.length < stopAt)
        at = await forkLot(MAIN, { from: at, count: until - at, twice, setting }, onSeed);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return all;
}

function progressOf(seeds: number, all: Tally): () => void {
  let told = realNowMs();
  return () => {
    if (realNowMs() - told < PROGRESS_MS) return;
    told = realNowMs();
    console.log(`… ${all.seeds} of ${seeds} seeds, ${all.failed.length} failed`);
  };
}
