// `bench kernel`: the actor kernel's numbers, with nact doing the same work in the same run and the BEAM beside it where it is
// installed. Each figure comes from a process of its own, so that heaps do not mix.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openBeam } from './beam.ts';
import { ROWS, type Row, type System } from './rows.ts';

const run = promisify(execFile);
const ONE = fileURLToPath(new URL('./one.js', import.meta.url));
const TIMEOUT_MS = 180_000;
const HEAP_MB = 8_192;

export interface KernelFigure {
  readonly row: Row;
  /** In the row's unit; null where the system was not measured. */
  readonly figures: Readonly<Record<System, number | null>>;
  readonly reached: boolean;
}

const USAGE =
  'bench kernel [ROW …] [--only parley|nact|beam] [--runs N] [--json]   best of N runs (1); rows: memory pingpong ring fanout spawn timer gc';

/** Measures the rows named in `args`, all by default, and returns the figures; prints a table, unless the caller prints JSON. */
export const runKernelBench = async (args: readonly string[] = []): Promise<readonly KernelFigure[]> => {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return [];
  }
  const names = args.filter(
    (arg, at) => !arg.startsWith('--') && args[at - 1] !== '--only' && args[at - 1] !== '--runs',
  );
  const only = optionOf(args, '--only');
  const runs = Math.max(1, Number(optionOf(args, '--runs') ?? 1));
  const wants = (system: System): boolean => only === undefined || only === system;
  const rows = ROWS.filter((row) => names.length === 0 || names.includes(row.name));
  const beam = wants('beam') ? openBeam() : null;
  const results: KernelFigure[] = [];
  for (const row of rows) {
    const parley = wants('parley') ? await best(row, runs, () => inProcess('parley', row)) : null;
    const nact = wants('nact') ? await best(row, runs, () => inProcess('nact', row)) : null;
    const work = row.work.beam;
    const onBeam =
      beam === null || work === null ? null : await best(row, runs, async () => scale(row, beam.run(row.name, work)));
    const reached = parley !== null && (row.more ? parley >= row.reach : parley <= row.reach);
    results.push({ row, figures: { parley, nact, beam: onBeam }, reached });
    process.stderr.write(`${row.name} done\n`);
  }
  beam?.close();
  if (!args.includes('--json')) process.stdout.write(table(results));
  return results;
};

const optionOf = (args: readonly string[], name: string): string | undefined =>
  args.includes(name) ? args[args.indexOf(name) + 1] : undefined;

/** Of several runs the best: what else the machine does can only make a figure worse. */
const best = async (row: Row, runs: number, once: () => Promise<number | null>): Promise<number | null> => {
  let figure: number | null = null;
  for (let n = 0; n < runs; n++) {
    const next = await once();
    if (next !== null && (figure === null || (row.more ? next > figure : next < figure))) figure = next;
  }
  return figure;
};

const inProcess = async (system: 'parley' | 'nact', row: Row): Promise<number | null> => {
  const count = row.work[system];
  if (count === null) return null;
  const args = ['--expose-gc', `--max-old-space-size=${HEAP_MB}`, ONE, system, row.name, String(count)];
  const { stdout } = await run(process.execPath, args, { timeout: TIMEOUT_MS });
  return scale(row, Number.parseFloat(stdout));
};

const scale = (row: Row, figure: number | null): number | null => {
  if (figure === null) return null;
  if (row.unit === 'M/s') return figure / 1_000_000;
  return row.unit === 'k/s' ? figure / 1_000 : figure;
};

const table = (results: readonly KernelFigure[]): string => {
  const lines = [['what', 'unit', 'reach', 'parley', 'nact', 'BEAM', '']];
  for (const { row, figures, reached } of results) {
    const { parley, nact, beam } = figures;
    const limit = `${row.more ? '≥' : '≤'} ${row.reach}`;
    lines.push([row.what, row.unit, limit, short(parley), short(nact), short(beam), reached ? 'reached' : 'MISSED']);
  }
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const format = (line: string[]): string =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return `${lines.map(format).join('\n')}\n`;
};

const short = (figure: number | null): string =>
  figure === null ? '–' : figure.toPrecision(figure < 100 ? 3 : 4).replace(/\.$/, '');
