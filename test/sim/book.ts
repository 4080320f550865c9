// The checker's own book of what clients saw: every entry that any of them was shown, every message that was sent and what became of
// it. Nothing in it comes from the inside of a server. From the entries alone it knows who was in which room when.
import type { ChatEntry } from '../../client/core/index.ts';
import { hashBytes } from './random.ts';
import { Rooms } from './rooms.ts';
import type { Owner, World } from './world.ts';

/** One send() and its fate. `lost`: a power cut came before the outbox was flushed. `abandoned`: the device lost its memory. */
export interface Sending {
  readonly user: string;
  readonly device: string;
  /** Which memory of the device: a device that lost it begins anew. */
  readonly memory: number;
  readonly chat: string;
  /** Counts what this memory sent. */
  readonly index: number;
  readonly id: string;
  readonly hash: number;
  readonly at: number;
  status: 'queued' | 'sent' | 'failed' | 'lost' | 'abandoned';
  seq: number;
  ackedAt: number;
  code: string;
}
export interface Line {
  readonly n: number;
  readonly sender: string;
  readonly device: string;
  readonly id: string;
  readonly type: number;
  readonly hash: number;
  readonly ts: number;
  readonly about: number | null;
}

/** A page of history, as the server said that it is all there is between two numbers. */
export interface Page {
  readonly user: string;
  readonly chat: string;
  readonly from: number;
  readonly to: number;
  readonly shown: readonly number[];
}

/** `by` takes no messages of `user` in this chat, for sure from here to there. */
export interface Block {
  readonly by: string;
  readonly user: string;
  readonly chat: string;
  readonly from: number;
  until: number;
}

/** A request of an application that has no answer yet. */
export interface Asked {
  readonly what: string;
  readonly at: number;
  readonly owner: Owner;
  code: string;
}

export class Book {
  readonly asked = new Set<Asked>();
  readonly pages: Page[] = [];
  readonly blocks: Block[] = [];
  /** Users who have ever blocked somebody, or changed who may see them: what others see of them is not sure. */
  readonly shy = new Set<string>();
  /** From when on nothing goes wrong any more. */
  healedAt = Number.POSITIVE_INFINITY;
  readonly rooms = new Rooms();
  readonly sendings = new Map<string, Sending>();
  /** By chat and number. */
  readonly lines = new Map<string, Map<number, Line>>();
  /** The highest number of each chat that a user's devices were ever shown, and have read. */
  readonly shownTo = new Map<string, number>();
  readonly readTo = new Map<string, number>();
  private readonly heads = new Map<string, number>();
  private readonly numbers = new Map<string, number>();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** The highest number that anybody has seen. */
  headOf(chat: string): number {
    return this.heads.get(chat) ?? 0;
  }

  sent(sending: Sending): void {
    this.sendings.set(sending.id, sending);
  }

  /** A client heard that its message has this number. */
  acked(sending: Sending, seq: number): void {
    if (sending.status === 'sent' && sending.seq !== seq)
      this.world.fail('I2', `${sending.id} was acked as ${sending.seq} and as ${seq} of ${sending.chat}`, [sending.id]);
    if (sending.status !== 'sent') sending.ackedAt = this.world.now;
    sending.status = 'sent';
    sending.seq = seq;
    this.number(sending.chat, seq, `${sending.user}/${sending.device}/${sending.id}`);
  }

  /** Somebody saw an entry, by whatever way. */
  saw(entry: ChatEntry, by: string): void {
    const { chat, seq: n, sender, device, id, type, ts, about } = entry;
    let lines = this.lines.get(chat);
    if (lines === undefined) {
      lines = new Map();
      this.lines.set(chat, lines);
    }
    const line: Line = { n, sender, device, id, type, hash: hashBytes(entry.body), ts, about };
    const before = lines.get(n);
    if (before === undefined) {
      lines.set(n, line);
      this.heads.set(chat, Math.max(n, this.headOf(chat)));
      this.rooms.entry(chat, n, sender, entry.change);
      this.number(chat, n, `${sender}/${device}/${id}`);
      this.compare(entry, line);
    } else if (!isSame(before, line)) {
      const texts = `${JSON.stringify(before)} and, to ${by}, ${JSON.stringify(line)}`;
      this.world.fail('I3', `number ${n} of ${chat} is ${texts}`, [chat]);
    }
  }

  /** One name, one number. */
  private number(chat: string, n: number, name: string): void {
    const key = `${chat}/${name}`;
    const before = this.numbers.get(key);
    if (before !== undefined && before !== n)
      this.world.fail('I2', `${name} was made twice: it is ${before} and ${n} of ${chat}`, [chat]);
    this.numbers.set(key, n);
  }

  /** What is in the log is what was sent. */
  private compare(entry: ChatEntry, line: Line): void {
    const sending = this.sendings.get(entry.id);
    if (sending === undefined) {
      if (entry.change === null)
        this.world.fail('I3', `${entry.id} is number ${entry.seq} of ${entry.chat}, and nobody sent it`, [entry.chat]);
      return;
    }
    const same =
      sending.chat === entry.chat &&
      sending.user === entry.sender &&
      sending.device === entry.device &&
      sending.hash === line.hash;
    if (!same) this.world.fail('I3', `${entry.id} arrived as something else`, [entry.chat, entry.id]);
  }

  /** In a world without faults nobody waits in vain. What is asked in the very moment of the healing is asked just before it. */
  refused(asked: Asked): void {
    if (asked.code === 'timeout' && asked.at > this.healedAt)
      this.world.fail('I10', `${asked.what}: no answer in time`, asked.what.split(' '));
  }

  shown(user: string, chat: string, n: number): void {
    const key = `${user} ${chat}`;
    this.shownTo.set(key, Math.max(n, this.shownTo.get(key) ?? 0));
  }

  /** Everything of this chat that is the user's, up to this number, was shown on some device. */
  coveredTo(user: string, chat: string): number {
    const head = this.headOf(chat);
    let n = this.shownTo.get(`${user} ${chat}`) ?? 0;
    while (n < head && !this.rooms.sees(chat, user, n + 1)) n++;
    return n;
  }

  read(user: string, chat: string, n: number): void {
    const key = `${user} ${chat}`;
    this.readTo.set(key, Math.max(n, this.readTo.get(key) ?? 0));
  }
}

function isSame(a: Line, b: Line): boolean {
  return (
    a.sender === b.sender &&
    a.device === b.device &&
    a.id === b.id &&
    a.type === b.type &&
    a.hash === b.hash &&
    a.ts === b.ts &&
    a.about === b.about
  );
}
