// Lets what is known of chats follow a client, in what all views treat alike: receipts, counts, typing, presence. Entries, gaps and the
// connection are for each view's own session.
import type { ParleyClient } from '../core/index.ts';
import { type ChatsOf, onCounts, onPresence, onReceipt, onTyping } from './chats.ts';

export interface FeedEvents {
  changed(): void;
  /** Something was told of in part: the rest is to be asked for. */
  stale(): void;
}

/** Before the view's own handlers, so that these find what changed. */
export function feed<Item>(client: ParleyClient, all: ChatsOf<Item>, on: FeedEvents): void {
  const heard =
    <Event>(how: (all: ChatsOf<Item>, event: Event) => void) =>
    (event: Event): void => {
      how(all, event);
      on.changed();
    };
  client.on('receipt', heard(onReceipt));
  client.on('typing', heard(onTyping));
  client.on('presence', heard(onPresence));
  client.on('counts', heard(onCounts));
  // Counts tell of the last message only; who has the others is asked for.
  client.on('counts', () => on.stale());
}
