// Where each device stands in the inbox, stored lazily: a cursor that is behind costs doubles, which devices drop.
import type { Ctx } from '../runtime/index.ts';
import type { Write } from '../storage/index.ts';
import { encodeDevice } from './rows.ts';
import { cursorOf, type Device, FLUSH_MS, nextStamp, type SessionState } from './session-state.ts';
import { TICK } from './ticks.ts';

export function saveDevicesSoon(ctx: Ctx, s: SessionState): void {
  if (s.timerFlush !== 0 || !s.devices.some(isStale)) return;
  s.timerFlush = ctx.after(FLUSH_MS, TICK.flush);
}

export function onFlush(ctx: Ctx, s: SessionState): void {
  s.timerFlush = 0;
  for (const d of s.devices) if (isStale(d)) saveDevice(ctx, s, d);
}

/** The row of one that is being removed is not written again. */
const isStale = (d: Device): boolean => d.mode !== 'removed' && d.storedCursor !== cursorOf(d);

export function saveDevice(ctx: Ctx, s: SessionState, d: Device): void {
  const cursor = cursorOf(d);
  const bytes = encodeDevice({ sync: d.sync, cursor, agent: d.agent, seen: d.seen, since: d.since });
  const put: Write = { t: 'put', table: 'device', partition: s.user, key: d.id, stamp: nextStamp(s), bytes };
  // A device that is not stored is fresh again after a crash: it loses nothing, and reads more.
  if (ctx.tell(s.deps.writerFor(s.user), { t: 'write', token: 0, partition: s.user, writes: [put] }))
    d.storedCursor = cursor;
  else saveDevicesSoon(ctx, s);
}
