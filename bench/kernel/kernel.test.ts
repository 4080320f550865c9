import { describe, expect, test } from 'vitest';
import { nact } from './nact.ts';
import { parley } from './parley.ts';
import { ROWS } from './rows.ts';

// The figures mean nothing at this size; that each row comes to its end does.
describe('the rows of the kernel bench', () => {
  for (const { name } of ROWS.filter((row) => row.name !== 'memory' && row.name !== 'gc')) {
    test(`${name} is done by both systems`, async () => {
      expect(await parley[name](name === 'spawn' ? 30_000 : 4_000)).toBeGreaterThan(0);
      expect(await nact[name](2_000)).toBeGreaterThan(0);
    });
  }

  test('give every system work, and nothing to the BEAM only where it has no such thing', () => {
    for (const row of ROWS) expect([row.work.parley, row.work.nact]).not.toContain(null);
    expect(ROWS.filter((row) => row.work.beam === null).map((row) => row.name)).toEqual(['gc']);
  });
});
