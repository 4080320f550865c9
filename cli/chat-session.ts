// One user at a terminal: a client, the model that its events move, and what a person can ask for. Shared by the screen and by the
// plain mode; knows neither. Started by `parley chat`.
import type {
  ChatSummary,
  ClientState,
  MessageStatus,
  OutgoingMessage,
  ParleyClient,
  Presence,
} from '../client/index.ts';
import { feed, othersOf, Typing } from '../client/view/index.ts';
import { directChatId } from '../protocol/index.ts';
import {
  activeChat,
  addNotice,
  type ChatState,
  chatOf,
  type EntryLike,
  type Model,
  nameOf,
  newModel,
  onConnection,
  onEntry,
  onInfo,
  onPage,
  onQueued,
  onStatus,
  onSummary,
} from './chat-model.ts';
import { counted, errorWords } from './chat-words.ts';

/** What a view may want to tell apart from "something changed". */
export interface SessionEvents {
  changed(): void;
  entry(chat: ChatState, entry: EntryLike): void;
  status(message: OutgoingMessage, status: MessageStatus, fault: string | null): void;
  typing(chat: ChatState, user: string, on: boolean): void;
  presence(presence: Presence): void;
  state(state: ClientState): void;
  notice(chat: ChatState | null, text: string): void;
}

export const PAGE_ENTRIES = 20;
const WATCHED_MEMBERS_MAX = 64;
const REFRESH_MS = 300;
const WHO_MS = 3_000;

export class ChatSession {
  readonly client: ParleyClient;
  readonly model: Model;
  readonly #on: SessionEvents;
  readonly #now: () => number;
  readonly #loading = new Set<string>();
  #refresh: ReturnType<typeof setTimeout> | null = null;
  readonly #typing: Typing;
  #unwatch: () => void = () => undefined;
  #watched = '';
  #notices = 0;

  constructor(client: ParleyClient, me: string, on: SessionEvents, now: () => number) {
    this.client = client;
    this.model = newModel(me, client.device);
    this.#typing = new Typing(client);
    this.#on = on;
    this.#now = now;
    client.on('state', (state) => this.#state(state));
    client.on('message', (entry) => this.#entry(entry));
    feed(client, this.model, { changed: () => on.changed(), stale: () => this.refreshSoon() });
    client.on('typing', (event) => on.typing(chatOf(this.model, event.chat), event.user, event.on));
    client.on('presence', (presence) => on.presence(presence));
    client.on('error', (error) => this.notice(errorWords(error)));
  }

  #change(how: () => void): void {
    how();
    this.#on.changed();
  }

  // —— from the client ——

  #state(state: ClientState): void {
    this.#change(() => onConnection(this.model, state, this.#now()));
    this.#on.state(state);
    if (state.is === 'online') {
      this.refreshSoon();
      const chat = activeChat(this.model);
      if (chat !== null) void this.load(chat);
    }
  }

  #entry(entry: EntryLike): void {
    const { model } = this;
    const known = model.chats.has(entry.chat);
    const fresh = onEntry(model, entry);
    const chat = chatOf(model, entry.chat);
    if (!known || entry.change !== null) this.refreshSoon();
    this.#on.changed();
    if (fresh) this.#on.entry(chat, entry);
  }

  // —— chats ——

  /** The list of chats and the members of the active one, once for many reasons to ask. */
  refreshSoon(): void {
    this.#refresh ??= setTimeout(() => {
      this.#refresh = null;
      this.refresh().catch((error: unknown) => this.#quietly(error));
    }, REFRESH_MS);
  }

  async refresh(): Promise<readonly ChatSummary[]> {
    const summaries = await this.client.chats();
    for (const summary of summaries) onSummary(this.model, summary);
    const chat = activeChat(this.model);
    if (chat !== null) await this.#info(chat);
    this.#on.changed();
    return summaries;
  }

  async #info(chat: ChatState): Promise<void> {
    try {
      onInfo(this.model, await this.client.chat(chat.id).info());
    } catch (error) {
      if (isRefusal(error, 'not_member')) chat.left = true;
      else throw error;
    }
    this.#watch(chat);
  }

  #watch(chat: ChatState): void {
    if (chat.id !== this.model.active) return;
    const users = othersOf(this.model, chat).slice(0, WATCHED_MEMBERS_MAX);
    if (users.join(' ') === this.#watched) return;
    this.#watched = users.join(' ');
    const before = this.#unwatch;
    this.#unwatch = this.client.watchPresence(users);
    before();
  }

  /** Shows a chat: its members, its last entries, who of them is online. */
  open(id: string): ChatState {
    const chat = chatOf(this.model, id);
    this.typed(false);
    this.model.active = id;
    this.#on.changed();
    void this.load(chat);
    return chat;
  }

  async load(chat: ChatState): Promise<void> {
    if (this.#loading.has(chat.id)) return;
    this.#loading.add(chat.id);
    try {
      await this.#info(chat);
      if (chat.from === null && !chat.left) await this.#page(chat, 0, PAGE_ENTRIES);
    } catch (error) {
      this.#quietly(error); // asked again when online
    } finally {
      this.#loading.delete(chat.id);
      this.#on.changed();
    }
  }

  /** Older entries. False: there are none. */
  async older(chat: ChatState, limit: number = PAGE_ENTRIES): Promise<boolean> {
    if (chat.from === null || !chat.more || this.#loading.has(chat.id)) return chat.more;
    this.#loading.add(chat.id);
    try {
      await this.#page(chat, chat.from - 1, limit);
    } finally {
      this.#loading.delete(chat.id);
      this.#on.changed();
    }
    return true;
  }

  async #page(chat: ChatState, from: number, limit: number): Promise<void> {
    const page = await this.client.chat(chat.id).history({ from, back: true, limit });
    onPage(this.model, chat.id, page);
  }

  async openDirect(user: string): Promise<ChatState> {
    const { id } = await this.client.direct(user, { timeoutMs: Number.POSITIVE_INFINITY });
    chatOf(this.model, id).peer = user;
    return this.open(id);
  }

  /** The group of that title that one is in; else a new one. */
  async openGroup(title: string, members: readonly string[]): Promise<ChatState> {
    const same = (await this.refresh()).filter((chat) => chat.kind === 'group' && chat.title === title);
    if (same.length > 1)
      throw new Error(
        `there are ${same.length} groups “${title}”: /switch ID takes one of ${same.map(({ chat }) => chat).join(', ')}`,
      );
    if (same[0] !== undefined) return this.open(same[0].chat);
    if (members.length === 0) throw new Error(`there is no group “${title}” yet: name its members`);
    const { id } = await this.client.createGroup({ title, members });
    const chat = chatOf(this.model, id);
    chat.title = title;
    return this.open(id);
  }

  /** A known chat by its number in the list, its id, its title or the other user. */
  find(words: string, list: readonly ChatState[]): ChatState | null {
    const at = /^\d+$/.test(words) ? list[Number(words) - 1] : undefined;
    if (at !== undefined) return at;
    const direct = safely(() => directChatId(this.model.me, words));
    const all = [...this.model.chats.values()];
    return all.find((chat) => chat.id === words || chat.id === direct || nameOf(this.model, chat) === words) ?? null;
  }

  // —— what the person does ——

  /** Throws a ParleyError when it does not even fit the outbox. */
  send(chat: ChatState, text: string): OutgoingMessage {
    this.typed(false);
    const message = this.client.chat(chat.id).send({ text });
    this.follow(message, text);
    return message;
  }

  /** Shows a message of the outbox, also one from before a restart. */
  follow(message: OutgoingMessage, text: string): void {
    const { chat, id, at } = message;
    onQueued(this.model, { chat, id, at, text });
    const heard = (status: MessageStatus): void => {
      const fault = status === 'failed' ? errorWords(message.error) : null;
      this.#change(() => onStatus(this.model, message, status, message.seq, fault));
      this.#on.status(message, status, fault);
    };
    message.on('status', heard);
    this.#on.changed();
    if (message.status !== 'queued') heard(message.status);
  }

  /** Everything up to here was on the screen, or was printed. */
  seen(chat: ChatState, seq: number): void {
    if (seq <= chat.read || chat.left) return;
    chat.read = seq;
    this.client.chat(chat.id).read(seq);
  }

  /** With every key that adds to a message, and with false when it is over. */
  typed(on: boolean): void {
    this.#typing.typed(on ? this.model.active : null);
  }

  /** Words for this terminal, in the active chat. */
  notice(text: string): void {
    const chat = activeChat(this.model);
    if (chat !== null) addNotice(chat, `notice ${++this.#notices}`, text, this.#now());
    this.#on.notice(chat, text);
    this.#on.changed();
  }

  /** Whether a user is online: from what is watched, else asked for. */
  async who(user: string): Promise<Presence | null> {
    const known = this.model.presence.get(user);
    if (known !== undefined) return known;
    return await new Promise((resolve) => {
      const end = (presence: Presence | null): void => {
        clearTimeout(timer);
        off();
        unwatch();
        resolve(presence);
      };
      const timer = setTimeout(() => end(null), WHO_MS);
      const off = this.client.on('presence', (presence) => presence.user === user && end(presence));
      const unwatch = this.client.watchPresence([user]);
    });
  }

  async close(flushMs: number): Promise<{ unsent: number }> {
    this.typed(false);
    if (this.#refresh !== null) clearTimeout(this.#refresh);
    return await this.client.close({ flush: flushMs });
  }

  /** What was only to be shown may fail while there is no connection. */
  #quietly(error: unknown): void {
    const { is } = this.client.state;
    if (is === 'online' && !isRefusal(error, 'timeout')) this.notice(errorWords(error));
  }
}

export function isRefusal(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

function safely<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}

export const unsentWords = (unsent: number): string =>
  `${counted(unsent, 'message')} could not be sent yet and ${unsent === 1 ? 'waits' : 'wait'} in the outbox; open the chat again to send ${unsent === 1 ? 'it' : 'them'}`;
