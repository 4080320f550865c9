// Tests that cannot run everywhere: what is skipped says why, where the runner counts it.
import { describe } from 'vitest';

/** `describe`, unless there is a reason not to: then it is skipped, and the reason stands behind its name. */
export function describeUnless(why: string | null, name: string, body: () => void | Promise<void>): void {
  if (why === null) describe(name, body);
  else describe.skip(`${name} (SKIPPED: ${why})`, body);
}
