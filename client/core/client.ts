// The door of a client for its application. Holds nothing itself: see `engine.ts`.
import { CHAT_KIND, type ClientFrame, directChatId, type Frame, isChatId, OP } from '../../protocol/index.ts';
import { Chat, type RoleName, roleName } from './chat.ts';
import type { Off } from './emitter.ts';
import { type CoreOptions, Engine } from './engine.ts';
import type { ChatEntry } from './entry.ts';
import { ParleyError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import type { ClientState } from './link-state.ts';
import type { OutgoingMessage } from './outgoing.ts';
import type { MessagesOptions } from './receiver.ts';
import type { AskOptions } from './requests.ts';

export interface ChatSummary {
  readonly chat: string;
  readonly kind: 'direct' | 'group';
  readonly title: string;
  /** The other user of a direct chat. */
  readonly peer: string | null;
  readonly head: number;
  readonly delivered: number;
  readonly read: number;
  readonly unread: number;
  readonly role: RoleName;
}
export interface Device {
  readonly device: string;
  readonly agent: string;
  readonly seen: number;
  readonly online: boolean;
}
const PRIVACY = { everyone: 0, contacts: 1, nobody: 2 } as const;

/** Starts a client. It connects by itself, and comes back by itself, until close() or until the server says otherwise. */
export function createClient(url: string, options: CoreOptions): ParleyClient {
  return new ParleyClient(url, options);
}

export class ParleyClient {
  readonly #engine: Engine;
  readonly #device: string;
  #closing: Promise<{ unsent: number }> | null = null;

  /** @internal Use `createClient`, or `connect` of the platform. */
  constructor(url: string, options: CoreOptions) {
    this.#engine = new Engine(url, options);
    this.#device = options.device;
  }

  get state(): ClientState {
    return this.#engine.link.state;
  }
  /** Null until the first sign-in of this device. */
  get user(): string | null {
    return this.#engine.user;
  }
  get device(): string {
    return this.#device;
  }

  on<K extends keyof ClientEvents>(name: K, handler: (event: ClientEvents[K]) => void): Off {
    const off = this.#engine.events.on(name, handler);
    if (name === 'message') this.#engine.receiver.consumersChanged();
    return off;
  }

  chat(id: string): Chat {
    if (!isChatId(id)) throw new ParleyError('bad_argument', 'not a chat id');
    return new Chat(id, this.#engine);
  }

  /** The chat with another user; made if there is none yet. Without a round trip when this device has it already. */
  async direct(user: string, options: AskOptions = {}): Promise<Chat> {
    const own = this.#engine.user === null ? null : directChatId(this.#engine.user, user);
    if (own !== null && this.#engine.receiver.knownOf(own) > 0) return this.chat(own);
    return this.chat(await this.#create(CHAT_KIND.direct, [user], '', this.#engine.sender.nextId(), options));
  }

  /** A new group. The same `id` never makes a second one; by default each call makes one. */
  async createGroup(
    group: { readonly title: string; readonly members: readonly string[]; readonly id?: string },
    options: AskOptions = {},
  ): Promise<Chat> {
    const id = group.id ?? this.#engine.sender.nextId();
    return this.chat(await this.#create(CHAT_KIND.group, group.members, group.title, id, options));
  }

  async #create(
    kind: number,
    members: readonly string[],
    title: string,
    id: string,
    options: AskOptions,
  ): Promise<string> {
    const ask = (ref: number): ClientFrame => ({ op: OP.CREATE_CHAT, ref, kind, id, members, title });
    const { value } = await this.#engine.requests.promise(ask, 'OK', options);
    if (value === null) throw new ParleyError('bad_frame', 'the answer to CREATE_CHAT names no chat');
    return value;
  }

  /** The entries of all chats; of each chat in order, each once. */
  messages(options: Omit<MessagesOptions, 'from'> = {}): AsyncIterableIterator<ChatEntry, undefined> {
    return this.#engine.receiver.open(null, options);
  }

  /** What is in the outbox: not acknowledged yet, also from before a restart. */
  outbox(): OutgoingMessage[] {
    return this.#engine.sender.pending();
  }

  /** The chats of the user, by chat id. `limit` at the most, default 1,000. */
  async chats(options: AskOptions & { readonly limit?: number } = {}): Promise<ChatSummary[]> {
    const max = options.limit ?? 1_000;
    const chats: ChatSummary[] = [];
    let after: string | null = null;
    do {
      const at: string | null = after;
      const limit = Math.min(50, max - chats.length);
      const page: Frame<'CHATS'> = await this.#engine.requests.promise(
        (ref) => ({ op: OP.LIST_CHATS, ref, after: at, limit }),
        'CHATS',
        options,
      );
      for (const chat of page.chats) {
        const kind = chat.kind === CHAT_KIND.direct ? 'direct' : 'group';
        chats.push({ ...chat, kind, role: roleName(chat.role), unread: Math.max(0, chat.head - chat.read) });
      }
      after = page.chats.length === 0 ? null : page.next;
    } while (after !== null && chats.length < max);
    return chats;
  }

  /** Emits `presence` for these users, at once and on change, until what it returns is called. */
  watchPresence(users: readonly string[]): () => void {
    return this.#engine.watching.watch(users);
  }

  async block(user: string, options?: AskOptions): Promise<void> {
    await this.#engine.requests.promise((ref) => ({ op: OP.BLOCK, ref, user, on: true }), 'OK', options);
  }
  async unblock(user: string, options?: AskOptions): Promise<void> {
    await this.#engine.requests.promise((ref) => ({ op: OP.BLOCK, ref, user, on: false }), 'OK', options);
  }
  /** Who may see this user's presence. */
  async setPrivacy(presence: keyof typeof PRIVACY, options?: AskOptions): Promise<void> {
    const ask = (ref: number): ClientFrame => ({ op: OP.SET_PRIVACY, ref, presence: PRIVACY[presence] });
    await this.#engine.requests.promise(ask, 'OK', options);
  }
  async devices(options?: AskOptions): Promise<readonly Device[]> {
    return (await this.#engine.requests.promise((ref) => ({ op: OP.LIST_DEVICES, ref }), 'DEVICES', options)).devices;
  }
  async removeDevice(device: string, options?: AskOptions): Promise<void> {
    await this.#engine.requests.promise((ref) => ({ op: OP.REMOVE_DEVICE, ref, device }), 'OK', options);
  }

  /** Do not wait any longer: the network is back, the page is visible, or the user wants this device back after a stop. */
  wake(): void {
    this.#engine.wake();
  }

  /**
   * Ends the client. With `flush`, messages in the outbox have that many milliseconds to be acknowledged first; the rest stays in
   * the store. Resolves with how many that are.
   */
  close(options: { readonly flush?: number } = {}): Promise<{ unsent: number }> {
    this.#closing ??= new Promise((done) => this.#engine.close(options.flush ?? 0, done));
    return this.#closing;
  }
}
