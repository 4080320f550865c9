// The page as a whole: puts the views side by side, and shows the model again, once for all changes of a moment.
import { isChatId } from '../../../protocol/index.ts';
import { h, ICONS, iconButton, setText } from '../dom.ts';
import { chatList, unreadOf } from '../model.ts';
import type { Session, SessionEvents } from '../session.ts';
import { connectionWords } from '../words.ts';
import { avatar } from './avatar.ts';
import { ChatList } from './chat-list.ts';
import { ChatPane } from './chat-pane.ts';
import { newChatDialog, newGroupDialog } from './dialogs.ts';
import { Members } from './members.ts';

const NOTICE_MS = 8_000;
const TICK_MS = 1_000;

export class App implements SessionEvents {
  readonly #root: HTMLElement;
  readonly #me: string;
  readonly #bar = h('div', { class: 'bar', role: 'status' });
  readonly #state = h('p', { class: 'about' });
  readonly #notices = h('div', { class: 'notices', role: 'alert' });
  #session: Session | null = null;
  #render: (now: number) => void = () => undefined;
  #planned = false;
  #membersShown = false;

  constructor(root: HTMLElement, me: string) {
    this.#root = root;
    this.#me = me;
  }

  start(session: Session): void {
    this.#session = session;
    const { model } = session;
    const list = new ChatList((chat) => this.#open(chat));
    const showMembers = (shown: boolean): void => {
      this.#membersShown = shown;
      this.changed();
    };
    const notice = (text: string): void => this.notice(text);
    const pane = new ChatPane(session, {
      back: () => this.#open(null),
      members: () => showMembers(!this.#membersShown),
      notice,
      changed: () => this.changed(),
    });
    const members = new Members(session, { close: () => showMembers(false), notice });
    const app = h('div', { class: 'app' }, this.#side(list.element, session), pane.element, members.element);
    this.#render = (now) => {
      app.classList.toggle('in-chat', model.active !== null);
      list.render(model, now);
      pane.render(model, now, this.#membersShown);
      members.render(model, this.#membersShown, now);
    };
    this.#root.replaceChildren(this.#bar, app, this.#notices);
    this.#listen();
    const place = location.hash.slice(1);
    session.open(isChatId(place) ? place : null);
  }

  #side(list: HTMLElement, session: Session): HTMLElement {
    const chat = iconButton('New chat', ICONS.chat);
    chat.addEventListener('click', () => newChatDialog((user) => this.#opened(session.openDirect(user))));
    const group = iconButton('New group', ICONS.group);
    group.addEventListener('click', () =>
      newGroupDialog((title, members) => this.#opened(session.makeGroup(title, members))),
    );
    const titles = h('div', { class: 'titles' }, h('h1', {}, this.#me), this.#state);
    return h('div', { class: 'side' }, h('header', {}, avatar(this.#me), titles, chat, group), list);
  }

  async #opened(opening: Promise<void>): Promise<void> {
    await opening;
    this.#keepPlace();
  }

  #open(chat: string | null): void {
    this.#membersShown = false;
    this.#session?.open(chat);
    this.#keepPlace();
  }

  /** The open chat stands in the address, so that a reload comes back to it. */
  #keepPlace(): void {
    const active = this.#session?.model.active ?? null;
    history.replaceState(null, '', active === null ? location.pathname + location.search : `#${active}`);
  }

  #listen(): void {
    const changed = (): void => this.changed();
    for (const event of ['online', 'offline', 'focus']) window.addEventListener(event, changed);
    document.addEventListener('visibilitychange', changed);
    // Seconds until the next attempt, and days that pass.
    setInterval(() => {
      const { connection } = this.#session?.model ?? {};
      if (connection?.is === 'reconnecting' || new Date().getSeconds() === 0) this.changed();
    }, TICK_MS);
    window.addEventListener('keydown', (event) => {
      const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
      if (!event.altKey || step === 0) return;
      event.preventDefault();
      this.#neighbour(step);
    });
  }

  /** Alt with an arrow: the chat above or below. */
  #neighbour(step: number): void {
    const { model } = this.#session ?? {};
    if (model === undefined) return;
    const chats = chatList(model);
    const at = chats.findIndex(({ id }) => id === model.active);
    const next = chats[Math.min(chats.length - 1, Math.max(0, at + step))];
    if (next !== undefined) this.#open(next.id);
  }

  // —— what the session tells ——

  changed(): void {
    if (this.#planned) return;
    this.#planned = true;
    // Not the next frame: a page in the background has none, but has a title to keep.
    setTimeout(() => {
      this.#planned = false;
      this.#show();
    }, 0);
  }

  #show(): void {
    const session = this.#session;
    if (session === null) return;
    const { model } = session;
    const now = Date.now();
    const words = connectionWords(model.connection, model.retryAt, now, navigator.onLine);
    setText(this.#bar, words);
    this.#bar.hidden = words === '';
    this.#bar.dataset.state = model.connection.is;
    setText(this.#state, words === '' ? 'online' : words);
    this.#render(now);
    const unread = chatList(model).reduce((sum, chat) => sum + unreadOf(model, chat), 0);
    const title = `${unread > 0 ? `(${unread}) ` : ''}${this.#me} · Parley`;
    if (document.title !== title) document.title = title;
  }

  notice(text: string): void {
    const notice = h('p', {}, text);
    this.#notices.append(notice);
    setTimeout(() => notice.remove(), NOTICE_MS);
  }
}
