// What comes in, in order, to whoever listens. Joins each chat's `inbox-state.ts` with history, iterators, handlers and acks.
import { decodeServerFrame, type Frame, OP } from '../../protocol/index.ts';
import type { Acker } from './acker.ts';
import { ChatEntry } from './entry.ts';
import type { ClientEnv } from './env.ts';
import { ParleyError } from './errors.ts';
import { Fetcher } from './fetcher.ts';
import { type Gap, type Lane, newLane } from './lane.ts';
import type { Requests } from './requests.ts';
import { MessageStream, type Replay, type ReplayPage } from './stream.ts';

export interface ReceiverOptions {
  readonly env: ClientEnv;
  readonly requests: Requests;
  readonly acker: Acker;
  readonly ack: 'auto' | 'manual';
  readonly gaps: 'fetch' | 'skip';
  /** Entries that an iterator may lag behind before the chat waits for it. */
  readonly watermark: number;
  readonly hasHandler: () => boolean;
  readonly onEntry: (entry: ChatEntry) => void;
  readonly onGap: (gap: Gap) => void;
  /** An entry was seen, by push or in history: it may acknowledge a message of the outbox. */
  readonly onSeen: (entry: ChatEntry) => void;
  /** The application has everything of the chat up to here. */
  readonly onConfirmed: (chat: string, seq: number) => void;
}
export interface MessagesOptions {
  /** Ends the iterator. */
  readonly signal?: AbortSignal;
  /**
   * Read back from this number first. Default: from the first entry that came while nobody listened, or that the last iterator
   * of the chat left.
   */
  readonly from?: number;
}
type Taken = Omit<Frame<'RECEIVE_MESSAGE'>, 'op'>;

export class Receiver {
  readonly #o: ReceiverOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #streams = new Set<MessageStream>();
  readonly #fetcher: Fetcher;
  #closed = false;

  constructor(options: ReceiverOptions) {
    this.#o = options;
    this.#fetcher = new Fetcher(options.env, options.requests, {
      mayRead: (lane) => !this.#closed && this.#hasRoom(lane),
      entriesOf: (page) => this.entriesOf(page),
      changed: (lane) => this.#drain(lane),
      refused: (gap) => options.onGap(gap),
    });
  }

  #lane(chat: string): Lane {
    let lane = this.#lanes.get(chat);
    if (lane === undefined) {
      lane = newLane(chat, this.#o.acker.confirmedOf(chat));
      this.#lanes.set(chat, lane);
    }
    return lane;
  }

  knownOf(chat: string): number {
    return this.#lanes.get(chat)?.inbox.known ?? this.#o.acker.confirmedOf(chat);
  }

  /** Chats that the application does not have all of yet, with the number up to which there is something. */
  behind(): Map<string, number> {
    const behind = new Map<string, number>();
    for (const { chat, inbox } of this.#lanes.values()) behind.set(chat, inbox.head);
    return behind;
  }

  // —— in ——

  pushed(frame: Frame<'RECEIVE_MESSAGE'>): void {
    const entry = this.#entry(frame);
    this.#o.onSeen(entry);
    this.#receive(entry, true);
  }

  /** A message of this device's own that the server has taken. What comes before it is most likely on its way. */
  sent(frame: Taken): void {
    this.#receive(this.#entry(frame), false);
  }

  #receive(entry: ChatEntry, urgent: boolean): void {
    const lane = this.#lane(entry.chat);
    if (!lane.inbox.receive(entry)) {
      this.#confirm(lane);
      if (urgent) this.#o.acker.again(entry.chat);
      return;
    }
    this.#drain(lane);
    this.#fetcher.seek(lane, urgent);
  }

  gap(frame: Frame<'GAP'>): Gap | null {
    const { chat, from, to } = frame;
    const lane = this.#lane(chat);
    if (to <= lane.inbox.known || from > to) return null;
    const gap: Gap = { chat, from: Math.max(from, lane.inbox.known + 1), to, action: this.#o.gaps };
    if (this.#o.gaps === 'fetch') lane.inbox.missing(to);
    else lane.inbox.skip(gap.from, to);
    this.#drain(lane);
    this.#fetcher.seek(lane, true);
    this.#o.onGap(gap);
    return gap;
  }

  /** The entries of a page, each of which may also acknowledge a message of the outbox. Throws for what is none. */
  entriesOf(page: Frame<'HISTORY_PAGE'>): ChatEntry[] {
    return page.entries.map((bytes) => {
      const frame = decodeServerFrame(bytes);
      if (frame.op !== OP.RECEIVE_MESSAGE || frame.chat !== page.chat)
        throw new ParleyError('bad_frame', 'not an entry of the chat');
      const entry = this.#entry(frame);
      this.#o.onSeen(entry);
      return entry;
    });
  }

  #entry(frame: Taken): ChatEntry {
    // The body is a view into what the socket gave: copied, or it would keep all of that alive.
    return new ChatEntry({ ...frame, body: new Uint8Array(frame.body) }, (entry) => this.ack(entry.chat, entry.seq));
  }

  // —— out ——

  #hasConsumer(chat: string): boolean {
    if (this.#o.hasHandler()) return true;
    for (const stream of this.#streams) if (stream.chat === null || stream.chat === chat) return true;
    return false;
  }

  /** With acks by the application an entry without a listener waits for one; else it counts as had. */
  #hasRoom(lane: Lane): boolean {
    for (const stream of this.#streams)
      if ((stream.chat === null || stream.chat === lane.chat) && stream.full) return false;
    return lane.unconfirmed.size < 2 * this.#o.watermark && (this.#o.ack === 'auto' || this.#hasConsumer(lane.chat));
  }

  #drain(lane: Lane): void {
    if (lane.draining) return; // a handler made more: the loop below finds it
    lane.draining = true;
    while (!this.#closed && this.#hasRoom(lane)) {
      const entry = lane.inbox.take();
      if (entry === null) break;
      this.#give(lane, entry);
    }
    lane.draining = false;
    this.#confirm(lane);
  }

  #give(lane: Lane, entry: ChatEntry): void {
    const streams = [...this.#streams].filter((stream) => stream.chat === null || stream.chat === lane.chat);
    const heard = this.#o.hasHandler();
    // Counted first: an iterator that is waiting takes it from within `push`.
    lane.unconfirmed.add(entry.seq, this.#o.ack === 'manual' ? 1 : streams.length);
    if (!heard && streams.length === 0) lane.resumeAt ??= entry.seq;
    for (const stream of streams) stream.push(entry);
    if (heard) this.#o.onEntry(entry);
    this.#confirm(lane);
  }

  #confirm(lane: Lane): void {
    if (this.#closed) return;
    const seq = lane.unconfirmed.confirmed(lane.inbox.known);
    this.#o.acker.confirmed(lane.chat, seq);
    this.#o.onConfirmed(lane.chat, seq);
  }

  /** The application is done with all of the chat up to here. */
  ack(chat: string, seq: number): void {
    const lane = this.#lanes.get(chat);
    if (lane === undefined || this.#o.ack === 'auto') return;
    lane.unconfirmed.upTo(seq);
    this.#confirm(lane);
    this.#again(lane);
  }

  #again(lane: Lane): void {
    this.#drain(lane);
    this.#fetcher.seek(lane, true);
  }

  // —— iterators ——

  /** An iterator over one chat, or over all. It is over at once when the client is. */
  open(chat: string | null, { from, signal }: MessagesOptions): MessageStream {
    const replays: Replay[] = [];
    for (const lane of chat === null ? this.#lanes.values() : [this.#lane(chat)]) {
      const first = from ?? lane.resumeAt;
      if (first !== null && first <= lane.inbox.known)
        replays.push({ chat: lane.chat, from: Math.max(1, first), to: lane.inbox.known });
      lane.resumeAt = null;
    }
    const stream = new MessageStream(chat, replays, this.#o.watermark, {
      page: (replay, signal, done, failed) => this.#page(replay, signal, done, failed, 0),
      taken: (taker, entry) => this.#taken(taker, entry),
      drained: () => this.consumersChanged(),
      ended: (ended, left, unread) => this.#ended(ended, left, unread),
    });
    this.#streams.add(stream);
    if (this.#closed || signal?.aborted === true) stream.end();
    else stream.endOn(signal);
    this.consumersChanged();
    return stream;
  }

  /** There is a listener more or less. */
  consumersChanged(): void {
    for (const lane of this.#lanes.values()) this.#again(lane);
  }

  #taken(_stream: MessageStream, entry: ChatEntry): void {
    const lane = this.#lane(entry.chat);
    if (this.#o.ack === 'manual') return;
    lane.unconfirmed.one(entry.seq);
    this.#confirm(lane);
  }

  /** What an iterator leaves is released, or it would hold up the chat; the next iterator reads it back. */
  #ended(stream: MessageStream, left: readonly ChatEntry[], replays: readonly Replay[]): void {
    this.#streams.delete(stream);
    if (this.#closed) return; // shown after the next start instead
    for (const { chat, seq } of left) {
      const lane = this.#lane(chat);
      if (this.#o.ack === 'auto') lane.unconfirmed.one(seq);
      if (!this.#hasConsumer(chat)) lane.resumeAt = Math.min(lane.resumeAt ?? seq, seq);
    }
    for (const { chat, from } of replays) {
      const lane = this.#lane(chat);
      lane.resumeAt = Math.min(lane.resumeAt ?? from, from);
    }
    this.consumersChanged();
  }

  #page(
    replay: Replay,
    signal: AbortSignal,
    done: (page: ReplayPage) => void,
    failed: (error: ParleyError) => void,
    tries: number,
  ): void {
    const { chat, from, to } = replay;
    const limit = Math.min(100, to - from + 1);
    const taken = (page: Frame<'HISTORY_PAGE'>): void => {
      const entries = this.entriesOf(page).filter(({ seq }) => seq >= from && seq <= to);
      if (page.to >= from) done({ to: page.to, entries });
      else if (tries < 5) this.#o.env.setTimer(() => this.#page(replay, signal, done, failed, tries + 1), 1_000);
      else failed(new ParleyError('unavailable', 'history does not give what was there before'));
    };
    // Sent away is not the end: the client may be woken, and the iterator goes on.
    const refused = (error: ParleyError): void =>
      error.code === 'stopped' ? this.#page(replay, signal, done, failed, tries) : failed(error);
    const ask = (ref: number) => ({ op: OP.HISTORY, ref, chat, from, limit, back: false });
    this.#o.requests.ask(ask, 'HISTORY_PAGE', taken, refused, { timeoutMs: Number.POSITIVE_INFINITY, signal });
  }

  // —— the connection ——

  online(): void {
    for (const lane of this.#lanes.values()) this.#fetcher.seek(lane, true);
  }

  close(): void {
    this.#closed = true;
    this.#fetcher.close(this.#lanes.values());
    for (const stream of [...this.#streams]) stream.end();
  }
}
