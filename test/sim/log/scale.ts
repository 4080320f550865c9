// The program's own bounds, made so small that a run of a few messages meets them all. The model runs on a copy with these changes.
import type { Change } from './plant.ts';

const bound = (file: string, name: string, from: string, to: string): Change => ({
  file,
  find: `const ${name} = ${from};`,
  replace: `const ${name} = ${to};`,
});

export const SCALE: readonly Change[] = [
  bound('actors/chat-log.ts', 'RECENT_IDS_MAX', '2_048', '5'),
  bound('actors/chat-log.ts', 'PENDING_MAX', '512', '3'),
  bound('actors/chat-log.ts', 'TAIL_ENTRIES_MAX', '64', '2'),
  bound('actors/chat-open.ts', 'TAIL_ENTRIES', '64', '1'),
  bound(
    'actors/chat-open.ts',
    'TAIL_LIMIT',
    '{ entries: 512, bytes: 8_388_608 } as const',
    '{ entries: 2, bytes: 999 } as const',
  ),
  bound('actors/chat-save.ts', 'SNAPSHOT_ENTRIES', '256', '3'),
  bound('storage/fenced-log.ts', 'IN_FLIGHT_MAX', '512', '3'),
  bound('storage/fenced-log.ts', 'RECORD_EVERY', '256', '3'),
  bound(
    'storage/fenced-log.ts',
    'PAGE: PageLimit',
    '{ entries: 512, bytes: 8 * 1024 * 1024 }',
    '{ entries: 2, bytes: 999 }',
  ),
];
