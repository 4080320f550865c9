// Who waits for a chat and will not get what was asked for hears so: the store did not answer, or the chat ends here, with its shard
// or its lease. Whoever owns it next knows what was kept, and is asked by the same ids.
import type { Ctx } from '../runtime/index.ts';
import { fault, giveUp, spread } from './chat-post.ts';
import type { ChatState, Reading } from './chat-state.ts';

/** Why, in words. */
export const MOVES = 'the chat moves to another node';

/** What a failed read, or none, means to whom it was for. */
export function notRead(ctx: Ctx, s: ChatState, reading: Reading, why: string): void {
  switch (reading.for) {
    case 'retry':
      return reading.failed();
    case 'about':
      return reading.then(null);
    case 'again':
      return reading.resume(undefined);
    case 'history':
      return fault(ctx, s, reading.to, reading.mail.ref, null, 'unavailable', spread(ctx, 1_000), why);
    // A session asks again, at its next gap or the chat's next nudge.
    case 'fetch':
    case 'tail':
      return;
  }
}

export function onEnd(ctx: Ctx, s: ChatState): void {
  for (const p of s.log.pending) giveUp(ctx, s, p, MOVES);
  for (const reading of s.readings.values()) notRead(ctx, s, reading, MOVES);
  for (const { ref, to } of s.blocking.values()) fault(ctx, s, to, ref, null, 'unavailable', spread(ctx, 1_000), MOVES);
}
