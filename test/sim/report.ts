// One seed, told to a person: its plan, what did not hold, the last lines of the trace that concern it, and how to see it again.

import { MODELS, type ModelName } from '../../cluster/testing/index.ts';
import type { Setting } from './fleet-plan.ts';
import { tellPlan } from './plan.ts';
import { simulate } from './simulation.ts';

const LINES = 40;

/** True: all held. */
export async function tellSeed(seed: number, everything: boolean, setting: Setting): Promise<boolean> {
  if (setting.model !== null) return tellModel(seed, setting.model);
  const outcome = await simulate(seed, true, setting);
  const { plan, counts, violations, trace, hash } = outcome;
  if (everything) for (const line of trace.lines([], Number.POSITIVE_INFINITY)) console.log(line);
  console.log(`seed ${seed}\n${tellPlan(plan)}`);
  console.log(`hash ${(hash >>> 0).toString(16)}; ${JSON.stringify(counts)}`);
  for (const { invariant, about, words } of violations) {
    console.log(`\nVIOLATED ${invariant}: ${about}`);
    if (!everything) for (const line of trace.lines(words, LINES)) console.log(`  ${line}`);
  }
  if (violations.length > 0 && !everything)
    console.log(`\nreplay: npm run sim --${flags(setting)} --seed ${seed} --trace`);
  return violations.length === 0;
}

async function tellModel(seed: number, model: ModelName): Promise<boolean> {
  try {
    await MODELS[model](seed);
    return true;
  } catch (error) {
    console.log(`seed ${seed} of ${model}: ${String(error)}`);
    return false;
  }
}

const flags = ({ nodes, regions, moves, model }: Setting): string =>
  `${nodes === 'one' ? '' : ` --nodes ${nodes}`}${regions ? ' --regions' : ''}${moves ? ' --moves' : ''}${model === null ? '' : ` --model ${model}`}`;
