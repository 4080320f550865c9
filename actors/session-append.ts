// The inbox: what devices have not acked, durable, once per user. Appended in batches.
import { TYPE } from '../protocol/index.ts';
import type { Ctx } from '../runtime/index.ts';
import { advanced, recordDue, recordWrite, type Write } from '../storage/index.ts';
import type { LogEntry } from './mail.ts';
import { encodeInbox, encodeUserChat } from './rows.ts';
import { type ChatView, type Item, MOMENT_MS, type SessionState } from './session-state.ts';
import { TICK } from './ticks.ts';

/** Frames up to this size ride along in the inbox, so that a page costs one read; larger ones are read from their chat's log. */
export const INLINE_BYTES_MAX = 1_024;
/** Everything of these views that is not on its way to the inbox yet. */
export function appendItems(ctx: Ctx, s: SessionState, views: readonly ChatView[]): void {
  const batch: { view: ChatView; item: Item; i: number }[] = [];
  const writes: Write[] = [];
  const inbox = s.devices.length > 0;
  let next = s.inboxNext;
  for (const view of views) {
    for (const item of view.items) {
      if (item.queued) continue;
      const i = inbox ? ++next : 0;
      batch.push({ view, item, i });
      if (inbox) {
        const frame = item.entry.frame.length <= INLINE_BYTES_MAX ? item.entry.frame : null;
        const bytes = encodeInbox({ chat: view.chat, n: item.entry.n, frame });
        writes.push({ t: 'entry', log: `i:${s.user}`, n: i, fence: s.fence, bytes });
      }
      if (item.mine) writes.push(membershipWrite(s, view.chat, item.entry));
    }
  }
  if (batch.length === 0) return;
  const record =
    inbox && s.record !== null && recordDue(s.record, s.inboxHead) ? advanced(s.record, s.inboxHead) : null;
  if (record !== null) writes.push(recordWrite(`i:${s.user}`, record));
  const token = -s.nextToken++;
  if (!ctx.tell(s.deps.writerFor(s.user), { t: 'write', token, partition: s.user, writes })) {
    if (s.timerMoment === 0) s.timerMoment = ctx.after(MOMENT_MS, TICK.moment);
    return;
  }
  if (record !== null) s.record = record;
  s.inboxNext = next;
  for (const { item } of batch) item.queued = true;
  s.appends = [...s.appends, { token, items: batch }];
  s.deps.counters.count('inboxed', 'entry');
}

function membershipWrite(s: SessionState, chat: string, entry: LogEntry): Write {
  const left = entry.type === TYPE.removed || entry.type === TYPE.left ? entry.n : 0;
  // Numbered by the entry: a late write of an earlier change never wins.
  return { t: 'put', table: 'userChat', partition: s.user, key: chat, stamp: entry.n, bytes: encodeUserChat(left) };
}
