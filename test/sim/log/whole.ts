// The whole log as another owner would find it, and serve it.
import { sentOf } from '../../../actors/chat-entry.ts';
import { openLog, readEntries } from '../../../storage/fenced-log.ts';
import type { Entry, LogId } from '../../../storage/index.ts';
import type { LogWorld } from './log-world.ts';

const EVERYTHING = { entries: 1_000, bytes: 1_000_000 };
const TURNS_MAX = 100;

export async function readWhole(world: LogWorld, log: LogId, fence: number): Promise<Entry[]> {
  const name = `reader-${fence}`;
  const store = world.disk.open(name);
  let over = false;
  const read = async (): Promise<Entry[]> => {
    const { end, record } = await openLog(store, log, fence, sentOf, (writes) => store.commit(writes));
    return end === 0 ? [] : readEntries(store, log, 1, end, EVERYTHING, false, record);
  };
  const reading = read().finally(() => {
    over = true;
  });
  for (let i = 0; i < TURNS_MAX && !over; i++) {
    world.disk.settleOf(name);
    await world.quiet();
  }
  if (!over) world.fail('the log cannot be read');
  return reading;
}
