// What the project's scripts share. Plain JavaScript: these run before anything is installed or built.
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const at = (...parts) => join(ROOT, ...parts);

export function modifiedMs(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** Files below a directory, as paths from the root; without what is installed or built. */
export function filesBelow(directory) {
  const found = [];
  for (const entry of readdirSync(at(directory), { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path));
    else found.push(path);
  }
  return found;
}

/** Runs a program of Node. `lines`: its stdout comes through line by line, and is given back. Resolves to its exit code. */
export function runNode(args, { onLine = null, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', onLine === null ? 'inherit' : 'pipe', 'inherit'],
    });
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    child.on('error', () => resolve(127));
    child.on('close', (code) => {
      if (rest !== '') onLine(rest);
      resolve(code ?? 1);
    });
  });
}
