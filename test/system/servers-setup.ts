// Run by vitest around all test files of a project: one folder for the servers that they share, and its end, whatever became of the
// tests. The workers find the folder by the environment, which they inherit.
import { openRun, RUN_VARIABLE, type Run } from '#services';

let run: Run | null = null;

export function setup(): void {
  run = openRun();
  process.env[RUN_VARIABLE] = run.folder;
}

export async function teardown(): Promise<void> {
  await run?.close();
  delete process.env[RUN_VARIABLE];
  run = null;
}
