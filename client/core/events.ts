// What a client tells its application, by name of the event.
import type { ChatEntry } from './entry.ts';
import type { Gap } from './lane.ts';
import type { ClientState } from './link-state.ts';
import type { TypingEvent } from './presence.ts';
import type { Counts, Receipt } from './receipts.ts';

export interface Presence {
  readonly user: string;
  readonly online: boolean;
  /** Milliseconds since 1970; null when it is not shown, or was never. */
  readonly lastSeen: number | null;
}
/** After each sign-in, once the backlog is through. */
export interface Resumed {
  /** True: everything missed was pushed. False: these gaps were not, and are being read or skipped. */
  readonly resumed: boolean;
  readonly gaps: readonly Gap[];
}

export interface ClientEvents {
  state: ClientState;
  /** Each entry of each chat, in the order of its chat, once. Counts as handed to the application. */
  message: ChatEntry;
  receipt: Receipt;
  counts: Counts;
  typing: TypingEvent;
  presence: Presence;
  gap: Gap;
  resumed: Resumed;
  /** A handler of the application threw, or the store failed. Without a handler here it becomes an unhandled rejection. */
  error: unknown;
}
