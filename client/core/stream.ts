// An async iterator over entries: first what is to be read back from history, page by page as it is pulled, then what comes in.
// Its buffer is bounded by whoever feeds it: `full` says that the watermark is reached, `drained` that there is room again.
import type { ChatEntry } from './entry.ts';
import type { ParleyError } from './errors.ts';

/** A part of a chat to be read before anything live. */
export interface Replay {
  readonly chat: string;
  from: number;
  readonly to: number;
}
export interface ReplayPage {
  readonly to: number;
  readonly entries: readonly ChatEntry[];
}
export interface StreamOwner {
  page(
    replay: Replay,
    signal: AbortSignal,
    done: (page: ReplayPage) => void,
    failed: (error: ParleyError) => void,
  ): void;
  /** The application got an entry that had been pushed. */
  taken(stream: MessageStream, entry: ChatEntry): void;
  drained(stream: MessageStream): void;
  /** It is over; these entries and replays were not taken. */
  ended(stream: MessageStream, left: readonly ChatEntry[], replays: readonly Replay[]): void;
}
type Result = IteratorResult<ChatEntry, undefined>;
interface Waiter {
  readonly done: (result: Result) => void;
  readonly failed: (error: ParleyError) => void;
}

export class MessageStream implements AsyncIterableIterator<ChatEntry, undefined> {
  /** Null: all chats. */
  readonly chat: string | null;
  readonly #owner: StreamOwner;
  readonly #watermark: number;
  readonly #abort = new AbortController();
  readonly #replays: Replay[];
  #page: ChatEntry[] = [];
  #live: ChatEntry[] = [];
  #taken = 0;
  #waiters: Waiter[] = [];
  #reading = false;
  #over = false;
  #unlisten: () => void = () => undefined;

  constructor(chat: string | null, replays: Replay[], watermark: number, owner: StreamOwner) {
    this.chat = chat;
    this.#replays = replays;
    this.#watermark = watermark;
    this.#owner = owner;
  }

  get full(): boolean {
    return this.#live.length - this.#taken >= this.#watermark;
  }

  push(entry: ChatEntry): void {
    this.#live.push(entry);
    this.#serve();
  }

  next(): Promise<Result> {
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((done, failed) => {
      this.#waiters.push({ done, failed });
      this.#serve();
    });
  }

  return(): Promise<Result> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  endOn(signal: AbortSignal | undefined): void {
    const end = (): void => this.end();
    signal?.addEventListener('abort', end);
    this.#unlisten = () => signal?.removeEventListener('abort', end);
  }

  end(error: ParleyError | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.#unlisten();
    this.#abort.abort();
    const first = this.#page[0];
    const replay = this.#replays[0];
    // A page that was read, but not all of it taken, is to be read again.
    if (first !== undefined && replay?.chat === first.chat) replay.from = first.seq;
    else if (first !== undefined)
      this.#replays.unshift({ chat: first.chat, from: first.seq, to: this.#page.at(-1)?.seq ?? first.seq });
    this.#owner.ended(this, this.#live.slice(this.#taken), this.#replays);
    for (const waiter of this.#waiters.splice(0)) {
      if (error === null) waiter.done({ done: true, value: undefined });
      else waiter.failed(error);
    }
    this.#live = [];
    this.#page = [];
  }

  #serve(): void {
    while (this.#waiters.length > 0 && !this.#over) {
      const replayed = this.#page.shift();
      const entry = replayed ?? (this.#replays.length === 0 ? this.#live[this.#taken] : undefined);
      if (entry === undefined) break;
      this.#waiters.shift()?.done({ done: false, value: entry });
      if (replayed === undefined) this.#tookLive(entry);
    }
    if (this.#waiters.length > 0 && this.#replays.length > 0 && !this.#reading && !this.#over) this.#read();
  }

  #tookLive(entry: ChatEntry): void {
    const wasFull = this.full;
    this.#taken++;
    if (this.#taken >= 64 || this.#taken === this.#live.length) {
      this.#live.splice(0, this.#taken);
      this.#taken = 0;
    }
    this.#owner.taken(this, entry);
    if (wasFull) this.#owner.drained(this);
  }

  #read(): void {
    const replay = this.#replays[0];
    if (replay === undefined) return;
    this.#reading = true;
    const done = (page: ReplayPage): void => {
      this.#reading = false;
      this.#page.push(...page.entries);
      replay.from = page.to + 1;
      if (replay.from > replay.to) this.#replays.shift();
      this.#serve();
    };
    const failed = (error: ParleyError): void => {
      this.#reading = false;
      this.end(error);
    };
    this.#owner.page(replay, this.#abort.signal, done, failed);
  }
}
