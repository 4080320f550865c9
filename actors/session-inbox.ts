// What moves a user's inbox on: a write that became durable, and the moment after which acks are waited for no longer.
import type { Ctx } from '../runtime/index.ts';
import { appendItems } from './session-append.ts';
import { feed } from './session-feed.ts';
import { progress } from './session-settle.ts';
import type { Append, ChatView, SessionState } from './session-state.ts';

export function onMoment(ctx: Ctx, s: SessionState): void {
  s.timerMoment = 0;
  const late: ChatView[] = [];
  if (s.chats) for (const view of s.chats.values()) if (view.items.some((item) => !item.queued)) late.push(view);
  if (late.length > 0) appendItems(ctx, s, late);
}

/** The inbox has it: settled for every device, here or not. Writers answer in order; the head moves over what is complete. */
export function onAppended(ctx: Ctx, s: SessionState, append: Append): void {
  s.appends = s.appends.filter((a) => a !== append);
  const touched = new Set<ChatView>();
  for (const { view, item, i } of append.items) {
    item.done = true;
    touched.add(view);
    if (i === 0) continue;
    s.inboxHead = i;
    for (const d of s.devices) {
      if (d.mode !== 'live') continue;
      d.fed = i;
      for (const f of d.flight) if (f.chat === view.chat && f.n === item.entry.n) f.i = i;
    }
  }
  for (const view of touched) progress(ctx, s, view);
  for (const d of s.devices) feed(ctx, s, d);
}
