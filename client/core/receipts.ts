// How far others are with what this user sent, per chat. Cursors only grow, whatever order the frames come in. Pure state.
import { CHAT_KIND, type Frame, OP } from '../../protocol/index.ts';

/** Everything up to these numbers was delivered to, and read by, all others in the chat. */
export interface Cursors {
  delivered: number;
  read: number;
}
/** How far one user is: of a direct chat the other one, or this user's own other devices. */
export interface Receipt {
  readonly chat: string;
  readonly user: string;
  readonly delivered: number;
  readonly read: number;
}
/** How many of `members` others have, and have read, message `seq` of a group. */
export interface Counts {
  readonly chat: string;
  readonly seq: number;
  readonly delivered: number;
  readonly read: number;
  readonly members: number;
}

const CHATS_MAX = 4_096;

export class Receipts {
  readonly #all = new Map<string, Cursors>();
  readonly #users = new Map<string, Receipt>();
  readonly #counts = new Map<string, Counts>();

  of(chat: string): Cursors {
    let cursors = this.#all.get(chat);
    if (cursors === undefined) {
      cursors = { delivered: 0, read: 0 };
      bounded(this.#all, chat, cursors);
    }
    return cursors;
  }

  /** Null when it says nothing new. */
  receipt(frame: Frame<'RECEIPT'>, own: string): Receipt | null {
    const { chat, user } = frame;
    const key = `${chat} ${user}`;
    const before = this.#users.get(key);
    const read = Math.max(frame.read, before?.read ?? 0);
    const delivered = Math.max(frame.delivered, read, before?.delivered ?? 0);
    if (before !== undefined && before.read === read && before.delivered === delivered) return null;
    const receipt = { chat, user, delivered, read };
    bounded(this.#users, key, receipt);
    if (user !== own) this.#raise(chat, delivered, read);
    return receipt;
  }

  /** Null when it says nothing new. */
  counts(frame: Frame<'COUNTS'>): Counts | null {
    const { chat, seq, members } = frame;
    const before = this.#counts.get(chat);
    if (before !== undefined && before.seq > seq) return null;
    const same = before?.seq === seq ? before : null;
    const read = Math.max(frame.read, same?.read ?? 0);
    const delivered = Math.max(frame.delivered, read, same?.delivered ?? 0);
    if (same !== null && same.read === read && same.delivered === delivered && same.members === members) return null;
    const counts = { chat, seq, delivered, read, members };
    bounded(this.#counts, chat, counts);
    this.#raise(chat, members > 0 && delivered >= members ? seq : 0, members > 0 && read >= members ? seq : 0);
    return counts;
  }

  /**
   * All members of a chat with their cursors. Gives what that says anew: one receipt in a direct chat, and none in a group, where
   * it raises the status of messages that all have. A group of several pages says nothing.
   */
  members({ chat, kind, members, next }: Frame<'CHAT'>, own: string): Receipt[] {
    const others = members.filter(({ user }) => user !== own);
    if (kind === CHAT_KIND.group) {
      if (next !== null || others.length === 0) return [];
      const [delivered, read] = [others.map((one) => one.delivered), others.map((one) => one.read)];
      this.#raise(chat, Math.min(...delivered), Math.min(...read));
      return [];
    }
    return others.flatMap(
      ({ user, delivered, read }) => this.receipt({ op: OP.RECEIPT, chat, user, delivered, read }, own) ?? [],
    );
  }

  #raise(chat: string, delivered: number, read: number): void {
    const cursors = this.of(chat);
    cursors.read = Math.max(cursors.read, read);
    cursors.delivered = Math.max(cursors.delivered, delivered, cursors.read);
  }
}

/** Sets, and forgets the oldest of too many: it then tells something again at the worst. */
export function bounded<V>(map: Map<string, V>, key: string, value: V): void {
  map.set(key, value);
  if (map.size > CHATS_MAX) for (const oldest of map.keys()) return void map.delete(oldest);
}
