// The handle of a message that this device sends: what has become of it, for the application. The sender moves it.
import type { ParleyError } from './errors.ts';
import type { Cursors } from './receipts.ts';

/** `queued` in the outbox · `sent` durable at the server · `delivered`, `read` by all others in the chat · `failed` for good. */
export type MessageStatus = 'queued' | 'sent' | 'delivered' | 'read' | 'failed';
export interface Sent {
  /** The number of the message in its chat. */
  readonly seq: number;
  /** When the server took it, milliseconds since 1970. */
  readonly ts: number;
}
interface Waiter {
  readonly done: (sent: Sent) => void;
  readonly failed: (error: ParleyError) => void;
}

export class OutgoingMessage {
  readonly id: string;
  readonly chat: string;
  /** When it was made, by this device's clock, milliseconds since 1970. */
  readonly at: number;
  /** Why it failed. */
  error: ParleyError | null = null;
  #sent: Sent | null = null;
  #cursors: Cursors | null = null;
  #told: MessageStatus = 'queued';
  #handlers: ((status: MessageStatus, message: OutgoingMessage) => void)[] = [];
  #waiters: Waiter[] = [];
  readonly #onWatch: (message: OutgoingMessage) => void;
  readonly #onThrow: (error: unknown) => void;

  /** @internal */
  constructor(
    made: { readonly id: string; readonly chat: string; readonly at: number },
    onWatch: (message: OutgoingMessage) => void,
    onThrow: (error: unknown) => void,
  ) {
    this.id = made.id;
    this.chat = made.chat;
    this.at = made.at;
    this.#onWatch = onWatch;
    this.#onThrow = onThrow;
  }

  get status(): MessageStatus {
    if (this.error !== null) return 'failed';
    if (this.#sent === null) return 'queued';
    if (this.#sent.seq <= (this.#cursors?.read ?? 0)) return 'read';
    return this.#sent.seq <= (this.#cursors?.delivered ?? 0) ? 'delivered' : 'sent';
  }

  /** Its number in the chat; null until it is sent. */
  get seq(): number | null {
    return this.#sent?.seq ?? null;
  }

  /** Hears each change of the status from now on; it may step over one. Returns what ends that. */
  on(_event: 'status', handler: (status: MessageStatus, message: OutgoingMessage) => void): () => void {
    this.#handlers = [...this.#handlers, handler];
    this.#onWatch(this);
    return () => {
      this.#handlers = this.#handlers.filter((one) => one !== handler);
    };
  }

  /** Resolves once the message is durable at the server; rejects with a ParleyError when it failed, or at close(). */
  sent(): Promise<Sent> {
    return new Promise((done, failed) => {
      if (this.error !== null) failed(this.error);
      else if (this.#sent !== null) done(this.#sent);
      else this.#waiters.push({ done, failed });
    });
  }

  /** @internal */
  get watched(): boolean {
    return this.#handlers.length > 0;
  }

  /** @internal */
  acknowledge(sent: Sent, cursors: Cursors): void {
    this.#sent = sent;
    this.#cursors = cursors;
    for (const waiter of this.#waiters.splice(0)) waiter.done(sent);
    this.tell();
  }

  /** @internal `final` false: the promise ends, but the message stays in the outbox. */
  fail(error: ParleyError, final: boolean): void {
    if (final) this.error = error;
    for (const waiter of this.#waiters.splice(0)) waiter.failed(error);
    this.tell();
  }

  /** @internal The cursors may have moved. */
  tell(): void {
    const { status } = this;
    if (status === this.#told) return;
    this.#told = status;
    for (const handler of this.#handlers) {
      try {
        handler(status, this);
      } catch (error) {
        this.#onThrow(error);
      }
    }
  }
}
