// Connections that a session has done with are told so until they are gone: a mail to a full mailbox is lost, and one that believes that it is
// attached would wait for ever.
import type { Ctx, Ref } from '../runtime/index.ts';
import type { DismissedMail } from './mail.ts';
import { EVICT_MS, type SessionState } from './session-state.ts';
import { TICK } from './ticks.ts';

export function evict(ctx: Ctx, s: SessionState, conn: Ref, why: DismissedMail['why']): void {
  ctx.send(conn, { t: 'dismissed', why });
  s.evicting = [...s.evicting.filter((each) => each.conn !== conn), { conn, why }];
  if (s.timerEvict === 0) s.timerEvict = ctx.after(EVICT_MS, TICK.evict);
}

export function onEvict(ctx: Ctx, s: SessionState): void {
  s.timerEvict = 0;
  for (const { conn, why } of s.evicting) ctx.send(conn, { t: 'dismissed', why });
  if (s.evicting.length > 0) s.timerEvict = ctx.after(EVICT_MS, TICK.evict);
}

/** It is gone, or its node is: then it hears of the break. */
export function evicted(s: SessionState, key: string): void {
  if (s.evicting.length > 0) s.evicting = s.evicting.filter(({ conn }) => conn.key !== key);
}
