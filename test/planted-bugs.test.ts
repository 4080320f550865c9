// Planted bugs are texts that take the place of others. One whose place is gone would be found out only when all are hunted again.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FLEET_MUTANTS } from './sim/fleet-mutants.ts';
import { LOG_MUTANTS } from './sim/log/mutants.ts';
import { MUTANTS } from './sim/mutants.ts';

test.each([
  ...[...MUTANTS, ...FLEET_MUTANTS].map((bug) => ({ name: bug.name, edits: [bug, ...(bug.more ?? [])] })),
  ...LOG_MUTANTS.map(({ name, changes }) => ({ name, edits: changes })),
])('$name has its place, once', ({ edits }) => {
  for (const { file, find } of edits) {
    const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    expect(text.split(find).length - 1, `${file}: ${find}`).toBe(1);
  }
});
