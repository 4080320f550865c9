// The outbox at work: makes messages, stores them, sends what `outbox-state.ts` says may go, and moves the handles. One timer.
import { type Frame, isChatId, LIMITS, OP, TYPE } from '../../protocol/index.ts';
import { type ClientEnv, settle, type Timer } from './env.ts';
import { errorOf, ParleyError } from './errors.ts';
import type { Link } from './link.ts';
import { type Item, Outbox, type OutboxLimits } from './outbox-state.ts';
import { OutgoingMessage, type Sent } from './outgoing.ts';
import { Patience } from './patience.ts';
import type { Receipts } from './receipts.ts';
import type { OutboxStore, StoredMessage } from './store.ts';

/** What to send: text, or bytes with a content type (0 to 15, see TYPE). */
export type Draft =
  | { readonly text: string; readonly about?: number | null }
  | { readonly body: Uint8Array; readonly type?: number; readonly about?: number | null };

export interface SenderOptions {
  readonly env: ClientEnv;
  readonly store: OutboxStore;
  readonly link: Link;
  readonly receipts: Receipts;
  readonly limits: OutboxLimits;
  readonly onThrow: (error: unknown) => void;
}

/** Handles that hear of receipts, at the most; older ones keep a right `status`, but are not called. */
const WATCHED_MAX = 1_024;
/** A repeated message older than this might be made twice: the server forgets ids after `sentRetentionMs`. A day is kept clear. */
const RETRY_AGE_MS_MAX = LIMITS.sentRetentionMs - 86_400_000;
const EARLY_MAX = 1_000;
/** Own messages of one chat that are kept until they are shown; of more the oldest are found in history only, after a crash. */
const UNSHOWN_MAX = 1_000;
const encoder = new TextEncoder();

export class Sender {
  readonly #o: SenderOptions;
  readonly #outbox: Outbox;
  readonly #patience = new Patience();
  readonly #handles = new Map<string, OutgoingMessage>();
  /** Acknowledged, but not confirmed as shown: by chat. They leave the store only then, or a crash would hide them here. */
  readonly #unshown = new Map<string, { readonly id: string; readonly seq: number }[]>();
  /** Sent, and watched for receipts. */
  readonly #watched = new Set<OutgoingMessage>();
  readonly #emptied: (() => void)[] = [];
  #timer: Timer | null = null;
  #paused = true;
  readonly #idPrefix: string;
  #boot = 0;
  #made = 0;
  /** Made before the store was read; null once it is. */
  #early: StoredMessage[] | null = [];
  #flushing = false;
  #unflushed: Item[] = [];
  #closed = false;

  constructor(options: SenderOptions) {
    this.#o = options;
    this.#outbox = new Outbox(options.limits);
    this.#idPrefix = `${options.env.id()}.`;
  }

  get size(): number {
    return this.#outbox.size + (this.#early?.length ?? 0);
  }

  /** What an earlier life left. `boot` counts the lives of the store. */
  loaded(boot: number, messages: Iterable<StoredMessage>): void {
    this.#boot = boot;
    for (const message of messages) {
      this.#outbox.add(message, 'store');
      this.#handles.set(message.id, this.#handle(message));
    }
    const early = this.#early ?? [];
    this.#early = null;
    for (const message of early) {
      try {
        this.#keep(message);
      } catch (error) {
        this.#gone(message.id, error instanceof ParleyError ? error : new ParleyError('store_failed'));
      }
    }
  }

  pending(): OutgoingMessage[] {
    return [...this.#handles.values()];
  }

  /** A random part for stores that were lost, a counted one for chance that repeats. */
  nextId(): string {
    this.#made++;
    return `${this.#idPrefix}${this.#boot.toString(36)}.${this.#made.toString(36)}`;
  }

  /** @throws ParleyError for what can never be sent, and when the outbox is full or cannot be written. */
  send(chat: string, draft: Draft): OutgoingMessage {
    if (this.#closed) throw new ParleyError('closed');
    const message = { ...contentOf(chat, draft), id: this.nextId(), at: this.#o.env.wallNow() };
    const handle = this.#handle(message);
    if (this.#early === null) this.#keep(message);
    else if (this.#early.length < EARLY_MAX) this.#early.push(message);
    else throw new ParleyError('outbox_full', 'the store is still being read');
    // Before the first answer can come: a transport does not call back from within.
    this.#handles.set(message.id, handle);
    return handle;
  }

  #keep(message: StoredMessage): void {
    if (!this.#outbox.hasRoomFor(message.body.length)) throw new ParleyError('outbox_full');
    try {
      this.#o.store.save([{ is: 'message', message }]);
    } catch (cause) {
      throw new ParleyError('store_failed', '', { cause });
    }
    this.#unflushed.push(this.#outbox.add(message, 'application'));
    this.#flush();
  }

  #handle(message: StoredMessage): OutgoingMessage {
    return new OutgoingMessage(message, (handle) => this.#watch(handle), this.#o.onThrow);
  }

  // One flush at a time covers all that were saved before it: a group commit.
  #flush(): void {
    if (this.#flushing || this.#unflushed.length === 0) return;
    this.#flushing = true;
    const items = this.#unflushed;
    this.#unflushed = [];
    const done = (error: ParleyError | null): void => {
      this.#flushing = false;
      for (const item of items) {
        if (error === null) this.#outbox.markStored(item);
        else this.#failed(item.message.id, error);
      }
      this.pump();
      this.#flush();
    };
    settle(
      () => this.#o.store.flush(),
      () => done(null),
      (cause) => done(new ParleyError('store_failed', '', { cause })),
    );
  }

  // —— the connection ——

  online(): void {
    this.#paused = false;
    const now = this.#o.env.wallNow();
    for (const { message, tried } of [...this.#outbox.items()])
      if (tried && now - message.at > RETRY_AGE_MS_MAX) this.#failed(message.id, new ParleyError('expired'));
    this.pump();
  }

  offline(): void {
    this.#paused = true;
    this.#outbox.disconnected();
    this.#patience.disconnected();
    this.#arm(this.#o.env.now());
  }

  /** The node goes away: what is not sent yet waits for the next one. */
  pause(): void {
    this.#paused = true;
  }

  pump(now = this.#o.env.now()): void {
    const { link } = this.#o;
    while (!this.#paused && link.online) {
      const attempt = this.#outbox.next(now);
      if (attempt === null) break;
      const { chat, id, type, body, about } = attempt.message;
      const { after, retry } = attempt;
      link.send({ op: OP.SEND_MESSAGE, chat, id, type, body, about, after, retry });
    }
    this.#arm(now);
  }

  // Only a refusal can bring the next look forward; else the planned one comes first, and plans the next.
  // `now` is the time by which the outbox was asked: read anew it may have passed the end of a wait that nobody looks at then.
  #arm(now: number, sooner = false): void {
    const { env } = this.#o;
    const idle = this.#paused || this.#outbox.size === 0;
    if (this.#timer !== null && !sooner && !idle) return;
    if (this.#timer !== null) env.clearTimer(this.#timer);
    const due = idle ? null : this.#outbox.dueAt(now);
    this.#timer = due === null ? null : env.setTimer(() => this.#look(), Math.max(1, due - now));
  }

  #look(): void {
    this.#timer = null;
    const now = this.#o.env.now();
    this.#outbox.timeOut(now);
    this.#outbox.wake(now);
    this.pump(now);
  }

  // —— answers ——

  /** The server has it, as SENT, a push or history said. Gives the message when it was in the outbox. */
  acknowledged(id: string, sent: Sent): StoredMessage | null {
    const item = this.#outbox.remove(id, 'acknowledged');
    if (item === null) return null;
    this.#patience.served();
    const { chat } = item.message;
    const unshown = this.#unshown.get(chat);
    if (unshown === undefined) this.#unshown.set(chat, [{ id, seq: sent.seq }]);
    else {
      unshown.push({ id, seq: sent.seq });
      const oldest = unshown.length > UNSHOWN_MAX ? unshown.shift() : undefined;
      if (oldest !== undefined) this.#forget(oldest.id);
    }
    const handle = this.#handles.get(id);
    this.#handles.delete(id);
    if (handle?.watched === true) this.#follow(handle);
    handle?.acknowledge(sent, this.#o.receipts.of(chat));
    this.pump();
    this.#tellEmpty();
    return item.message;
  }

  refused(id: string, frame: Frame<'ERROR'>): void {
    const { env } = this.#o;
    const now = env.now();
    const item = this.#outbox.refused(id, frame, now, () => env.random());
    if (item !== null) this.#gone(id, errorOf(frame));
    if (frame.code === 'unavailable' && this.#patience.refused(now)) this.#o.link.elsewhere(frame.code);
    // The timer is planned anew: a wait that is over, and that it has not come to yet, would be forgotten.
    this.#outbox.wake(now);
    this.pump(now);
    this.#arm(now, true);
  }

  #failed(id: string, error: ParleyError): void {
    if (this.#outbox.remove(id, 'failed') !== null) this.#gone(id, error);
  }

  #gone(id: string, error: ParleyError): void {
    this.#forget(id);
    const handle = this.#handles.get(id);
    this.#handles.delete(id);
    handle?.fail(error, true);
    this.#tellEmpty();
  }

  /** The application has this device's own messages of the chat up to here. */
  shown(chat: string, upTo: number): void {
    const unshown = this.#unshown.get(chat);
    if (unshown === undefined) return;
    for (const { id, seq } of unshown) if (seq <= upTo) this.#forget(id);
    const left = unshown.filter(({ seq }) => seq > upTo);
    if (left.length > 0) this.#unshown.set(chat, left);
    else this.#unshown.delete(chat);
  }

  // Not flushed: should the death of the device undo it, the message goes again as a retry, and is not made twice.
  #forget(id: string): void {
    try {
      this.#o.store.save([{ is: 'done', id }]);
    } catch (error) {
      this.#o.onThrow(error);
    }
  }

  // —— receipts ——

  #watch(handle: OutgoingMessage): void {
    if (handle.status !== 'queued' && handle.status !== 'failed') this.#follow(handle);
  }

  #follow(handle: OutgoingMessage): void {
    this.#watched.add(handle);
    if (this.#watched.size > WATCHED_MAX) for (const oldest of this.#watched) return void this.#watched.delete(oldest);
  }

  /** Chats with handles that somebody listens to, and that are not read yet. */
  watchedChats(): Set<string> {
    return new Set([...this.#watched].map(({ chat }) => chat));
  }

  /** Cursors of a chat moved. */
  receipts(chat: string): void {
    for (const handle of [...this.#watched]) {
      if (handle.chat !== chat) continue;
      handle.tell();
      if (handle.status === 'read' || !handle.watched) this.#watched.delete(handle);
    }
  }

  // —— the end ——

  /** Calls once the outbox is empty; at once when it is. */
  whenEmpty(run: () => void): void {
    this.#emptied.push(run);
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    if (this.#outbox.size === 0) for (const run of this.#emptied.splice(0)) run();
  }

  /** No new messages from here on; those in the outbox still go. */
  refuseNew(): void {
    this.#closed = true;
  }

  close(error: ParleyError): void {
    this.#closed = true;
    this.#paused = true;
    this.#arm(this.#o.env.now());
    for (const handle of this.#handles.values()) handle.fail(error, false);
  }
}

function contentOf(chat: string, draft: Draft): Pick<StoredMessage, 'chat' | 'type' | 'body' | 'about'> {
  // A body of the application's is copied: it may go on using its buffer.
  const body = 'text' in draft ? encoder.encode(draft.text) : new Uint8Array(draft.body);
  const type = 'text' in draft ? TYPE.text : (draft.type ?? TYPE.text);
  const about = draft.about ?? null;
  if (!isChatId(chat)) throw new ParleyError('bad_argument', 'not a chat id');
  if (body.length > LIMITS.bodyBytesMax)
    throw new ParleyError('too_large', `a body of over ${LIMITS.bodyBytesMax} bytes`);
  if (!Number.isInteger(type) || type < 0 || type > 15) throw new ParleyError('bad_argument', 'a type is from 0 to 15');
  if (about !== null && (!Number.isSafeInteger(about) || about < 0)) throw new ParleyError('bad_argument', 'about');
  return { chat, type, body, about };
}
