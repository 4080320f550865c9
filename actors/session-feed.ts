// Devices that are behind are fed from the inbox in pages, until they are level and live: a slow reader costs no memory here.
import type { Ctx, Ref } from '../runtime/index.ts';
import type { Entry } from '../storage/index.ts';
import { entryOf } from './chat-entry.ts';
import { decodeInbox, type InboxEntry } from './rows.ts';
import { saveDevice } from './session-cursors.ts';
import { push } from './session-push.ts';
import { tellChat } from './session-settle.ts';
import { coveredUpTo, type Device, MOMENT_MS, type SessionState, wait, windowOpen } from './session-state.ts';
import { TICK } from './ticks.ts';

export const FEED_LIMIT = { entries: 32, bytes: 262_144 } as const;

/** Give a device that is behind its next page, or make it live when it is level. */
export function feed(ctx: Ctx, s: SessionState, d: Device): void {
  if (d.mode !== 'catchup' || d.reading || d.conn === null) return;
  if (d.fed >= s.inboxHead) return level(ctx, s, d);
  // Half a window free: a page for every ack would be a read for every message.
  if (d.flight.length > FEED_LIMIT.entries || !windowOpen(d)) return;
  readPage(ctx, s, d, d.conn, false);
}

/** False: the store takes no reads now. */
export function readPage(ctx: Ctx, s: SessionState, d: Device, conn: Ref, greet: boolean): boolean {
  const upTo = s.inboxHead;
  const token = wait(s, { for: 'feed', device: d, conn, from: d.fed + 1, upTo, greet });
  const op = { kind: 'log', log: `i:${s.user}`, from: d.fed + 1, to: upTo, limit: FEED_LIMIT, back: false } as const;
  if (ctx.tell(s.deps.reader, { t: 'read', token, op })) {
    d.reading = true;
    return true;
  }
  s.waits?.delete(token);
  if (s.timerMoment === 0) s.timerMoment = ctx.after(MOMENT_MS, TICK.moment);
  return false;
}

/** A page of the inbox is here. What the device has, or has in flight, is not pushed again. */
export function onPage(ctx: Ctx, s: SessionState, d: Device, conn: Ref, upTo: number, entries: readonly Entry[]): void {
  d.reading = false;
  if (d.conn !== conn) return;
  // Expired in the middle of a page: the log still has it, and the device asks for the gap that it sees.
  if (entries.length === 0) d.fed = Math.max(d.fed, upTo);
  pushFrom(ctx, s, d, conn, entries, 0);
}

function pushFrom(ctx: Ctx, s: SessionState, d: Device, conn: Ref, entries: readonly Entry[], start: number): void {
  for (let at = start; at < entries.length; at++) {
    const stored = entries[at];
    if (!stored || stored.n <= d.fed) continue;
    const row = decodeInbox(stored.bytes);
    const inFlight = d.flight.find((f) => f.chat === row.chat && f.n === row.n);
    if (inFlight) inFlight.i = stored.n;
    else if (coveredUpTo(d, row.chat) < row.n) {
      if (!windowOpen(d)) return;
      if (row.frame === null) return readBody(ctx, s, d, conn, entries, at, row);
      if (!pushStored(ctx, s, d, stored.n, row, row.frame)) return;
    } else if ((d.has?.get(row.chat) ?? 0) >= row.n) {
      ctx.route('chat', row.chat, { t: 'got', user: s.user, delivered: row.n, settled: 0 });
    }
    d.fed = stored.n;
  }
  feed(ctx, s, d);
}

function pushStored(ctx: Ctx, s: SessionState, d: Device, i: number, row: InboxEntry, frame: Uint8Array): boolean {
  return push(ctx, s, d, row.chat, entryOf({ n: row.n, fence: 0, bytes: frame }), i);
}

/** A large frame: from its chat's log. */
function readBody(
  ctx: Ctx,
  s: SessionState,
  d: Device,
  conn: Ref,
  entries: readonly Entry[],
  at: number,
  row: InboxEntry,
): void {
  const stored = entries[at];
  const done = (bytes: Uint8Array | null): void => {
    d.reading = false;
    if (d.conn !== conn || !stored) return;
    // Gone from the log: its retention ran out.
    if (bytes !== null && !pushStored(ctx, s, d, stored.n, row, bytes)) return;
    d.fed = stored.n;
    pushFrom(ctx, s, d, conn, entries, at + 1);
  };
  const token = wait(s, { for: 'bodies', device: d, conn, done });
  const op = {
    kind: 'log',
    log: `c:${row.chat}`,
    from: row.n,
    to: row.n,
    limit: { entries: 1, bytes: 65_536 },
    back: false,
  } as const;
  if (ctx.tell(s.deps.reader, { t: 'read', token, op })) {
    d.reading = true;
    return;
  }
  s.waits?.delete(token);
  if (s.timerMoment === 0) s.timerMoment = ctx.after(MOMENT_MS, TICK.moment);
}

/** Nothing of the inbox is left to feed: what is still on its way there is pushed directly, and the device is live. */
function level(ctx: Ctx, s: SessionState, d: Device): void {
  if (s.chats) {
    for (const view of s.chats.values()) {
      for (const { entry } of view.items) {
        if (coveredUpTo(d, view.chat) >= entry.n || (view.acks?.get(d.id) ?? 0) >= entry.n) continue;
        if (d.flight.some((f) => f.chat === view.chat && f.n === entry.n)) continue;
        if (!push(ctx, s, d, view.chat, entry, 0)) return;
      }
    }
  }
  d.mode = 'live';
  carryAcks(ctx, s, d);
  const gaps = d.told?.size ?? 0;
  d.has = null;
  d.told = null;
  if (!d.announce) return;
  d.announce = false;
  if (d.sync === '') {
    // Only now: a device that goes before this is fresh again, and hears of all its gaps.
    d.sync = ctx.env.id();
    d.storedCursor = -1;
    saveDevice(ctx, s, d);
  }
  if (d.conn !== null) ctx.send(d.conn, { t: 'caughtUp', sync: d.sync, gaps });
}

/** What the device has, or was told to read (it takes its new `sync` only when it has), counts as acked for what has not settled yet. */
function carryAcks(ctx: Ctx, s: SessionState, d: Device): void {
  if (!s.chats) return;
  for (const view of s.chats.values()) {
    const had = Math.min(d.has?.get(view.chat) ?? 0, view.known);
    if (had > view.delivered) {
      view.delivered = had;
      tellChat(ctx, s, view);
    }
    const has = Math.min(coveredUpTo(d, view.chat), view.known);
    if (view.items.length === 0 || has === 0) continue;
    view.acks ??= new Map();
    if (has > (view.acks.get(d.id) ?? 0)) view.acks.set(d.id, has);
  }
}
