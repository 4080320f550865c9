// Frames to one device: entries within its window, anything else as it is.
import type { Ctx } from '../runtime/index.ts';
import type { LogEntry } from './mail.ts';
import { type Device, isOwn, type SessionState, windowOpen } from './session-state.ts';

/** To one device, if its window is open; else it falls behind, and is fed from the inbox until it is level again. False: it was not pushed. */
export function push(ctx: Ctx, s: SessionState, d: Device, chat: string, entry: LogEntry, i: number): boolean {
  if (isOwn(s, d, entry) || d.conn === null) return true;
  if (!windowOpen(d)) {
    if (d.mode === 'live') d.mode = 'catchup';
    return false;
  }
  const flight = { chat, n: entry.n, bytes: entry.frame.length, i };
  if (d.flight.length === 0) d.flight = [flight];
  else d.flight.push(flight);
  d.flightBytes += flight.bytes;
  ctx.send(d.conn, { t: 'push', frames: [entry.frame] });
  return true;
}

export const pushFrames = (ctx: Ctx, d: Device, frames: readonly Uint8Array[]): void => {
  if (d.conn !== null) ctx.send(d.conn, { t: 'push', frames });
};
