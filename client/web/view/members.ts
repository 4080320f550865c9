// The people of a group, and what one may do with them: add, remove, rename, leave.
import { h, ICONS, iconButton, type Keyed, KeyedList, setAttribute } from '../dom.ts';
import { activeChat, type ChatState, type Model } from '../model.ts';
import type { Session } from '../session.ts';
import { errorWords, presenceWords } from '../words.ts';
import { avatar } from './avatar.ts';
import { namesIn } from './dialogs.ts';

export interface MembersEvents {
  close(): void;
  notice(text: string): void;
}

export class Members {
  readonly element: HTMLElement;
  readonly #session: Session;
  readonly #on: MembersEvents;
  readonly #list: KeyedList;
  readonly #title: HTMLInputElement;
  readonly #rename: HTMLFormElement;
  readonly #add: HTMLFormElement;
  readonly #leave = h('button', { type: 'button', class: 'danger' }, 'Leave the group');
  #chat: string | null = null;

  constructor(session: Session, on: MembersEvents) {
    this.#session = session;
    this.#on = on;
    const ul = h('ul', { 'aria-label': 'Members' });
    this.#list = new KeyedList(ul);
    const close = iconButton('Close', ICONS.close);
    close.addEventListener('click', on.close);
    this.#title = h('input', { 'aria-label': 'Title of the group', maxlength: 128, dir: 'auto' });
    this.#rename = h('form', {}, this.#title, h('button', {}, 'Rename'));
    this.#rename.addEventListener('submit', (event) => {
      event.preventDefault();
      const title = this.#title.value.trim();
      if (title !== '') this.#do((chat) => chat.rename(title));
    });
    const names = h('input', {
      'aria-label': 'Names to add',
      placeholder: 'Add: carol, dave',
      autocomplete: 'off',
      autocapitalize: 'off',
    });
    this.#add = h('form', {}, names, h('button', {}, 'Add'));
    this.#add.addEventListener('submit', (event) => {
      event.preventDefault();
      const users = namesIn(names.value);
      names.value = '';
      if (users.length > 0) this.#do((chat) => chat.add(users));
    });
    this.#leave.addEventListener('click', () => this.#leaveTwice());
    this.element = h(
      'aside',
      { class: 'members', 'aria-label': 'Group', hidden: true },
      h('header', {}, h('h2', {}, 'Group'), close),
      this.#rename,
      this.#add,
      ul,
      this.#leave,
    );
    this.element.addEventListener('keydown', (event) => event.key === 'Escape' && on.close());
  }

  #do(change: Parameters<Session['alter']>[0]): void {
    this.#session.alter(change).catch((error: unknown) => this.#on.notice(errorWords(error)));
  }

  /** The first click asks, the second does it. */
  #leaveTwice(): void {
    if (!this.#leave.classList.contains('asked')) {
      this.#leave.classList.add('asked');
      this.#leave.textContent = 'Leave: sure?';
      return;
    }
    this.#calm();
    this.#do((chat) => chat.leave());
    this.#on.close();
  }

  #calm(): void {
    this.#leave.classList.remove('asked');
    this.#leave.textContent = 'Leave the group';
  }

  render(model: Model, shown: boolean, now: number): void {
    const chat = activeChat(model);
    const visible = shown && chat !== null && chat.kind === 'group' && !chat.left;
    this.element.hidden = !visible;
    if (!visible) {
      this.#chat = null;
      this.#calm();
      return;
    }
    if (this.#chat !== chat.id || document.activeElement !== this.#title) this.#title.value = chat.title;
    this.#chat = chat.id;
    const own = chat.members.get(model.me)?.role;
    setAttribute(this.#rename, 'hidden', own === 'member');
    setAttribute(this.#add, 'hidden', own === 'member');
    const users = [...chat.members.keys()].sort();
    this.#list.show(users.map((user) => this.#row(model, chat, user, now)));
  }

  #row(model: Model, chat: ChatState, user: string, now: number): Keyed {
    const role = chat.members.get(user)?.role ?? 'member';
    const own = chat.members.get(model.me)?.role;
    const isMe = user === model.me;
    const mayRemove = !isMe && (own === 'owner' || (own === 'admin' && role === 'member'));
    const presence = model.presence.get(user);
    const about = isMe ? '' : presenceWords(presence, now);
    const make = (): HTMLElement => {
      const remove = mayRemove && iconButton(`Remove ${user}`, ICONS.close);
      if (remove) remove.addEventListener('click', () => this.#do((one) => one.remove([user])));
      return h(
        'li',
        { 'data-user': user },
        avatar(user, presence?.online === true),
        h('span', { class: 'name' }, isMe ? `${user} (you)` : user),
        role !== 'member' && h('span', { class: 'role' }, role),
        h('span', { class: 'line' }, about),
        remove,
      );
    };
    return { key: user, version: JSON.stringify([role, own, about]), make };
  }
}
