// Runs the rows on the BEAM where `erl` is on the path: beam.erl is compiled into a temporary folder for it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RowName } from './rows.ts';

const TIMEOUT_MS = 120_000;

export interface Beam {
  run(row: RowName, count: number): number | null;
  close(): void;
}

/** Null where Erlang is not installed. */
export const openBeam = (): Beam | null => {
  const source = sourceOf(dirname(fileURLToPath(import.meta.url)));
  if (source === null || spawnSync('erl', ['-version'], { stdio: 'ignore' }).status !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'parley-beam-'));
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  if (!compile(source, folder)) {
    close();
    return null;
  }
  return {
    run(row, count) {
      const args = [
        '-noshell',
        '+S',
        '1:1',
        '+P',
        '4000000',
        '-pa',
        folder,
        '-run',
        'beam',
        'main',
        row,
        String(count),
      ];
      const { stdout, status } = spawnSync('erl', args, { encoding: 'utf8', timeout: TIMEOUT_MS });
      const figure = Number.parseFloat(stdout);
      return status === 0 && Number.isFinite(figure) ? figure : null;
    },
    close,
  };
};

/** With `erlc`, or where only the base package is installed, by the compiler in the emulator. */
const compile = (source: string, folder: string): boolean => {
  if (spawnSync('erlc', ['-o', folder, source], { stdio: 'ignore' }).status === 0) return true;
  const expression = `{ok,_}=compile:file("${source}",[{outdir,"${folder}"}]),halt(0).`;
  return spawnSync('erl', ['-noshell', '-eval', expression], { stdio: 'ignore', timeout: TIMEOUT_MS }).status === 0;
};

/** The source is not compiled along: it lies in the checkout, above wherever this file was built to. */
const sourceOf = (from: string): string | null => {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const path of [join(folder, 'beam.erl'), join(folder, 'bench', 'kernel', 'beam.erl')])
      if (existsSync(path)) return path;
    if (folder === dirname(folder)) return null;
  }
};
