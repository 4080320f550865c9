// What a chat stores lazily: cursors, a snapshot of its members, and the end of its dirty mark. Losing any of it costs repeats, not messages.
import type { Ctx } from '../runtime/index.ts';
import type { Write } from '../storage/index.ts';
import { type ChatState, FLUSH_MS, markStamp, nextStamp, type ReadStored, token } from './chat-state.ts';
import { encodeChat, encodeCursor } from './rows.ts';
import { TICK } from './ticks.ts';

export const SNAPSHOT_ENTRIES = 256;

export function saveSoon(ctx: Ctx, s: ChatState): void {
  if (s.timers.flush === 0) s.timers.flush = ctx.after(FLUSH_MS, TICK.flush);
}

/** True when nobody waits to hear that something is stored. */
export const told = (s: ChatState): boolean => s.confirms.size === 0 && s.blocking.size === 0;

/** True when the chat has nothing that only memory holds. */
export function saved(s: ChatState): boolean {
  return s.cursorsDirty.size === 0 && !s.snapshotStale && told(s) && !s.dirty;
}

export function onFlushTick(ctx: Ctx, s: ChatState): void {
  s.timers.flush = 0;
  const writes = cursorWrites(s);
  const snapshot = snapshotDue(s);
  if (snapshot) writes.push(snapshotWrite(s));
  if (writes.length === 0) return;
  const asked = token(s);
  if (!ctx.tell(s.writer, { t: 'write', token: asked, partition: s.chat, writes })) return saveSoon(ctx, s);
  s.cursorsDirty.clear();
  if (snapshot) snapshotTaken(s);
  if (s.readsUnconfirmed.size > 0) s.confirms.set(asked, written(s));
  s.readsUnconfirmed.clear();
}

/** As they are written: by the time that they are safe the members are further, and a crash would take that back. */
function written(s: ChatState): ReadStored[] {
  const reads: ReadStored[] = [];
  for (const user of s.readsUnconfirmed) {
    const m = s.members.all.get(user);
    if (m) reads.push({ user, delivered: m.delivered, read: m.read });
  }
  return reads;
}

function cursorWrites(s: ChatState): Write[] {
  const writes: Write[] = [];
  for (const user of s.cursorsDirty) {
    const m = s.members.all.get(user);
    // Each of the three only grows, so their sum does: a stamp without a clock.
    const stamp = m ? m.delivered + m.read + m.settled + 1 : 0;
    if (m) writes.push({ t: 'put', table: 'cursor', partition: s.chat, key: user, stamp, bytes: encodeCursor(m) });
  }
  return writes;
}

/** Membership is never a guess (posts wait for changes), so a snapshot is always of the durable prefix. */
function snapshotDue(s: ChatState): boolean {
  return s.changesPending === 0 && (s.snapshotStale || s.log.durable - s.snapshotUpTo >= SNAPSHOT_ENTRIES);
}

export function snapshotWrite(s: ChatState): Write {
  const bytes = encodeChat(s.members, s.blockers, s.log.durable);
  return { t: 'put', table: 'chat', partition: s.chat, key: '', stamp: nextStamp(s), bytes };
}

export function snapshotTaken(s: ChatState): void {
  s.snapshotStale = false;
  s.snapshotUpTo = s.log.durable;
}

/** Cursors are safe: readers hear it, on all their devices. */
export function onSaved(ctx: Ctx, s: ChatState, asked: number): void {
  const readers = s.confirms.get(asked);
  if (readers) {
    s.confirms.delete(asked);
    for (const one of readers) ctx.hint('session', [one.user], { t: 'receipt', chat: s.chat, ...one });
  }
  const blocked = s.blocking.get(asked);
  if (!blocked) return;
  s.blocking.delete(asked);
  ctx.send(blocked.to, { t: 'done', ref: blocked.ref, value: null });
}

/**
 * All is settled: the mark goes. The stamp beats every mark up to here and loses to our next one. Cursors go with it: they say why.
 * False: the writer takes nothing now.
 */
export function unmark(ctx: Ctx, s: ChatState): boolean {
  const stamp = markStamp(s, s.log.durable) + 1;
  const del: Write = { t: 'del', table: 'dirty', partition: String(s.shard), key: s.chat, stamp };
  if (!ctx.tell(s.writer, { t: 'write', token: token(s), partition: s.chat, writes: [...cursorWrites(s), del] }))
    return false;
  s.dirty = false;
  s.marked = false;
  return true;
}
