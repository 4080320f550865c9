// When an entry is settled for a user: every device has acked it, or it is in the inbox. Only then the chat hears so.
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import type { LogEntry } from './mail.ts';
import { appendItems } from './session-append.ts';
import { type ChatView, isOwn, MOMENT_MS, type SessionState } from './session-state.ts';
import { TICK } from './ticks.ts';

/** What is settled moves on; what cannot settle by acks goes to the inbox; the chat hears of any progress. */
export function progress(ctx: Ctx, s: SessionState, view: ChatView): Next {
  const before = view.settled;
  let settled = 0;
  for (const item of view.items) {
    if (!(item.done || (!item.mine && ackedByAll(s, view, item.entry)))) break;
    view.settled = item.entry.n;
    s.itemsHeld--;
    s.bytesHeld -= item.entry.frame.length;
    settled++;
  }
  if (settled > 0) view.items.splice(0, settled);
  if (view.items.length === 0) {
    view.settled = view.known;
    view.acks = null;
  } else waitOrAppend(ctx, s, view);
  if (view.settled > before) tellChat(ctx, s, view);
  return CONTINUE;
}

export function tellChat(ctx: Ctx, s: SessionState, view: ChatView): void {
  ctx.route('chat', view.chat, { t: 'got', user: s.user, delivered: view.delivered, settled: view.settled });
}

/** A user without any device has nobody to wait for: a first device reads the log. */
function ackedByAll(s: SessionState, view: ChatView, entry: LogEntry): boolean {
  for (const d of s.devices) {
    if (isOwn(s, d, entry)) continue;
    if ((view.acks?.get(d.id) ?? 0) < entry.n) return false;
  }
  return true;
}

/** While every device is live a moment is waited for acks; a device that is away, or behind, needs the inbox now. */
function waitOrAppend(ctx: Ctx, s: SessionState, view: ChatView): void {
  const allLive = s.devices.every((d) => d.mode === 'live');
  if (!allLive || view.items.some((item) => item.mine && !item.queued)) appendItems(ctx, s, [view]);
  else if (s.timerMoment === 0) s.timerMoment = ctx.after(MOMENT_MS, TICK.moment);
}
