// Plants each bug in a copy of the built program, and runs seed after seed, of worlds or of a model, until one notices. A bug that
// none notices within the limit is a fault of the simulation.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLEET_MUTANTS } from './fleet-mutants.ts';
import type { Setting } from './fleet-plan.ts';
import { forkLot } from './lot.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { join, newTally, type Tally } from './tally.ts';

/** A bug that is not found within so many seeds is a fault of the simulation. */
export const SEEDS_MOST = 1_000;
/** Of the program without bugs, so that a mutant is not found by what fails anyway. */
const SEEDS_SOUND = 200;
const FOLDERS = ['actors', 'app', 'client', 'cluster', 'gateway', 'protocol', 'runtime', 'storage', 'test/sim'];
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

interface Verdict {
  readonly name: string;
  /** How many seeds it took; null: not found. */
  readonly seeds: number | null;
  /** What it violated. */
  readonly found: string;
  readonly fault: string | null;
}

export interface MutantsOptions {
  readonly only: string | null;
  readonly jobs: number;
  readonly seedsMost: number;
  readonly setting: Setting;
}

/** True: all were found. */
export async function runMutants({ only, jobs, seedsMost, setting }: MutantsOptions): Promise<boolean> {
  const all = setting.nodes === 'one' ? MUTANTS : FLEET_MUTANTS;
  const waiting = all.filter(({ name }) => only === null || name.includes(only));
  for (const each of new Map(
    waiting.map((mutant) => settingOf(mutant, setting)).map((one) => [keyOf(one), one]),
  ).values()) {
    const sound = await hunt(path.join(ROOT, 'dist'), Math.min(SEEDS_SOUND, seedsMost), each);
    if (sound.failed.length === 0) continue;
    console.log(`the program fails without any mutant: ${keyOf(each)}, seeds ${sound.failed.join(' ')}`);
    return false;
  }
  const verdicts: Verdict[] = [];
  const worker = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await judge(mutant, seedsMost, setting);
      verdicts.push(verdict);
      console.log(lineOf(verdict, seedsMost));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  const missed = verdicts.filter(({ seeds }) => seeds === null);
  console.log(`${verdicts.length - missed.length} passed, ${missed.length} failed, 0 skipped`);
  return missed.length === 0;
}

const settingOf = ({ moves = false, by }: Mutant, setting: Setting): Setting => ({
  ...setting,
  moves,
  model: by ?? null,
});
const keyOf = (setting: Setting): string => JSON.stringify(setting);

function lineOf({ name, seeds, found, fault }: Verdict, seedsMost: number): string {
  const missed = fault === null ? `NOT FOUND in ${seedsMost} seeds` : `NOT FOUND: ${fault}`;
  return `${name.padEnd(44)} ${seeds === null ? missed : `${seeds} seeds: ${found.slice(0, 120)}`}`;
}

async function judge(mutant: Mutant, seedsMost: number, setting: Setting): Promise<Verdict> {
  const { name } = mutant;
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-mutant-'));
  try {
    const fault = await plant(mutant, folder);
    if (fault !== null) return { name, seeds: null, found: '', fault };
    const { seeds, failed, first } = await hunt(path.join(folder, 'dist'), seedsMost, settingOf(mutant, setting));
    return { name, seeds: failed.length > 0 ? seeds : null, found: first, fault: null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A copy of the program with the bug in it. Why it cannot be, or null. */
async function plant({ more = [], ...first }: Mutant, folder: string): Promise<string | null> {
  for (const name of FOLDERS)
    cpSync(path.join(ROOT, 'dist', name), path.join(folder, 'dist', name), {
      recursive: true,
      filter: (path) => !/\.(d\.ts|map|src)$/.test(path),
    });
  cpSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const changed = new Map<string, string>();
  for (const { file, find, replace } of [first, ...more]) {
    const source = changed.get(file) ?? readFileSync(path.join(ROOT, file), 'utf8');
    const times = source.split(find).length - 1;
    if (times !== 1) return `its text occurs ${times} times in ${file}`;
    changed.set(
      file,
      source.replace(find, () => replace),
    );
  }
  const ts = (await import('typescript')).default;
  for (const [file, source] of changed) {
    const { outputText } = ts.transpileModule(source, {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        rewriteRelativeImportExtensions: true,
        verbatimModuleSyntax: true,
      },
    });
    writeFileSync(path.join(folder, 'dist', file.replace(/\.ts$/, '.js')), outputText);
  }
  return null;
}

/** Runs seeds there until one fails. */
async function hunt(dist: string, seeds: number, setting: Setting): Promise<Tally> {
  const all = newTally();
  const onSeed = (tally: Tally): boolean => {
    join(all, tally);
    return all.failed.length === 0;
  };
  const main = path.join(dist, 'test/sim/main.js');
  await forkLot(main, { from: 1, count: seeds, twice: false, setting }, onSeed);
  return all;
}
