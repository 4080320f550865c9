// The open chat: its head, its messages, and the field to write in. A draft stays with its chat.
import { h, ICONS, iconButton, setAttribute, setText } from '../dom.ts';
import { activeChat, type ChatState, type Model, nameOf, othersOf, unreadOf } from '../model.ts';
import type { Session } from '../session.ts';
import { counted, errorWords, listed, presenceWords, typingWords } from '../words.ts';
import { avatar } from './avatar.ts';
import { MessageLog } from './message-log.ts';

export interface PaneEvents {
  back(): void;
  members(): void;
  notice(text: string): void;
  changed(): void;
}

export class ChatPane {
  readonly element: HTMLElement;
  readonly #session: Session;
  readonly #on: PaneEvents;
  readonly #log: MessageLog;
  readonly #sign = h('span', {});
  readonly #name = h('h2', { dir: 'auto' });
  readonly #about = h('p', { class: 'about' });
  readonly #people: HTMLButtonElement;
  readonly #jump = h('button', { type: 'button', class: 'jump', hidden: true });
  readonly #field: HTMLTextAreaElement;
  readonly #form: HTMLFormElement;
  readonly #chat: HTMLElement;
  readonly #nothing: HTMLElement;
  readonly #drafts = new Map<string, string>();
  #shown: string | null = null;

  constructor(session: Session, on: PaneEvents) {
    this.#session = session;
    this.#on = on;
    this.#log = new MessageLog({ older: () => this.#older(), bottom: () => on.changed() });
    const back = iconButton('Back to the chats', ICONS.back, { class: 'icon back' });
    back.addEventListener('click', on.back);
    this.#people = iconButton('Members of the group', ICONS.people, { class: 'icon people', 'aria-expanded': 'false' });
    this.#people.addEventListener('click', on.members);
    this.#jump.addEventListener('click', () => {
      this.#log.toBottom();
      on.changed();
    });
    this.#field = h('textarea', {
      rows: 1,
      dir: 'auto',
      'aria-label': 'Message',
      placeholder: 'Message',
      enterkeyhint: 'send',
    });
    const send = h('button', { class: 'icon send', 'aria-label': 'Send', title: 'Send (Enter)' });
    send.append(iconButton('', ICONS.send).firstElementChild ?? '');
    this.#form = h('form', { class: 'composer' }, this.#field, send);
    this.#listen();
    const head = h(
      'header',
      {},
      back,
      this.#sign,
      h('div', { class: 'titles' }, this.#name, this.#about),
      this.#people,
    );
    this.#chat = h('div', { class: 'chat' }, head, this.#log.element, this.#jump, this.#form);
    this.#nothing = h('p', { class: 'nothing' }, 'Choose a chat, or begin one.');
    this.element = h('main', {}, this.#chat, this.#nothing);
  }

  #listen(): void {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#field.addEventListener('keydown', (event) => {
      // Enter that ends a composition (Japanese, Chinese …) is not meant for us.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#field.addEventListener('input', () => this.#session.typed(this.#field.value !== ''));
  }

  #send(): void {
    const chat = activeChat(this.#session.model);
    const text = this.#field.value.trim();
    if (chat === null || text === '') return;
    try {
      this.#session.send(chat, text);
    } catch (error) {
      this.#on.notice(errorWords(error));
      return;
    }
    this.#field.value = '';
    this.#log.toBottom();
  }

  #older(): void {
    const chat = activeChat(this.#session.model);
    if (chat === null) return;
    // Scrolling asks again.
    this.#session.older(chat).catch(() => undefined);
  }

  render(model: Model, now: number, membersShown: boolean): void {
    const chat = activeChat(model);
    this.#chat.hidden = chat === null;
    this.#nothing.hidden = chat !== null;
    if (chat?.id !== this.#shown) this.#switch(chat);
    if (chat === null) return;
    this.#head(model, chat, now);
    setAttribute(this.#people, 'aria-expanded', String(membersShown));
    setAttribute(this.#people, 'hidden', chat.kind !== 'group' || chat.left);
    this.#field.disabled = chat.left;
    this.#field.placeholder = chat.left ? 'You are not in this group any more' : 'Message';
    this.#log.render(model, chat, now);
    if (document.visibilityState === 'visible' && this.#log.atBottom) this.#session.seen(chat);
    const unread = unreadOf(model, chat);
    this.#jump.hidden = this.#log.atBottom;
    setText(this.#jump, unread > 0 ? `↓ ${counted(unread, 'new message')}` : '↓ Newest');
  }

  #switch(chat: ChatState | null): void {
    if (this.#shown !== null) this.#drafts.set(this.#shown, this.#field.value);
    this.#shown = chat?.id ?? null;
    this.#field.value = this.#drafts.get(this.#shown ?? '') ?? '';
    // On a phone focus would open the keyboard over the messages.
    if (chat !== null && matchMedia('(hover: hover)').matches) this.#field.focus();
  }

  #head(model: Model, chat: ChatState, now: number): void {
    const name = nameOf(model, chat);
    const presence = chat.peer === null || chat.kind === 'group' ? undefined : model.presence.get(chat.peer);
    const isOnline = presence?.online === true;
    const sign = `${name} ${isOnline}`;
    if (this.#sign.getAttribute('data-sign') !== sign) {
      this.#sign.setAttribute('data-sign', sign);
      this.#sign.replaceChildren(avatar(name, isOnline));
    }
    setText(this.#name, name);
    const typing = typingWords([...chat.typing], chat.kind === 'group');
    const about = chat.kind === 'group' ? membersWords(model, chat) : presenceWords(presence, now);
    setText(this.#about, typing === '' ? about : typing);
    this.#about.classList.toggle('typing', typing !== '');
  }
}

function membersWords(model: Model, chat: ChatState): string {
  const others = othersOf(model, chat).sort();
  if (chat.members.size === 0) return '';
  return others.length > 6 ? counted(chat.members.size, 'member') : listed([...others, 'you']);
}
