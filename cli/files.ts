// The few files that commands touch: key files, and the demo key of a data directory.
import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEMO_KEY_PREFIX } from '../app/auth.ts';
import { CommandError, EXIT } from './command.ts';

export const readText = (path: string): string => readFileSync(path, 'utf8');

const DEMO_KEY_FILE = 'demo-key';

/** The demo key of a data directory, or null when there is none yet. */
export function readDemoKey(dataDir: string): string | null {
  try {
    return readText(join(dataDir, DEMO_KEY_FILE)).trim();
  } catch {
    return null;
  }
}

/** One for each data directory, so that tokens outlive a restart and nobody else's demo accepts them. */
export function ensureDemoKey(dataDir: string): string {
  const there = readDemoKey(dataDir);
  if (there !== null && there !== '') return there;
  const key = `${DEMO_KEY_PREFIX}${randomBytes(32).toString('base64url')}`;
  writeFileSync(join(dataDir, DEMO_KEY_FILE), `${key}\n`, { mode: 0o600 });
  return key;
}

export function ensureDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown';
    throw new CommandError(
      EXIT.config,
      `the data directory ${dataDir} cannot be used: ${why}`,
      'Choose another with --data DIR.',
    );
  }
}
