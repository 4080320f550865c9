// Builds dist/ with tsc: installs first, does nothing when nothing changed, removes what has no source any more. `--app` leaves out
// tests and benches: all that a user of a fresh clone needs.
import { chmodSync, existsSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { install } from './install.mjs';
import { at, filesBelow, modifiedMs, runNode } from './lib.mjs';

const PARTS = {
  all: { project: 'tsconfig.build.json', stamp: 'dist/.built', info: 'dist/.tsbuildinfo' },
  app: { project: 'tsconfig.app.json', stamp: 'dist/.built-app', info: 'dist/.tsbuildinfo-app' },
};
const NOT_APP = ['bench', 'test'];
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

export async function build({ part = 'all', force = false } = {}) {
  const installed = install();
  if (installed !== 0) return installed;
  const { project, stamp, info } = PARTS[part];
  const folders = SOURCES.filter((folder) => existsSync(at(folder)) && (part === 'all' || !NOT_APP.includes(folder)));
  const sources = folders.flatMap(filesBelow).filter(isSource);
  const inputs = [...sources, 'tsconfig.json', project, 'package.json'];
  const newest = Math.max(...inputs.map((path) => modifiedMs(at(path))));
  const built = Math.max(modifiedMs(at(stamp)), modifiedMs(at(PARTS.all.stamp)));
  if (!force && built > newest) return 0;
  // What changes while tsc runs must be newer than the stamp.
  const started = new Date();
  console.error('building …');
  removeOrphans(folders, new Set(sources));
  const tsc = at('node_modules/typescript/bin/tsc');
  const code = await runNode([tsc, '-p', project, '--incremental', '--tsBuildInfoFile', info]);
  if (code !== 0) return code;
  chmodSync(at('dist/cli/main.js'), 0o755);
  writeFileSync(at(stamp), '');
  utimesSync(at(stamp), started, started);
  return 0;
}

function removeOrphans(folders, sources) {
  if (!existsSync(at('dist'))) return;
  for (const folder of folders) {
    if (!existsSync(at('dist', folder))) continue;
    for (const path of filesBelow(`dist/${folder}`)) {
      const source = path.replace(/^dist\//, '').replace(/(\.d)?\.(ts|js)(\.map)?$/, '.ts');
      if (/\.(js|d\.ts|js\.map)$/.test(path) && !sources.has(source)) rmSync(at(path));
    }
  }
}

if (process.argv[1] === at('scripts/build.mjs')) {
  const has = (flag) => process.argv.includes(flag);
  process.exit(await build({ part: has('--app') ? 'app' : 'all', force: has('--force') }));
}
