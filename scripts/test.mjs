// All tests, on a fresh clone with Node alone: install, build, style and types, unit tests, system tests, simulation. The servers that
// system tests need are fetched meanwhile. Sums the results and ends with one line, `N passed, N failed, N skipped`. Exit code 1 when
// anything failed. `--only unit,system,…` runs a part.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { at, filesBelow, runNode } from './lib.mjs';
import { prepareServers } from './services/prepare.mjs';
import { installTools } from './tools.mjs';

/**
 * Each twice: of worlds with one node, with several, and with several in two regions. Those of several cost ten times as much: as many
 * as leave the whole well under 25 minutes on two cores.
 */
const SIMULATIONS = [
  ['--seeds', '500'],
  ['--seeds', '1000', '--nodes', 'drawn'],
  ['--seeds', '20', '--regions'],
];
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1].split(',') : null;
const sum = { passed: 0, failed: 0, skipped: 0 };
const scratch = mkdtempSync(join(tmpdir(), 'parley-test-'));

const steps = [
  ['build', () => asOne(() => build())],
  ['style', () => asOne(() => runNode([at('node_modules/@biomejs/biome/bin/biome'), 'check', '.']))],
  ['types', () => asOne(() => runNode([at('node_modules/typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json']))],
  ['unit', () => vitest('unit')],
  ['servers', () => tellServers()],
  ['system', () => (hasSystemTests() ? vitest('system') : null)],
  ['simulation', () => (existsSync(at('dist/test/sim/main.js')) ? simulation() : null)],
];

installTools();
// Beside the steps before: downloading and building servers for the first time takes minutes.
const servers = only === null || only.includes('system') ? prepareServers() : null;
for (const [name, run] of steps) {
  if (only !== null && name !== 'build' && !only.includes(name === 'servers' ? 'system' : name)) continue;
  console.log(`\n— ${name}`);
  const result = await run();
  if (result === null) {
    console.log('  (none yet)');
    continue;
  }
  for (const key of Object.keys(sum)) sum[key] += result[key];
  if (name === 'build' && result.failed > 0) break; // nothing else can run
}

rmSync(scratch, { recursive: true, force: true });
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;

/** A step that counts as one test. */
async function asOne(run) {
  return (await run()) === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** No test of its own: the tests that lack a server count themselves as skipped. */
async function tellServers() {
  for (const line of (await servers) ?? []) console.log(`  ${line}`);
  return { passed: 0, failed: 0, skipped: 0 };
}

async function vitest(project) {
  const file = join(scratch, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await runNode([at('node_modules/vitest/vitest.mjs'), 'run', '--project', project, ...reporters]);
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of report.testResults) {
    // A file that could not be loaded has no tests in it, and is a failure all the same.
    if (status === 'failed' && assertionResults.every((test) => test.status !== 'failed')) result.failed += 1;
    for (const test of assertionResults) {
      if (test.status === 'passed') result.passed += 1;
      else if (test.status === 'failed') result.failed += 1;
      else result.skipped += 1;
    }
  }
  // Such as an error that no test caught.
  if (code !== 0 && result.failed === 0) result.failed = 1;
  return result;
}

/** Counts what the simulation says it counted, or the whole of it as one. Indented, so that our own line stays the only one. */
async function simulation() {
  const all = { passed: 0, failed: 0, skipped: 0 };
  for (const worlds of SIMULATIONS) {
    const result = await simulate(worlds);
    for (const key of Object.keys(all)) all[key] += result[key];
  }
  return all;
}

async function simulate(worlds) {
  let told = null;
  const code = await runNode(['dist/test/sim/main.js', ...worlds, '--twice', '--jobs', '2'], {
    onLine: (line) => {
      const match = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/.exec(line);
      if (match !== null) told = { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
      console.log(`  ${line}`);
    },
  });
  if (told === null) return await asOne(async () => code);
  return code !== 0 && told.failed === 0 ? { ...told, failed: 1 } : told;
}

function hasSystemTests() {
  return existsSync(at('test/system')) && filesBelow('test/system').some((path) => path.endsWith('.test.ts'));
}
