// npm run sim -- --log [--runs N] [--seed S] [--trace] | --log --mutants [--only name]
// The model of the fenced log: on a copy of the program with small bounds, in a child process. Two levels: `logs` is fast, on the storage
// code and the log of a chat; `cells` is whole, on the chat's cell, the writer and the reader.
import { fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { realNowMs } from '../globals.ts';
import type { Run } from './log-model.ts';
import { LOG_MUTANTS } from './mutants.ts';
import { type Change, plant } from './plant.ts';
import { SCALE } from './scale.ts';

export interface LogOptions {
  readonly seed: number;
  readonly runs: number;
  readonly trace: boolean;
  readonly mutants: boolean;
  readonly only: string | null;
  readonly child: boolean;
}
type Level = 'cells' | 'logs';
interface Verdict {
  readonly runs: number;
  readonly failed: Run | null;
  readonly counts: Record<string, number>;
  readonly seconds: number;
}

/** Of a mutant, at the most: it stops at the first that finds it. */
const RUNS_MOST: Readonly<Record<Level, number>> = { cells: 20_000, logs: 400_000 };
/** Of the storage level for one of the cells. */
const LOGS_PER_CELL = 20;

/** True: all held, or all mutants were found. */
export async function runLog(options: LogOptions): Promise<boolean> {
  if (options.child) return runHere(options);
  return options.mutants ? runMutants(options) : runSound(options);
}

async function runSound(options: LogOptions): Promise<boolean> {
  let held = true;
  for (const level of ['logs', 'cells'] as const) {
    const runs = level === 'logs' ? options.runs * LOGS_PER_CELL : options.runs;
    const verdict = await runChild([], level, { ...options, runs });
    tell(level, verdict, options.trace);
    held &&= verdict.failed === null;
  }
  return held;
}

function tell(level: Level, { runs, failed, counts, seconds }: Verdict, traced: boolean): void {
  const words = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(`${level}: ${runs} runs in ${seconds.toFixed(0)} s, ${words.join(', ')}`);
  if (failed === null) return;
  console.log(`seed ${failed.seed}: ${failed.fault}`);
  if (traced) for (const line of failed.trace ?? []) console.log(`  ${line}`);
}

async function runMutants(options: LogOptions): Promise<boolean> {
  let missed = 0;
  const list = LOG_MUTANTS.filter(({ name }) => options.only === null || name.includes(options.only));
  for (const { name, level, changes } of list) {
    const runs = RUNS_MOST[level];
    const { failed, runs: needed, seconds } = await runChild(changes, level, { ...options, runs });
    if (failed === null) missed++;
    const what = failed === null ? `NOT FOUND in ${needed} runs` : `${needed} runs: ${failed.fault}`;
    console.log(`${name.padEnd(42)} ${level.padEnd(6)} ${what.slice(0, 110)} (${seconds.toFixed(1)} s)`);
    if (options.trace) for (const line of failed?.trace ?? []) console.log(`  ${line}`);
  }
  console.log(`${list.length - missed} passed, ${missed} failed, 0 skipped`);
  return missed === 0;
}

async function runChild(changes: readonly Change[], level: Level, options: LogOptions): Promise<Verdict> {
  const { main, folder } = await plant([...SCALE, ...changes]);
  try {
    const args = ['--log', '--child', '--only', level, '--runs', String(options.runs), '--seed', String(options.seed)];
    return await new Promise((resolve, reject) => {
      const child = fork(main, options.trace ? [...args, '--trace'] : args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      let verdict: Verdict | null = null;
      child.on('message', (message) => {
        verdict = message as Verdict;
      });
      child.on('exit', (code) =>
        verdict === null ? reject(new Error(`a child ended with ${code}`)) : resolve(verdict),
      );
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In the child: until one fails. */
async function runHere({ seed, runs, only, trace }: LogOptions): Promise<boolean> {
  const run = only === 'cells' ? (await import('./cells.ts')).runCells : (await import('./logs.ts')).runLogs;
  const counts: Record<string, number> = {};
  const begin = realNowMs();
  let done = 0;
  let failed: Run | null = null;
  while (done < runs && failed === null) {
    const outcome = await run(seed + done, false);
    done++;
    for (const [name, count] of Object.entries(outcome.counts)) counts[name] = (counts[name] ?? 0) + count;
    if (outcome.fault !== null) failed = trace ? await run(seed + done - 1, true) : outcome;
  }
  process.send?.({ runs: done, failed, counts, seconds: (realNowMs() - begin) / 1_000 } satisfies Verdict);
  return true;
}
