// The handle of one chat: everything that a user can do in it. Holds no state; as many handles as one likes.
import { CHANGE, type ClientFrame, type Frame, LIMITS, OP, ROLE } from '../../protocol/index.ts';
import type { Acker } from './acker.ts';
import type { ChatEntry } from './entry.ts';
import { ParleyError } from './errors.ts';
import type { OutgoingMessage } from './outgoing.ts';
import type { Typists } from './presence.ts';
import type { MessagesOptions, Receiver } from './receiver.ts';
import type { AskOptions, Requests } from './requests.ts';
import type { Draft, Sender } from './sender.ts';

export type RoleName = keyof typeof ROLE;
export interface Member {
  readonly user: string;
  readonly role: RoleName;
  readonly delivered: number;
  readonly read: number;
}
export interface ChatInfo {
  readonly chat: string;
  readonly kind: 'direct' | 'group';
  readonly title: string;
  /** Number of the last entry. */
  readonly head: number;
  readonly members: readonly Member[];
}
export interface History {
  /** Ascending. */
  readonly entries: readonly ChatEntry[];
  /** The page covers these numbers; what is missing in between is not this user's to see. */
  readonly from: number;
  readonly to: number;
  readonly more: boolean;
}
export interface HistoryOptions extends AskOptions {
  /** The number to begin with, inclusive. Default: the newest with `back`, else 1. */
  readonly from?: number;
  /** 1 to 100, default 50. */
  readonly limit?: number;
  /** Towards older entries; default when `from` is not given. */
  readonly back?: boolean;
}
/** What the parts of a client are to a chat handle. */
export interface ChatParts {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly acker: Acker;
  readonly requests: Requests;
  readonly typists: Typists;
}

export const roleName = (role: number): RoleName =>
  role === ROLE.owner ? 'owner' : role === ROLE.admin ? 'admin' : 'member';

export class Chat {
  readonly id: string;
  readonly #parts: ChatParts;

  /** @internal */
  constructor(id: string, parts: ChatParts) {
    this.id = id;
    this.#parts = parts;
  }

  /** The number up to which the application has been given the chat. */
  get known(): number {
    return this.#parts.receiver.knownOf(this.id);
  }

  /** Puts a message into the outbox. @throws ParleyError `outbox_full`, `too_large`, `bad_argument`, `store_failed`, `closed`. */
  send(draft: Draft): OutgoingMessage {
    return this.#parts.sender.send(this.id, draft);
  }

  /** The entries of this chat in order, each once. Starts to listen at once; ends with `signal`, `break` and close(). */
  messages(options: MessagesOptions = {}): AsyncIterableIterator<ChatEntry, undefined> {
    return this.#parts.receiver.open(this.id, options);
  }

  /** With `ack: 'manual'`: the application is done with everything up to here. */
  ack(seq: number): void {
    this.#parts.receiver.ack(this.id, seq);
  }

  /** The user has read everything up to here. Said again, after a restart too, until the server has stored it. */
  read(seq: number): void {
    if (!Number.isSafeInteger(seq) || seq < 0) throw new ParleyError('bad_argument', 'not a number of an entry');
    this.#parts.acker.read(this.id, seq);
  }

  /** To be called with every key that the user presses, and with false when it is over. */
  typing(on: boolean): void {
    this.#parts.typists.say(this.id, on);
  }

  async history(options: HistoryOptions = {}): Promise<History> {
    const { from = options.back === false ? 1 : 0, limit = 50, back = options.from === undefined } = options;
    const ask = (ref: number): ClientFrame => ({ op: OP.HISTORY, ref, chat: this.id, from, limit, back });
    const page = await this.#parts.requests.promise(ask, 'HISTORY_PAGE', options);
    return { entries: this.#parts.receiver.entriesOf(page), from: page.from, to: page.to, more: page.more };
  }

  /** The chat with all its members. */
  async info(options: AskOptions = {}): Promise<ChatInfo> {
    const members: Member[] = [];
    let page: Frame<'CHAT'> | null = null;
    do {
      const after: string | null = page?.next ?? null;
      const ask = (ref: number): ClientFrame => ({ op: OP.CHAT_INFO, ref, chat: this.id, after });
      page = await this.#parts.requests.promise(ask, 'CHAT', options);
      members.push(...page.members.map((member) => ({ ...member, role: roleName(member.role) })));
    } while (page.next !== null && page.members.length > 0 && members.length < 4 * LIMITS.membersMax);
    const { title, head } = page;
    return { chat: this.id, kind: page.kind === 0 ? 'direct' : 'group', title, head, members };
  }

  add(users: readonly string[], options?: AskOptions): Promise<void> {
    return this.#change({ change: CHANGE.add, users }, options);
  }
  remove(users: readonly string[], options?: AskOptions): Promise<void> {
    return this.#change({ change: CHANGE.remove, users }, options);
  }
  leave(options?: AskOptions): Promise<void> {
    return this.#change({ change: CHANGE.leave }, options);
  }
  setRole(users: readonly string[], role: RoleName, options?: AskOptions): Promise<void> {
    return this.#change({ change: CHANGE.role, users, role: ROLE[role] }, options);
  }
  rename(title: string, options?: AskOptions): Promise<void> {
    return this.#change({ change: CHANGE.rename, title }, options);
  }

  async #change(
    what: {
      readonly change: number;
      readonly users?: readonly string[];
      readonly role?: number;
      readonly title?: string;
    },
    options: AskOptions = {},
  ): Promise<void> {
    const { change, users = [], role = ROLE.member, title = '' } = what;
    const id = this.#parts.sender.nextId();
    const ask = (ref: number): ClientFrame => ({
      op: OP.CHANGE_CHAT,
      ref,
      chat: this.id,
      id,
      change,
      users,
      role,
      title,
    });
    await this.#parts.requests.promise(ask, 'OK', options);
  }
}
