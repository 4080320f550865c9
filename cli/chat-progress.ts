// How far an own message of a chat is: what its ticks say. Pure, from the model of the chat.
import type { MessageStatus } from '../client/index.ts';
import type { ChatState, Item, Model } from './chat-model.ts';

export interface Progress {
  readonly status: MessageStatus;
  readonly delivered: number;
  readonly read: number;
  /** How many others there are; 0 when that is not known yet. */
  readonly others: number;
}

/** How far an own message is, from all that was heard. */
export function progressOf(model: Model, chat: ChatState, item: Item): Progress {
  const { seq } = item;
  if (item.status === 'failed' || seq === null)
    return { status: item.status ?? 'queued', delivered: 0, read: 0, others: 0 };
  let others = 0;
  let delivered = 0;
  let read = 0;
  for (const [user, member] of chat.members) {
    if (user === model.me) continue;
    others++;
    if (member.delivered >= seq) delivered++;
    if (member.read >= seq) read++;
  }
  if (chat.kind === 'direct') others = Math.min(1, others);
  const { counts } = chat;
  if (counts !== null && counts.seq >= seq) {
    others = Math.max(others, counts.members);
    delivered = Math.max(delivered, counts.delivered);
    read = Math.max(read, counts.read);
  }
  delivered = Math.max(delivered, read);
  if (item.status === 'read' || (others > 0 && read >= others)) return { status: 'read', delivered, read, others };
  const all = item.status === 'delivered' || (others > 0 && delivered >= others);
  return { status: all ? 'delivered' : 'sent', delivered, read, others };
}
