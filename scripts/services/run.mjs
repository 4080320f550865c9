// A run: a folder for servers that live no longer than the process that asked for them. A keeper, a small process of its own, holds the
// other end of a pipe; when the pipe breaks, however the owner died, it ends what is left and removes the folder.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Group } from './group.mjs';

const KEEPER = fileURLToPath(new URL('keeper.mjs', import.meta.url));

/** @returns {{ folder: string, close(): Promise<void> }} */
export function openRun() {
  const folder = mkdtempSync(join(tmpdir(), 'parley-services-'));
  const keeper = spawn(process.execPath, [KEEPER, folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  keeper.on('error', () => {});
  keeper.stdin.on('error', () => {});
  // Neither must keep the owner from ending.
  keeper.unref();
  keeper.stdin.unref();
  return {
    folder,
    close: async () => {
      await clear(folder);
      keeper.stdin.end('done');
    },
  };
}

/** Ends all servers in the folder, and removes it. */
export async function clear(folder) {
  await Promise.all(Group.allIn(folder).map((group) => group.kill().catch(() => {})));
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
