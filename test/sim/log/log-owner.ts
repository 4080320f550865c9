// An owner of one log, without a cell: the storage code as it is, the log of a chat as it is, and the little between them that a chat cell
// does. Unlike a cell's writer it has a window of commits in flight, whose outcomes come in any order.

import { sentOf } from '../../../actors/chat-entry.ts';
import { ChatLog, PENDING_MAX } from '../../../actors/chat-log.ts';
import { TAIL_ENTRIES } from '../../../actors/chat-open.ts';
import type { LogEntry } from '../../../actors/mail.ts';
import { encodeFrame, OP } from '../../../protocol/index.ts';
import type { Env } from '../../../runtime/index.ts';
import { advanced, type OwnedRecord, readEntries, recordDue, recordWrite } from '../../../storage/fenced-log.ts';
import type { Entry, LogId, Store, Write } from '../../../storage/index.ts';
import { LogOpener } from '../../../storage/log-opener.ts';
import type { Book } from './book.ts';
import type { LogWorld } from './log-world.ts';
import { numberedOf } from './owner.ts';

export const CHAT = 'x';
export const LOG: LogId = `c:${CHAT}`;
const SENDER = 'u';
const DEVICE = 'd';
const SMALL = { entries: 2, bytes: 1_000_000 };
const BODY = new Uint8Array(0);

export class LogOwner {
  readonly name: string;
  readonly fence: number;
  lease = true;
  alive = true;
  phase: 'opening' | 'open' | 'lost' = 'opening';
  private log = new ChatLog();
  private record: OwnedRecord | null = null;
  private readonly env: Env;
  private readonly store: Store;
  private readonly opener: LogOpener;
  private readonly book: Book;
  private readonly world: LogWorld;
  private inFlight = 0;
  private asking = false;
  private reopens = false;
  /** Counts the cells that it would have had. */
  private life = 0;

  constructor(world: LogWorld, book: Book, fence: number) {
    this.world = world;
    this.book = book;
    this.fence = fence;
    this.name = `owner-${fence}`;
    this.env = world.envOf(this.name);
    this.store = world.disk.open(this.name);
    this.opener = new LogOpener(this.store, sentOf, () => false);
    this.open();
  }

  /** Also again while it is under way, as a cell that waits does. */
  open(): void {
    if (this.phase !== 'opening' || this.inFlight > 0) return;
    const { life } = this;
    const opened = async (): Promise<void> => {
      const { end, record } = await this.opener.open(this.env, LOG, this.fence);
      const tail = end === 0 ? [] : await this.read(Math.max(1, end - TAIL_ENTRIES + 1), end);
      if (this.phase !== 'opening' || this.life !== life || !this.holds()) return;
      this.world.say(() => `${this.name} is open at ${end}, ${JSON.stringify(record)}`);
      this.record = record;
      this.log = new ChatLog();
      this.log.head = end;
      this.log.durable = end;
      for (const { n, bytes } of tail) this.log.remember(SENDER, DEVICE, numberedOf(bytes)[1], { n, ts: 0 });
      this.phase = 'open';
    };
    opened().catch(() => {});
  }

  /** The cell is gone and comes back, behind all that it had in flight. */
  crash(): void {
    if (this.phase === 'lost') return;
    this.life++;
    this.phase = 'opening';
    this.asking = false;
    this.reopens = true;
    this.reopen();
  }

  private reopen(): void {
    if (!this.reopens || this.inFlight > 0) return;
    this.reopens = false;
    this.open();
  }

  /** Every answer of the store is looked at under a lease, or not at all. */
  private holds(): boolean {
    if (!this.lease) this.phase = 'lost';
    return this.lease;
  }

  post(id: string, retry: boolean): void {
    if (this.phase !== 'open' || this.asking) return;
    const known = this.log.find(SENDER, DEVICE, id);
    if (known !== undefined) {
      if (known.n <= this.log.durable) this.book.ack(this, id, known.n);
    } else if (retry) this.ask(id).catch(() => {});
    else this.append(id);
  }

  private async ask(id: string): Promise<void> {
    const { life } = this;
    this.asking = true;
    try {
      const n = await this.store.findSent(CHAT, SENDER, DEVICE, id);
      const stored = n === null || n > this.log.durable ? [] : await this.read(n, n);
      if (this.life !== life || !this.holds()) return;
      const entry = stored[0];
      if (entry !== undefined && numberedOf(entry.bytes)[1] === id) this.book.ack(this, id, entry.n);
      else this.append(id);
    } finally {
      if (this.life === life) this.asking = false;
    }
  }

  private append(id: string): void {
    if (this.log.pending.length >= PENDING_MAX || this.phase !== 'open') return;
    const n = this.log.head + 1;
    const head = { op: OP.RECEIVE_MESSAGE, chat: CHAT, seq: n, sender: SENDER, device: DEVICE, id, ts: 0 };
    const frame = encodeFrame({ ...head, type: 0, body: BODY, about: null });
    const { fence } = this;
    const writes: Write[] = [
      { t: 'entry', log: LOG, n, fence, bytes: frame },
      { t: 'sent', chat: CHAT, sender: SENDER, device: DEVICE, id, n, fence },
    ];
    if (this.record !== null && recordDue(this.record, this.log.durable)) {
      this.record = advanced(this.record, this.log.durable);
      writes.push(recordWrite(LOG, this.record));
    }
    const entry: LogEntry = { n, sender: SENDER, device: DEVICE, type: 0, ts: 0, frame };
    this.log.push({ entry, id, ts: 0, sinceMs: 0, waiters: [], done: false }, SENDER, DEVICE);
    this.write(n, writes).catch(() => {});
  }

  private async write(n: number, writes: readonly Write[]): Promise<void> {
    const { life } = this;
    this.inFlight++;
    for (let known = false; !known; ) {
      known = await this.store.commit(writes).then(
        () => true,
        () => false,
      );
    }
    this.inFlight--;
    if (this.life !== life) return this.reopen();
    if (!this.holds()) return;
    for (const { entry, id } of this.log.written(n)) {
      this.book.ack(this, id, entry.n);
      this.book.show(this, entry.n, id);
    }
  }

  private read(from: number, to: number): Promise<Entry[]> {
    return readEntries(this.store, LOG, from, to, SMALL, false);
  }

  /** A page of what it has, as a history read gives it. */
  async history(from: number): Promise<void> {
    if (this.phase !== 'open') return;
    const to = this.log.durable;
    if (from > to) return;
    const page = await this.read(from, to);
    if (!this.holds()) return;
    this.book.page(
      this,
      page.map(({ bytes }) => numberedOf(bytes)),
    );
    if (page[0]?.n !== from) this.world.fail(`a page from ${from} begins with ${page[0]?.n ?? 'nothing'}`);
  }

  get durable(): number {
    return this.phase === 'open' ? this.log.durable : -1;
  }
}
