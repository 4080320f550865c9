// Says that the user types, from the keys that are pressed: in one chat at a time, and that it is over when no key follows.
import type { ParleyClient } from '../core/index.ts';

const IDLE_TYPING_MS = 4_000;

export class Typing {
  readonly #client: ParleyClient;
  #now: { readonly chat: string; readonly timer: ReturnType<typeof setTimeout> } | null = null;

  constructor(client: ParleyClient) {
    this.#client = client;
  }

  /** With every key that adds to a message of the chat; with null when it is over. */
  typed(chat: string | null): void {
    const before = this.#now;
    this.#now = null;
    if (before !== null) {
      clearTimeout(before.timer);
      if (before.chat !== chat) this.#client.chat(before.chat).typing(false);
    }
    if (chat === null) return;
    this.#client.chat(chat).typing(true);
    this.#now = { chat, timer: setTimeout(() => this.typed(null), IDLE_TYPING_MS) };
  }
}
