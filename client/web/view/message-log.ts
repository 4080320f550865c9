// The messages of one chat: bubbles, days, ticks. Keeps to the bottom while one is there, and keeps its place when older ones come.
import { h, ICONS, type Keyed, KeyedList, svg } from '../dom.ts';
import type { Item } from '../item.ts';
import { type ChatState, type Model, type Progress, progressOf } from '../model.ts';
import { counted, dayWords, timeWords } from '../words.ts';
import { hueOf } from './avatar.ts';

const NEAR_PX = 80;
const OLDER_PX = 300;
/** Bubbles of one sender within this time stand together. */
const TOGETHER_MS = 5 * 60_000;

export interface LogEvents {
  older(): void;
  /** The newest is on the screen, or not any more. */
  bottom(): void;
}

export class MessageLog {
  readonly element = h('div', { class: 'log', role: 'log', 'aria-label': 'Messages', tabindex: 0 });
  readonly #list = new KeyedList(this.element);
  readonly #on: LogEvents;
  #chat: string | null = null;
  #first: string | null = null;
  #atBottom = true;
  #more = false;

  constructor(on: LogEvents) {
    this.#on = on;
    this.element.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#atBottom && this.toBottom()).observe(this.element);
  }

  get atBottom(): boolean {
    return this.#atBottom;
  }

  toBottom(): void {
    this.element.scrollTop = this.element.scrollHeight;
    this.#atBottom = true;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const before = this.#atBottom;
    this.#atBottom = scrollHeight - clientHeight - scrollTop < NEAR_PX;
    if (before !== this.#atBottom) this.#on.bottom();
    if (scrollTop < OLDER_PX && this.#more) this.#on.older();
  }

  render(model: Model, chat: ChatState, now: number): void {
    const { element } = this;
    const isOther = this.#chat !== chat.id;
    const before = { top: element.scrollTop, height: element.scrollHeight };
    this.#chat = chat.id;
    this.#more = chat.more;
    const first = chat.items[0]?.key ?? null;
    this.#list.show(rowsOf(model, chat, now));
    if (isOther || this.#atBottom) this.toBottom();
    else if (first !== this.#first) element.scrollTop = before.top + element.scrollHeight - before.height;
    this.#first = first;
    // A page that does not fill the screen leaves nothing to scroll.
    if (chat.from !== null && chat.more && element.scrollTop < OLDER_PX) this.#on.older();
  }
}

function rowsOf(model: Model, chat: ChatState, now: number): Keyed[] {
  const rows: Keyed[] = [];
  let last: Item | null = null;
  let day = '';
  for (const item of chat.items) {
    const today = dayWords(item.at, now);
    // The key is that of the first below it: the same day twice, by clocks that differ, is still two rows.
    if (today !== day) {
      rows.push({
        key: `day ${item.key}`,
        version: today,
        make: () => h('div', { class: 'day' }, h('span', {}, today)),
      });
      last = null;
    }
    day = today;
    const follows =
      last !== null && last.is === item.is && last.sender === item.sender && item.at - last.at < TOGETHER_MS;
    rows.push(item.is === 'change' ? changeRow(item) : bubbleRow(model, chat, item, follows));
    last = item;
  }
  return rows;
}

const changeRow = (item: Item): Keyed => ({
  key: item.key,
  version: item.text,
  make: () => h('div', { class: 'change', 'data-seq': item.seq }, h('span', { dir: 'auto' }, item.text)),
});

function bubbleRow(model: Model, chat: ChatState, item: Item, follows: boolean): Keyed {
  const isOwn = item.sender === model.me;
  const progress = isOwn ? progressOf(model, chat, item) : null;
  const reactions = [...item.reactions].map(([user, text]) => `${text} ${user}`).join('  ');
  const make = (): HTMLElement => {
    const words =
      item.mark === 'deleted'
        ? h('p', { class: 'gone' }, 'This message was deleted')
        : h('p', { class: 'text', dir: 'auto' }, item.text);
    const about = h(
      'span',
      { class: 'about' },
      item.mark === 'edited' && 'edited ',
      h('time', { datetime: new Date(item.at).toISOString() }, timeWords(item.at)),
      progress !== null && tickOf(progress, chat.kind === 'group', item.fault),
    );
    const sender = !isOwn && chat.kind === 'group' && !follows && h('span', { class: 'sender' }, item.sender);
    if (sender) sender.style.setProperty('--hue', String(hueOf(item.sender)));
    const bubble = h('div', { class: 'bubble' }, sender, words, about);
    if (reactions !== '') bubble.append(h('span', { class: 'reactions' }, reactions));
    if (item.fault !== null) bubble.append(h('span', { class: 'fault' }, item.fault));
    const kind = `message ${isOwn ? 'own' : 'theirs'}${follows ? ' follows' : ''}`;
    const from = isOwn ? 'You' : item.sender;
    return h(
      'article',
      {
        class: kind,
        'aria-label': `${from}, ${timeWords(item.at)}`,
        'data-seq': item.seq,
        'data-status': progress?.status,
      },
      bubble,
    );
  };
  const { seq, text, mark, fault, at } = item;
  return { key: item.key, version: JSON.stringify([seq, text, mark, fault, at, reactions, follows, progress]), make };
}

function tickOf({ status, delivered, read, others }: Progress, isGroup: boolean, fault: string | null): HTMLElement {
  const reached = status === 'sent' ? delivered : read;
  const partly = isGroup && seqIsOut(status) && reached > 0 && reached < others;
  const words =
    isGroup && seqIsOut(status) && others > 0
      ? `delivered to ${delivered}, read by ${read} of ${counted(others, 'member')}`
      : status === 'failed'
        ? `not sent: ${fault}`
        : status === 'queued'
          ? 'waits to be sent'
          : status;
  const icon = {
    queued: ICONS.waits,
    sent: ICONS.tick,
    delivered: ICONS.ticks,
    read: ICONS.ticks,
    failed: ICONS.failed,
  };
  return h(
    'span',
    { class: `tick ${status}`, role: 'img', 'aria-label': words, title: words },
    partly && h('span', { class: 'count' }, `${reached}/${others}`),
    svg(icon[status]),
  );
}
const seqIsOut = (status: Progress['status']): boolean => status !== 'queued' && status !== 'failed';
