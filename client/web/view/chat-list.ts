// The chats at the side: who, the last line, when, how much is unread. Arrow keys move through it.
import { h, type Keyed, KeyedList } from '../dom.ts';
import type { Item } from '../item.ts';
import { type ChatState, chatList, type Model, nameOf, unreadOf } from '../model.ts';
import { shortWords, typingWords } from '../words.ts';
import { avatar } from './avatar.ts';

export class ChatList {
  readonly element: HTMLElement;
  readonly #list: KeyedList;
  readonly #onOpen: (chat: string) => void;
  readonly #empty = h('p', { class: 'empty', hidden: true }, 'No chats yet. Begin one with the + above.');

  constructor(onOpen: (chat: string) => void) {
    this.#onOpen = onOpen;
    const ul = h('ul', { class: 'chats' });
    this.#list = new KeyedList(ul);
    this.element = h('nav', { 'aria-label': 'Chats' }, ul, this.#empty);
    ul.addEventListener('keydown', (event) => this.#move(event));
  }

  #move(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const row = (event.target as HTMLElement).closest('li');
    if (step === 0 || row === null) return;
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    next?.querySelector('button')?.focus();
    event.preventDefault();
  }

  render(model: Model, now: number): void {
    const chats = chatList(model);
    this.#empty.hidden = chats.length > 0 || model.connection.is !== 'online';
    this.#list.show(chats.map((chat) => this.#row(model, chat, now)));
  }

  #row(model: Model, chat: ChatState, now: number): Keyed {
    const name = nameOf(model, chat);
    const last = chat.items.at(-1);
    const typing = typingWords([...chat.typing], chat.kind === 'group');
    const line = typing === '' ? lineOf(model, chat, last) : typing;
    const when = last === undefined ? '' : shortWords(last.at, now);
    const unread = unreadOf(model, chat);
    const isOpen = chat.id === model.active;
    const online = chat.kind === 'direct' && chat.peer !== null && model.presence.get(chat.peer)?.online === true;
    const make = (): HTMLElement => {
      const badge =
        unread > 0 &&
        h('span', { class: 'badge', 'aria-label': `${unread} unread` }, unread > 99 ? '99+' : `${unread}`);
      const button = h(
        'button',
        { type: 'button', class: 'row', 'aria-current': isOpen ? 'true' : null },
        avatar(name, online),
        h('span', { class: 'name', dir: 'auto' }, name),
        h('span', { class: 'when' }, when),
        h('span', { class: typing === '' ? 'line' : 'line typing', dir: 'auto' }, line),
        badge,
      );
      button.addEventListener('click', () => this.#onOpen(chat.id));
      return h('li', { 'data-chat': chat.id }, button);
    };
    return { key: chat.id, version: JSON.stringify([name, line, when, unread, isOpen, online, typing]), make };
  }
}

function lineOf(model: Model, chat: ChatState, last: Item | undefined): string {
  if (last === undefined) return '';
  const text = last.mark === 'deleted' ? 'deleted' : last.text.replace(/\s+/g, ' ').slice(0, 120);
  if (last.is === 'change') return text;
  if (last.sender === model.me) return last.status === 'queued' ? `Waiting: ${text}` : `You: ${text}`;
  return chat.kind === 'group' ? `${last.sender}: ${text}` : text;
}
