// One user in one tab: a client, the model that its events move, and what a person can ask for. Knows no element of the page.
// Started by `main.ts`.
import { isUserId } from '../../protocol/index.ts';
import {
  type Chat,
  type ClientState,
  type MessageStatus,
  type OutgoingMessage,
  type ParleyClient,
  ParleyError,
} from '../browser.ts';
import { type EntryLike, feed, Typing } from '../view/index.ts';
import {
  activeChat,
  type ChatState,
  chatOf,
  type Model,
  newModel,
  onConnection,
  onEntry,
  onGap,
  onInfo,
  onPage,
  onQueued,
  onStatus,
  onSummaries,
  othersOf,
} from './model.ts';
import { errorWords } from './words.ts';

export interface SessionEvents {
  /** Something that is shown may have changed. */
  changed(): void;
  /** Something to tell the person once. */
  notice(text: string): void;
}

const PAGE_ENTRIES = 40;
const PREVIEW_ENTRIES = 15;
/** Chats whose last lines are read before they are opened, and how many at a time. */
const PREVIEWS_MAX = 200;
const PREVIEWS_AT_ONCE = 4;
const WATCHED_MAX = 200;
const REFRESH_MS = 250;
const UNHEARD_MS = 5_000;

export class Session {
  readonly client: ParleyClient;
  readonly model: Model;
  readonly #on: SessionEvents;
  /** Texts of messages that an earlier page left in the outbox. */
  readonly #texts: ReadonlyMap<string, string>;
  readonly #loading = new Set<string>();
  #refresh: ReturnType<typeof setTimeout> | null = null;
  readonly #typing: Typing;
  #watched = '';
  #unheard: ReturnType<typeof setTimeout> | null = null;
  #unwatch: () => void = () => undefined;

  constructor(client: ParleyClient, me: string, texts: ReadonlyMap<string, string>, on: SessionEvents) {
    this.client = client;
    this.model = newModel(me, client.device);
    this.#typing = new Typing(client);
    this.#texts = texts;
    this.#on = on;
    client.on('state', (state) => this.#state(state));
    client.on('message', (entry) => this.#entry(entry));
    feed(client, this.model, { changed: () => on.changed(), stale: () => this.refreshSoon() });
    client.on('gap', (gap) => {
      this.#change(() => onGap(this.model, gap));
      this.refreshSoon();
    });
    client.on('error', (error) => on.notice(errorWords(error)));
  }

  #change(how: () => void): void {
    how();
    this.#on.changed();
  }

  // —— from the client ——

  #state(state: ClientState): void {
    this.#change(() => onConnection(this.model, state, Date.now()));
    this.#showOutbox();
    if (state.is === 'online') this.refreshSoon();
  }

  /** What an earlier page left, once the client has read its store. */
  #showOutbox(): void {
    for (const message of this.client.outbox()) {
      const text = this.#texts.get(message.id);
      const there = chatOf(this.model, message.chat).items.some(({ id }) => id === message.id);
      if (text !== undefined && !there) this.#follow(message, text);
    }
  }

  #entry(entry: EntryLike): void {
    const isKnown = this.model.chats.has(entry.chat);
    this.#change(() => onEntry(this.model, entry));
    if (!isKnown || entry.change !== null) this.refreshSoon();
  }

  // —— chats ——

  /** The list of chats, and what is missing of the one that is open: once for many reasons to ask. */
  refreshSoon(): void {
    this.#refresh ??= setTimeout(() => {
      this.#refresh = null;
      this.#quietly(this.#refreshNow());
    }, REFRESH_MS);
  }

  async #refreshNow(): Promise<void> {
    const summaries = await this.client.chats();
    this.#change(() => onSummaries(this.model, summaries));
    const chat = activeChat(this.model);
    if (chat !== null) await this.load(chat);
    await this.#previews();
  }

  async #previews(): Promise<void> {
    const bare = [...this.model.chats.values()].filter((chat) => chat.from === null && !chat.left && chat.head > 0);
    const queue = bare.slice(0, PREVIEWS_MAX);
    const worker = async (): Promise<void> => {
      for (let chat = queue.shift(); chat !== undefined; chat = queue.shift())
        await this.#page(chat, 0, PREVIEW_ENTRIES);
    };
    await Promise.all(Array.from({ length: PREVIEWS_AT_ONCE }, worker));
    this.#watch();
  }

  /** Members and the last entries of a chat. */
  async load(chat: ChatState): Promise<void> {
    if (chat.left) return;
    try {
      const info = await this.client.chat(chat.id).info();
      this.#change(() => onInfo(this.model, info));
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'not_member') throw error;
      this.#change(() => {
        chat.left = true;
      });
      return;
    }
    if (chat.from === null) await this.#page(chat, 0, PAGE_ENTRIES);
    this.#watch();
  }

  /** Older entries, once at a time. */
  async older(chat: ChatState): Promise<void> {
    if (chat.from !== null && chat.more) await this.#page(chat, chat.from - 1, PAGE_ENTRIES);
  }

  async #page(chat: ChatState, from: number, limit: number): Promise<void> {
    if (this.#loading.has(chat.id)) return;
    this.#loading.add(chat.id);
    try {
      const page = await this.client.chat(chat.id).history({ from, back: true, limit });
      this.#change(() => onPage(this.model, chat.id, page));
    } finally {
      this.#loading.delete(chat.id);
    }
  }

  /** Who is in the open chat, and the others of direct chats. */
  #watch(): void {
    const { model } = this;
    const users = new Set<string>();
    const active = activeChat(model);
    if (active !== null) for (const user of othersOf(model, active)) users.add(user);
    for (const { kind, peer, left } of model.chats.values())
      if (kind === 'direct' && peer !== null && peer !== model.me && !left) users.add(peer);
    const list = [...users].slice(0, WATCHED_MAX).sort();
    this.#lookAgain();
    if (list.join(' ') === this.#watched) return;
    this.#watched = list.join(' ');
    this.#watchAnew(list);
  }

  #watchAnew(list: readonly string[]): void {
    // Ended first: together they might be more than one may watch. Whoever is in both is told again at once.
    this.#unwatch();
    this.#unwatch = this.client.watchPresence(list);
  }

  /** A busy server drops a wish to watch without a word: whoever was not told of is asked for again. */
  #lookAgain(): void {
    this.#unheard ??= setTimeout(() => {
      this.#unheard = null;
      const list = this.#watched.split(' ').filter((user) => user !== '');
      if (this.client.state.is !== 'online' || list.every((user) => this.model.presence.has(user))) return;
      this.#watchAnew(list);
      this.#lookAgain();
    }, UNHEARD_MS);
  }

  open(id: string | null): void {
    this.typed(false);
    this.#change(() => {
      this.model.active = id;
    });
    const chat = activeChat(this.model);
    if (chat !== null) this.#quietly(this.load(chat));
  }

  async openDirect(user: string): Promise<void> {
    if (!isUserId(user)) throw new Error('A name has 1 to 64 of these: letters, digits . _ ~ : @ + -');
    const { id } = await this.client.direct(user);
    chatOf(this.model, id).peer = user;
    this.#made(id);
  }

  async makeGroup(title: string, members: readonly string[]): Promise<void> {
    const { id } = await this.client.createGroup({ title, members });
    chatOf(this.model, id).title = title;
    this.#made(id);
  }

  #made(id: string): void {
    const chat = chatOf(this.model, id);
    chat.touched = Math.max(chat.touched, Date.now());
    this.open(id);
  }

  /** A change of the open chat; what became of it comes as an entry. */
  async alter(change: (chat: Chat) => Promise<void>): Promise<void> {
    const { active } = this.model;
    if (active === null) return;
    await change(this.client.chat(active));
    this.refreshSoon();
  }

  // —— what the person does ——

  /** Throws a ParleyError when it does not even fit the outbox. */
  send(chat: ChatState, text: string): void {
    this.typed(false);
    this.#follow(this.client.chat(chat.id).send({ text }), text);
  }

  #follow(message: OutgoingMessage, text: string): void {
    const { chat, id, at } = message;
    const heard = (status: MessageStatus): void => {
      const fault = status === 'failed' ? errorWords(message.error) : null;
      this.#change(() => onStatus(this.model, message, { status, seq: message.seq, fault }));
    };
    this.#change(() => onQueued(this.model, { chat, id, at, text }));
    message.on('status', heard);
    if (message.status !== 'queued') heard(message.status);
  }

  /** Everything up to here was on the screen. */
  seen(chat: ChatState): void {
    if (chat.head <= chat.read || chat.left) return;
    chat.read = chat.head;
    this.client.chat(chat.id).read(chat.head);
    this.#on.changed();
  }

  /** With every key that adds to a message, and with false when it is over. */
  typed(on: boolean): void {
    this.#typing.typed(on ? this.model.active : null);
  }

  /** What is only to be shown may fail while there is no connection: it is asked for again with the next one. */
  #quietly(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.client.state.is === 'online') this.#on.notice(errorWords(error));
    });
  }
}
