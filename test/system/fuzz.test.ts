import { expect, it } from 'vitest';
import { fuzzRun } from '../chaos/fuzz.ts';

// A hundred thousand frames are `npm run chaos -- fuzz`; here a tenth of them.
it('whatever attackers say, honest clients lose nothing, no cell crashes, and the node holds no more than before', async () => {
  const { honest, book, crashes, restarts, stderr, memory } = await fuzzRun({
    frames: 8_000,
    seed: 20_260_301,
    attackers: 16,
    rate: 40,
    settleMs: 1_000,
    log: () => {},
  });
  expect(honest).toMatchObject({ lost: 0, doubled: 0, reordered: 0, gaps: 0, different: 0, failed: 0, reconnects: 0 });
  expect(honest.acked).toBe(honest.sends);
  expect(honest.sends).toBeGreaterThan(100);
  expect(book.examples).toEqual([]);
  expect({ crashes, restarts, stderr }).toEqual({ crashes: 0, restarts: 0, stderr: '' });
  // That it got past the door: messages were taken, pages given, and frames refused for what they ask.
  for (const answer of ['SENT', 'HISTORY_PAGE', 'CHAT', 'CHATS', 'OK', 'PRESENCE'])
    expect(book.answers[answer], answer).toBeGreaterThan(0);
  for (const code of ['bad_frame', 'too_large', 'not_member', 'bad_argument', 'unauthenticated'])
    expect(book.refused[code], code).toBeGreaterThan(0);
  // Cells that wait to be passivated are counted in: each new one may hold some kilobytes, and there is nothing else that grows.
  const [, half, all] = memory;
  const cells = (held: typeof half): number => (held?.cells.chat ?? 0) + (held?.cells.session ?? 0);
  const grownMb = (all?.heapMb ?? Number.NaN) - (half?.heapMb ?? Number.NaN);
  const newCellsMb = (Math.max(0, cells(all) - cells(half)) * 8) / 1_024;
  expect(grownMb).toBeLessThan(2 + newCellsMb);
  expect(all?.connections).toBe(6);
}, 120_000);
