// A page of a user's chats, as rows. Read behind the user's own writes, so that who was just told of a chat finds it in the list.
import type { Ctx } from '../runtime/index.ts';
import type { SessionState } from './session-state.ts';

/** The answer comes to the wait of `token`. False: the store takes no reads now. */
export function readChats(ctx: Ctx, s: SessionState, token: number, after: string, limit: number): boolean {
  const op = { kind: 'rows', table: 'userChat', partition: s.user, after, limit } as const;
  if (ctx.tell(s.deps.writerFor(s.user), { t: 'load', token, partition: s.user, reads: [op] })) return true;
  // A writer that takes nothing, its store being in trouble, does not keep anybody from reading what is stored, if it is all there is.
  const isComing = s.appends.some(({ items }) => items.some(({ item }) => item.mine));
  return !isComing && ctx.tell(s.deps.reader, { t: 'read', token, op });
}
