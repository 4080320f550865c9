// A lot of seeds in a process of its own: it tells of each seed when it begins and when it is done, so that whoever deals lots out
// knows what a child was at when it died or stood still, and loses nothing of what it had done.
import { fork } from 'node:child_process';
import { MODELS } from '../../cluster/testing/index.ts';
import type { Setting } from './fleet-plan.ts';
import { simulate } from './simulation.ts';
import { add, count, newTally, type Tally } from './tally.ts';

export interface Lot {
  readonly from: number;
  readonly count: number;
  /** Each seed a second time: its trace must have the same hash. */
  readonly twice: boolean;
  readonly setting: Setting;
}
type Told = { readonly began: number } | { readonly tally: Tally };

/** Of real time, for one seed: nothing in a world waits for it. */
const SEED_MS_MOST = 60_000;
const COMPLAINT_CHARS = 2_000;
const OTHER_WAY = 'the second run of this seed went another way';

/** In the child. What is told has left before the next seed is begun, or a death would be laid at the wrong seed's door. */
export async function runLot({ from, count: seeds, twice, setting }: Lot): Promise<void> {
  const tell = (told: Told): Promise<void> =>
    new Promise((resolve, reject) => process.send?.(told, (error: unknown) => (error ? reject(error) : resolve())));
  for (let seed = from; seed < from + seeds; seed++) {
    await tell({ began: seed });
    await tell({ tally: await runSeed(seed, twice, setting) });
  }
  process.disconnect?.();
}

export async function runSeed(seed: number, twice: boolean, setting: Setting): Promise<Tally> {
  if (setting.model !== null) return runModel(seed, twice, MODELS[setting.model]);
  const tally = newTally();
  const outcome = await simulate(seed, false, setting);
  add(tally, outcome);
  if (twice && outcome.violations.length === 0) {
    const { hash } = await simulate(seed, false, setting);
    if (hash !== outcome.hash) fail(tally, seed, 'repeat', OTHER_WAY);
  }
  return tally;
}

async function runModel(seed: number, twice: boolean, run: (seed: number) => Promise<string>): Promise<Tally> {
  const tally = newTally();
  tally.seeds = 1;
  try {
    const story = await run(seed);
    if (twice && (await run(seed)) !== story) fail(tally, seed, 'repeat', OTHER_WAY);
  } catch (error) {
    fail(tally, seed, 'model', String(error).split('\n')[0] ?? '');
  }
  return tally;
}

function fail(tally: Tally, seed: number, invariant: string, about: string): void {
  count(tally.violations, invariant);
  tally.failed.push(seed);
  tally.first = `${invariant}: ${about}`;
}

/**
 * In the parent: runs a lot in a child of its own, to its end, or until `onSeed` wants no more. `onSeed` gets each seed as it is done.
 * A child that dies, or is killed for standing still, fails the seed that it was at. Gives the seed that would be next.
 */
export function forkLot(main: string, lot: Lot, onSeed: (tally: Tally) => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const args = [
      '--child',
      '--from',
      String(lot.from),
      '--seeds',
      String(lot.count),
      '--nodes',
      String(lot.setting.nodes),
      ...(lot.setting.regions ? ['--regions'] : []),
      ...(lot.setting.moves ? ['--moves'] : []),
      ...(lot.setting.model === null ? [] : ['--model', lot.setting.model]),
      ...(lot.twice ? ['--twice'] : []),
    ];
    const child = fork(main, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let next = lot.from;
    let hasBegun = false;
    let stood = false;
    let enough = false;
    let complaint = '';
    const patience = setTimeout(() => {
      stood = true;
      child.kill('SIGKILL');
    }, SEED_MS_MOST);
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-COMPLAINT_CHARS);
    });
    child.on('message', (told: Told) => {
      patience.refresh();
      hasBegun = true;
      if (enough || !('tally' in told)) return;
      next++;
      enough = !onSeed(told.tally);
      if (enough) child.kill('SIGKILL');
    });
    child.on('close', (code, signal) => {
      clearTimeout(patience);
      if (enough || next === lot.from + lot.count) return resolve(next);
      // No seed's fault: every other child would end the same way.
      if (!hasBegun) return reject(new Error(`a child did not start: ${code ?? signal} ${complaint}`));
      const tally = newTally();
      tally.seeds = 1;
      tally.fatal.push(next);
      if (stood) fail(tally, next, 'rest', 'the program hangs');
      else fail(tally, next, 'dead', `the process ended with ${code ?? signal} ${complaint}`.trim());
      next++;
      onSeed(tally);
      resolve(next);
    });
  });
}
