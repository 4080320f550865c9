// Runs worlds, and tells what did not hold and how to see it again. `npm run sim -- --help` says how.
import './globals.ts';
import { parseArgs } from 'node:util';
import { MODELS, type ModelName } from '../../cluster/testing/index.ts';
import type { Setting } from './fleet-plan.ts';

const USAGE = `npm run sim -- [--nodes one|drawn|N] [--regions] [--moves] [--model NAME] and one of
  --seed N [--trace]                                one world, again
  --seeds N [--from K] [--jobs J] [--twice]         N worlds from seed K; each twice, with equal hashes
            [--stopAt F]                            ends after F failures; default 5
  --mutants [--only NAME] [--seeds MOST] [--jobs J] plants bugs; each must be found within so many seeds
  --log [--runs N] [--seed S] [--trace]             the fenced log alone, against its model
  --log --mutants [--only NAME]`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    twice: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    stopAt: { type: 'string', default: '5' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    child: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    runs: { type: 'string', default: '2000' },
    nodes: { type: 'string', default: 'one' },
    regions: { type: 'boolean', default: false },
    moves: { type: 'boolean', default: false },
    model: { type: 'string' },
  },
});
const modelOf = (name: string): ModelName => {
  if (!(name in MODELS)) throw new Error(`models are ${Object.keys(MODELS).join(', ')}`);
  return name as ModelName;
};
const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${text} is no number`);
  return value;
};

const nodes = values.nodes === 'one' || values.nodes === 'drawn' ? values.nodes : number(values.nodes);
const { regions, moves } = values;
const model = values.model === undefined ? null : modelOf(values.model);
const setting: Setting = { nodes: (regions || moves) && nodes === 'one' ? 4 : nodes, regions, moves, model };

if (values.help) {
  console.log(USAGE);
} else if (values.log) {
  const { runLog } = await import('./log/main.ts');
  const { trace, mutants, child } = values;
  const options = { trace, mutants, child, only: values.only ?? null, runs: number(values.runs) };
  process.exitCode = (await runLog({ ...options, seed: number(values.seed ?? '1') })) ? 0 : 1;
} else if (values.mutants) {
  const { runMutants, SEEDS_MOST } = await import('./mutation.ts');
  const seedsMost = values.seeds === undefined ? SEEDS_MOST : number(values.seeds);
  const isGood = await runMutants({ only: values.only ?? null, jobs: number(values.jobs), seedsMost, setting });
  process.exitCode = isGood ? 0 : 1;
} else if (values.seed !== undefined) {
  const { tellSeed } = await import('./report.ts');
  process.exitCode = (await tellSeed(number(values.seed), values.trace, setting)) ? 0 : 1;
} else if (values.child) {
  const { runLot } = await import('./lot.ts');
  await runLot({ from: number(values.from), count: number(values.seeds ?? '1'), twice: values.twice, setting });
} else {
  const { runSeeds } = await import('./seeds.ts');
  const range = { from: number(values.from), count: number(values.seeds ?? '200'), jobs: number(values.jobs) };
  const isGood = await runSeeds({ ...range, twice: values.twice, setting, stopAt: number(values.stopAt) });
  process.exitCode = isGood ? 0 : 1;
}
