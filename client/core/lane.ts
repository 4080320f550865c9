// One chat on the receiving side: what the receiver and the fetcher share about it.
import { Unconfirmed } from './ack-state.ts';
import type { ChatEntry } from './entry.ts';
import type { Timer } from './env.ts';
import { Inbox } from './inbox-state.ts';

/** Entries that the server does not push. `fetch`: they are being read. `skip`, `refused`: they will not be shown. */
export interface Gap {
  readonly chat: string;
  readonly from: number;
  readonly to: number;
  readonly action: 'fetch' | 'skip' | 'refused';
}
export interface Lane {
  readonly chat: string;
  readonly inbox: Inbox<ChatEntry>;
  readonly unconfirmed: Unconfirmed;
  /** The first entry that nobody took: where the next iterator of the chat begins. */
  resumeAt: number | null;
  draining: boolean;
  /** A request for history is under way, or planned by `timer`. */
  asking: boolean;
  timer: Timer | null;
  /** Requests in a row that brought nothing. */
  failures: number;
}

export function newLane(chat: string, known: number): Lane {
  return {
    chat,
    inbox: new Inbox(known),
    unconfirmed: new Unconfirmed(),
    resumeAt: null,
    draining: false,
    asking: false,
    timer: null,
    failures: 0,
  };
}
