// Installs the dependencies of the lock file, unless they are there. Works on a fresh clone with Node alone.
import { spawnSync } from 'node:child_process';
import { at, modifiedMs, ROOT } from './lib.mjs';

export function install() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Parley needs Node 20.19 or newer; this is ${process.version}.`);
    return 1;
  }
  // npm writes this file last, so a broken install is not taken for a whole one.
  const installed = modifiedMs(at('node_modules/.package-lock.json'));
  if (installed >= modifiedMs(at('package-lock.json')) && installed > 0) return 0;
  console.error('installing dependencies …');
  // The second way is for a registry that does not have all that the lock file names, such as packages for other systems.
  for (const args of [['ci'], ['install', '--no-save']]) {
    if (npm([...args, '--loglevel=error']) === 0) return 0;
    console.error(`npm ${args.join(' ')} failed; the lines above say why.`);
  }
  return 1;
}

function npm(args) {
  const path = process.env.npm_execpath;
  const [program, all] = path === undefined ? ['npm', args] : [process.execPath, [path, ...args]];
  return spawnSync(program, all, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] }).status ?? 1;
}

if (process.argv[1] === at('scripts/install.mjs')) process.exit(install());
