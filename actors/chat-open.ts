// A chat wakes: its snapshot, the end of its log, its cursors. A bounded number of rows, whatever the length of the log.
// Meanwhile user mail waits in the mailbox; if the store does not answer, senders are refused and the chat goes on trying.
import { CHAT_KIND, decodeServerFrame, OP, TYPE } from '../protocol/index.ts';
import type { Ctx } from '../runtime/index.ts';
import type { Entry, OpenedLog, Row } from '../storage/index.ts';
import { applyChange, armRepeat, countFor, tellCounts } from './chat-deliver.ts';
import { entryOf } from './chat-entry.ts';
import { snapshotTaken } from './chat-save.ts';
import { type ChatState, token, unsettled } from './chat-state.ts';
import { decodeChat, decodeCursor } from './rows.ts';
import { TICK } from './ticks.ts';

export const LOAD_RETRY_MS = 500;
/** After this long without its state a chat refuses instead of letting mail wait. */
export const LOAD_PATIENCE_MS = 5_000;
export const TAIL_ENTRIES = 64;
export const CURSOR_ROWS_MAX = 8_192;
const TAIL_LIMIT = { entries: 512, bytes: 8_388_608 } as const;

export function load(ctx: Ctx, s: ChatState): void {
  const chat = s.chat;
  const reads = [
    { kind: 'row', table: 'chat', partition: chat, key: '' },
    { kind: 'open', log: `c:${chat}`, fence: s.fence },
    { kind: 'rows', table: 'cursor', partition: chat, after: '', limit: CURSOR_ROWS_MAX },
    { kind: 'row', table: 'dirty', partition: String(s.shard), key: chat },
  ] as const;
  // Through the writer, behind all earlier writes of this chat: a predecessor's outcome is known before its successor reads.
  if (!ctx.tell(s.writer, { t: 'load', token: 0, partition: chat, reads })) s.loadTries++;
  s.timers.load = ctx.after(LOAD_RETRY_MS * Math.min(10, 1 + s.loadTries), TICK.load);
}

export function onLoadTick(ctx: Ctx, s: ChatState): void {
  s.timers.load = 0;
  if (s.phase === 'open') return;
  s.loadTries++;
  if (s.phase === 'loading' && ctx.now() - s.loadSince >= LOAD_PATIENCE_MS) {
    s.phase = 'broken';
    ctx.release();
  }
  load(ctx, s);
}

/** First half: the rows. Asks for the log's end, or opens at once when there is none. */
export function onLoaded(ctx: Ctx, s: ChatState, values: readonly unknown[]): void {
  if (s.phase === 'open' || [...s.readings.values()].some((r) => r.for === 'tail')) return;
  const [snapshot, opened, cursors, dirty] = values as [Row | null, OpenedLog, Row[], Row | null];
  const last = opened.end;
  s.record = opened.record;
  // A load before this one may have come half way.
  s.members.clear();
  s.presentUsers = null;
  s.blockers.clear();
  s.snapshotUpTo = 0;
  s.snapshotStale = false;
  if (snapshot) {
    s.snapshotUpTo = decodeChat(snapshot.bytes, s.members, s.blockers);
    s.stamp = snapshot.stamp;
  }
  s.dirty = dirty !== null;
  s.log.head = last;
  s.log.durable = last;
  s.openCursors = cursors;
  if (last === 0) open(ctx, s);
  else readTail(ctx, s, Math.max(1, Math.min(s.snapshotUpTo + 1, last - TAIL_ENTRIES + 1)));
}

function readTail(ctx: Ctx, s: ChatState, from: number): void {
  const asked = token(s);
  const op = { kind: 'log', log: `c:${s.chat}`, from, to: s.log.durable, limit: TAIL_LIMIT, back: false } as const;
  // A refused or failed read is tried again, from the rows on, by the load timer.
  if (ctx.tell(s.deps.reader, { t: 'read', token: asked, op })) s.readings.set(asked, { for: 'tail', from });
}

export function onTailRead(ctx: Ctx, s: ChatState, entries: readonly Entry[]): void {
  for (const stored of entries) {
    const f = decodeServerFrame(stored.bytes);
    if (f.op !== OP.RECEIVE_MESSAGE || f.seq !== stored.n) throw new Error('a log entry is not what its number says');
    if (f.type >= TYPE.created && stored.n > s.snapshotUpTo) applyChange(s, entryOf(stored));
    if (s.members.kind === CHAT_KIND.group && f.type < TYPE.created) countFor(s, f.sender, f.seq);
    s.log.remember(f.sender, f.device, f.id, { n: stored.n, ts: f.ts });
    s.log.lastTs = Math.max(s.log.lastTs, f.ts);
  }
  const last = entries[entries.length - 1]?.n ?? s.log.durable;
  if (last < s.log.durable) readTail(ctx, s, last + 1);
  else open(ctx, s);
}

function open(ctx: Ctx, s: ChatState): void {
  for (const row of s.openCursors) {
    const m = s.members.all.get(row.key);
    if (m) decodeCursor(row.bytes, m);
  }
  s.openCursors = [];
  if (s.timers.load !== 0) ctx.cancel(s.timers.load);
  s.timers.load = 0;
  const stale = s.snapshotStale;
  if (!stale) snapshotTaken(s);
  const waiting = s.phase === 'loading';
  s.phase = 'open';
  if (waiting) ctx.release();
  // The last owner may not have told the last senders who has read what they wrote.
  tellCounts(ctx, s);
  let owing = false;
  for (const m of s.members.all.values()) if (unsettled(s, m)) owing = true;
  // Whoever takes over repeats at once: a member who waits should not wait for a timer's first round too.
  if (owing || s.dirty) armRepeat(ctx, s, owing ? 50 : 1_000);
}
