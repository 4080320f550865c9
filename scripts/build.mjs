// Builds dist/ with tsc: installs first, does nothing when nothing changed, removes what has no source any more.
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { install } from './install.mjs';
import { at, filesBelow, modifiedMs, runNode } from './lib.mjs';

const STAMP = at('dist/.built');
const SOURCES = [
  'protocol',
  'runtime',
  'storage',
  'cluster',
  'actors',
  'gateway',
  'client',
  'cli',
  'app',
  'bench',
  'test',
];
const isSource = (path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('.d.ts');

export async function build({ force = false } = {}) {
  const installed = install();
  if (installed !== 0) return installed;
  const sources = SOURCES.filter((folder) => existsSync(at(folder)))
    .flatMap(filesBelow)
    .filter(isSource);
  const inputs = [...sources, 'tsconfig.json', 'tsconfig.build.json', 'package.json'];
  const newest = Math.max(...inputs.map((path) => modifiedMs(at(path))));
  if (!force && modifiedMs(STAMP) > newest) return 0;
  const started = Date.now();
  console.error('building …');
  removeOrphans(new Set(sources));
  const code = await runNode([
    at('node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
    '--incremental',
    '--tsBuildInfoFile',
    'dist/.tsbuildinfo',
  ]);
  if (code !== 0) return code;
  chmodSync(at('dist/cli/main.js'), 0o755);
  // Sources that changed while tsc ran are newer than this.
  writeFileSync(STAMP, '');
  const { utimesSync } = await import('node:fs');
  utimesSync(STAMP, new Date(started), new Date(started));
  return 0;
}

function removeOrphans(sources) {
  if (!existsSync(at('dist'))) return;
  for (const folder of SOURCES) {
    if (!existsSync(at('dist', folder))) continue;
    for (const path of filesBelow(`dist/${folder}`)) {
      const source = path.replace(/^dist\//, '').replace(/(\.d)?\.(ts|js)(\.map)?$/, '.ts');
      if (/\.(js|d\.ts|js\.map)$/.test(path) && !sources.has(source)) rmSync(at(path));
    }
  }
}

if (process.argv[1] === at('scripts/build.mjs')) process.exit(await build({ force: process.argv.includes('--force') }));
