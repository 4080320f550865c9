// How far an own message of a chat is: what its ticks say. Pure, from what is known of the chat.
import type { MessageStatus } from '../core/index.ts';
import { type ChatOf, type ChatsOf, othersOf } from './chats.ts';

export interface Progress {
  readonly status: MessageStatus;
  readonly delivered: number;
  readonly read: number;
  /** How many others there are; 0 while that is not known. */
  readonly others: number;
}

/** From all that was heard: of the message itself, of members, and of counts. */
export function progressOf<Item extends { readonly seq: number | null; readonly status: MessageStatus | null }>(
  all: ChatsOf<Item>,
  chat: ChatOf<Item>,
  { seq, status }: Item,
): Progress {
  if (seq === null || status === 'failed' || status === 'queued')
    return { status: status ?? 'queued', delivered: 0, read: 0, others: 0 };
  const others = othersOf(all, chat).flatMap((user) => chat.members.get(user) ?? []);
  const counts = chat.counts !== null && chat.counts.seq >= seq ? chat.counts : null;
  const count = Math.max(others.length, counts?.members ?? 0);
  const read = Math.max(others.filter((one) => one.read >= seq).length, counts?.read ?? 0);
  const delivered = Math.max(read, others.filter((one) => one.delivered >= seq).length, counts?.delivered ?? 0);
  const byAll = (reached: number): boolean => count > 0 && reached >= count;
  if (status === 'read' || byAll(read)) return { status: 'read', delivered, read, others: count };
  return { status: status === 'delivered' || byAll(delivered) ? 'delivered' : 'sent', delivered, read, others: count };
}
