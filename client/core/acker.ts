// Says to the server what this device has, and what its user has read (`reads.ts` knows which). A number is first saved, then flushed,
// then said: what the server was told survives a crash of the device. Numbers of up to 50 ms go together.
import { LIMITS, OP } from '../../protocol/index.ts';
import { type ChatUpTo, Saying } from './ack-state.ts';
import { type ClientEnv, settle, type Timer } from './env.ts';
import type { Link } from './link.ts';
import { Reads } from './reads.ts';
import type { OutboxStore, StoreChange, Stored } from './store.ts';

/** Bytes of a HELLO that are left for what is known, when the token is as long as it may be. */
const KNOWN_BYTES_MAX = LIMITS.frameBytesMax - LIMITS.tokenCharsMax - 1_024;
const RETRY_FLUSH_MS = 1_000;
/** Until a number is said again: longer than a takeover lasts, and than a connection may be dead before it is given up. */
const REPEAT_MS = 35_000;
/** Those that are due so soon go along. */
const REPEAT_TOGETHER_MS = 5_000;

export class Acker {
  readonly #env: ClientEnv;
  readonly #store: OutboxStore;
  readonly #link: Link;
  readonly #onThrow: (error: unknown) => void;
  readonly #acks = new Saying();
  readonly #reads: Reads;
  readonly #confirmed = new Map<string, number>();
  /** Survives a power cut. Those that changed last come last. */
  readonly #flushed = new Map<string, number>();
  #sync: string | null = null;
  /** The sync position to take over once these chats are confirmed up to these numbers. */
  #next: { readonly sync: string; readonly waits: Map<string, number> } | null = null;
  #window: number = LIMITS.windowMessages;
  #timer: Timer | null = null;
  /** Said once, to be said once more: mail inside the server may be lost, and nobody would tell. In the store too. Oldest first. */
  readonly #lately = new Map<string, { readonly seq: number; at: number }>();
  #repeatTimer: Timer | null = null;
  #flushing = false;
  #onSaid: (() => void)[] = [];

  constructor(env: ClientEnv, store: OutboxStore, link: Link, onThrow: (error: unknown) => void) {
    this.#env = env;
    this.#store = store;
    this.#link = link;
    this.#onThrow = onThrow;
    this.#reads = new Reads({ env, save: (change) => this.#save([change]), due: () => this.flush() });
  }

  loaded({ known, said, sync, reads }: Stored): void {
    this.#sync = sync;
    this.#reads.loaded(reads);
    for (const [chat, seq] of known) {
      this.#confirmed.set(chat, seq);
      this.#flushed.set(chat, seq);
    }
    for (const [chat, seq] of said) this.#lately.set(chat, { seq, at: 0 });
  }

  confirmedOf(chat: string): number {
    return this.#confirmed.get(chat) ?? 0;
  }

  /** The application has everything of the chat up to here. */
  confirmed(chat: string, seq: number): void {
    if (seq <= this.confirmedOf(chat)) return;
    this.#confirmed.set(chat, seq);
    this.#save([{ is: 'known', chat, seq }]);
    this.#acks.mark(chat, seq);
    this.#plan();
    const wait = this.#next?.waits.get(chat);
    if (wait !== undefined && seq >= wait) {
      this.#next?.waits.delete(chat);
      this.#adopt();
    }
  }

  /** The server sent again what was confirmed: it did not hear of it. */
  again(chat: string): void {
    this.#acks.mark(chat, this.confirmedOf(chat));
    this.#plan();
  }

  read(chat: string, seq: number): void {
    this.#reads.mark(chat, seq);
    this.#plan();
  }

  readStored(chat: string, seq: number): void {
    this.#reads.stored(chat, seq);
  }

  /**
   * The server's backlog is through. Its sync position stands for entries that the application may not have yet: it is taken over
   * only after them, or a crash before that would hide them for good.
   */
  caughtUp(sync: string, waits: Map<string, number>): void {
    for (const [chat, seq] of waits) if (this.confirmedOf(chat) >= seq) waits.delete(chat);
    this.#next = { sync, waits };
    this.#adopt();
  }

  #adopt(): void {
    if (this.#next === null || this.#next.waits.size > 0) return;
    const { sync } = this.#next;
    this.#next = null;
    if (sync === this.#sync) return;
    this.#sync = sync;
    this.#save([{ is: 'sync', sync }]);
  }

  #save(changes: readonly StoreChange[]): void {
    try {
      this.#store.save(changes);
    } catch (error) {
      this.#onThrow(error);
    }
  }

  /** For HELLO: what is safe in the store, most recent chats first, as many as fit. */
  hello(): { sync: string | null; known: ChatUpTo[] } {
    const known: ChatUpTo[] = [];
    let bytes = 0;
    for (const [chat, seq] of [...this.#flushed].reverse()) {
      bytes += chat.length + 12;
      if (known.length === LIMITS.knownChatsMax || bytes > KNOWN_BYTES_MAX) break;
      known.push({ chat, seq });
    }
    return { sync: this.#sync, known };
  }

  online(window: number): void {
    this.#window = window;
    const now = this.#env.now();
    for (const said of this.#lately.values()) said.at = now;
    this.#planRepeat();
    this.#reads.online();
    this.#plan();
  }

  /**
   * What was marked goes with the next HELLO, which tells the session. What was said lately may have been lost between the session and
   * its chat: it is said once more all the same. Reads have no place in HELLO: they are said after it.
   */
  offline(): void {
    this.#next = null;
    this.#stopRepeat();
    this.#reads.stop();
    this.flush();
  }

  #plan(): void {
    // Half a window at once, or the server would stand still until the timer fires.
    if (this.#acks.entries * 2 >= this.#window) this.flush();
    else if (this.#waits) this.#timer ??= this.#env.setTimer(() => this.#due(), LIMITS.ackDelayMsMax);
  }

  get #waits(): boolean {
    return this.#acks.size > 0 || this.#reads.waiting;
  }

  /** A flush that is under way plans the next look itself. */
  #due(): void {
    this.#timer = null;
    this.flush();
  }

  /** Says everything now, or as soon as the store has it. */
  flush(): void {
    if (this.#flushing || !this.#waits) return;
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    this.#timer = null;
    const lists = this.#acks.take();
    this.#reads.waiting = false;
    this.#flushing = true;
    settle(
      () => this.#store.flush(),
      () => this.#say(lists),
      (error) => {
        this.#flushing = false;
        for (const { chat, seq } of lists.flat()) this.#acks.mark(chat, seq);
        this.#reads.waiting = true;
        this.#timer ??= this.#env.setTimer(() => this.#due(), RETRY_FLUSH_MS);
        this.#onThrow(error);
      },
    );
  }

  #say(lists: readonly ChatUpTo[][]): void {
    this.#flushing = false;
    for (const acks of lists) {
      for (const { chat, seq } of acks) {
        this.#flushed.delete(chat);
        this.#flushed.set(chat, seq);
      }
      if (this.#link.send({ op: OP.MESSAGE_ACK, acks })) this.#repeatLater(acks);
    }
    // After the acks: what is read was delivered. Offline they wait for the connection.
    if (this.#link.online) for (const { chat, seq } of this.#reads.take()) this.#link.send({ op: OP.READ, chat, seq });
    if (this.#waits) this.#plan();
    else for (const run of this.#onSaid.splice(0)) run();
  }

  #repeatLater(acks: readonly ChatUpTo[]): void {
    const at = this.#env.now();
    for (const { chat, seq } of acks) {
      this.#lately.delete(chat);
      this.#lately.set(chat, { seq, at });
    }
    this.#save(acks.map(({ chat, seq }) => ({ is: 'said', chat, seq })));
    this.#planRepeat();
  }

  #planRepeat(): void {
    if (this.#repeatTimer !== null) return;
    for (const { at } of this.#lately.values()) {
      const ms = Math.max(1, at + REPEAT_MS - this.#env.now());
      this.#repeatTimer = this.#env.setTimer(() => this.#again(), ms);
      return;
    }
  }

  #again(): void {
    this.#repeatTimer = null;
    const due = this.#env.now() - REPEAT_MS + REPEAT_TOGETHER_MS;
    const saying = new Saying();
    const changes: StoreChange[] = [];
    for (const [chat, { seq, at }] of this.#lately) {
      if (at > due) break;
      this.#lately.delete(chat);
      saying.mark(chat, seq);
      changes.push({ is: 'saidAgain', chat });
    }
    for (const acks of saying.take()) this.#link.send({ op: OP.MESSAGE_ACK, acks });
    this.#save(changes);
    this.#planRepeat();
  }

  #stopRepeat(): void {
    if (this.#repeatTimer !== null) this.#env.clearTimer(this.#repeatTimer);
    this.#repeatTimer = null;
  }

  /** Calls once all that was marked is said; at once when it is. */
  whenSaid(run: () => void): void {
    this.flush();
    if (this.#flushing) this.#onSaid.push(run);
    else run();
  }

  close(): void {
    this.#stopRepeat();
    this.#reads.stop();
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    this.#timer = null;
  }
}
