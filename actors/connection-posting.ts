// How many messages of a connection are under way. Whoever took one answers, but for a chat that was killed with it in its hands:
// what nobody can answer any more must not count for ever.
import type { Ctx } from '../runtime/index.ts';
import { CONFIRM_DEADLINE_MS } from './chat-state.ts';
import type { ConnectionState } from './connection-state.ts';

/** Messages that a connection may have under way; beyond it the client is told to wait. */
export const POSTING_MAX = 512;
/** A chat answers within its deadline; this much later, at the latest, the answer is here. */
export const ANSWER_MS = CONFIRM_DEADLINE_MS + 5_000;

export function took(s: ConnectionState): void {
  s.posting++;
  s.postingMs = s.heard;
}

export function answered(ctx: Ctx, s: ConnectionState): void {
  // An answer that was given up may come after all.
  if (s.posting > 0) s.posting--;
  s.postingMs = Math.ceil(ctx.now());
}

/** None was taken and none was answered for so long: those that are left are lost, and their client says them again. */
export function forgetLost(ctx: Ctx, s: ConnectionState): void {
  if (s.posting > 0 && ctx.now() - s.postingMs >= ANSWER_MS) s.posting = 0;
}
