// What the page knows: chats, their entries, how far others are, who types, who is online. Plain state that events move; no clock,
// no client, no page. `session.ts` feeds it, the views show it. What it shares with the terminal is in client/view/.
import type { ChatSummary, MessageStatus } from '../browser.ts';
import {
  type ChatOf,
  type ChatsOf,
  chatOf,
  type EntryLike,
  isAbout,
  newChats,
  onSummary,
  othersOf,
  pageShown,
} from '../view/index.ts';
import { applyAbout, type Item, itemOf, queuedItem } from './item.ts';

export {
  activeChat,
  chatOf,
  onConnection,
  onCounts,
  onInfo,
  onReceipt,
  othersOf,
  type Progress,
  progressOf,
} from '../view/index.ts';

export type ChatState = ChatOf<Item>;
export type Model = ChatsOf<Item>;

export const newModel = (me: string, device: string): Model => newChats<Item>(me, device);

// —— what the client tells ——

/** News, or a part of history. True when it was not here yet. */
export function onEntry(model: Model, entry: EntryLike): boolean {
  const chat = chatOf(model, entry.chat);
  const { seq, sender } = entry;
  chat.head = Math.max(chat.head, seq);
  chat.touched = Math.max(chat.touched, entry.ts);
  if (isAbout(entry)) {
    if (chat.abouts.has(seq)) return false;
    chat.abouts.set(seq, entry);
    chat.items = chat.items.map((item) => (item.seq === entry.about ? applyAbout(item, entry) : item));
    return true;
  }
  if (chat.items.some((item) => item.seq === seq && item.settled)) return false;
  let item = itemOf(entry, model.me);
  for (const about of chat.abouts.values()) if (about.about === seq) item = applyAbout(item, about);
  const waiting = chat.items.find((one) => one.id === entry.id && sender === model.me && !one.settled);
  if (waiting !== undefined) item = { ...item, key: waiting.key, status: waiting.status };
  chat.items = placed([...chat.items.filter((one) => one !== waiting), item]);
  if (sender !== model.me) chat.typing.delete(sender);
  return true;
}

/** By number; without one last, as they were. */
function placed(items: Item[]): Item[] {
  return items.sort((a, b) => (a.seq ?? Number.MAX_SAFE_INTEGER) - (b.seq ?? Number.MAX_SAFE_INTEGER));
}

export interface PageLike {
  readonly entries: readonly EntryLike[];
  readonly from: number;
  readonly more: boolean;
}
/** A page that ends where what is here begins, or at the newest. */
export function onPage(model: Model, id: string, page: PageLike): void {
  const chat = chatOf(model, id);
  for (const entry of page.entries) onEntry(model, entry);
  pageShown(chat, page);
}

/** These will not come by themselves: what is before them is history, to be read again. */
export function onGap(model: Model, gap: { readonly chat: string; readonly to: number }): void {
  const chat = chatOf(model, gap.chat);
  chat.head = Math.max(chat.head, gap.to);
  chat.items = chat.items.filter(({ seq }) => seq === null || seq > gap.to);
  chat.from = null;
  chat.more = true;
}

export function onQueued(
  model: Model,
  message: { readonly chat: string; readonly id: string; readonly at: number; readonly text: string },
): void {
  const chat = chatOf(model, message.chat);
  if (chat.items.some(({ id, sender }) => id === message.id && sender === model.me)) return;
  chat.touched = Math.max(chat.touched, message.at);
  chat.items = placed([...chat.items, queuedItem(message, model.me)]);
}

export function onStatus(
  model: Model,
  { chat: id, id: message }: { readonly chat: string; readonly id: string },
  now: { readonly status: MessageStatus; readonly seq: number | null; readonly fault: string | null },
): void {
  const chat = chatOf(model, id);
  const moved = (item: Item): Item =>
    item.id === message && item.sender === model.me
      ? { ...item, status: now.status, fault: now.fault, seq: item.seq ?? now.seq }
      : item;
  chat.items = placed(chat.items.map(moved));
  chat.head = Math.max(chat.head, now.seq ?? 0);
}

/** All chats of the user: one that is missing was left. */
export function onSummaries(model: Model, summaries: readonly ChatSummary[]): void {
  const there = new Set(summaries.map(({ chat }) => chat));
  for (const chat of model.chats.values()) if (chat.head > 0) chat.left = !there.has(chat.id);
  for (const summary of summaries) {
    onSummary(model, summary);
    chatOf(model, summary.chat).left = false;
  }
}

// —— what follows ——

/** What a person calls it. */
export function nameOf(model: Model, chat: ChatState): string {
  if (chat.kind === 'group') return chat.title === '' ? 'Group' : chat.title;
  const peer = chat.peer ?? othersOf(model, chat)[0] ?? (chat.members.size === 1 ? model.me : '…');
  return peer === model.me ? `${peer} (you)` : peer;
}

/** Last touched first; nothing of which nothing is known. */
export function chatList(model: Model): ChatState[] {
  const shown = [...model.chats.values()].filter((chat) => !chat.left || chat.id === model.active);
  return shown.sort((a, b) => b.touched - a.touched || (a.id < b.id ? -1 : 1));
}

/** What others wrote since: of what is not here, all of it. */
export function unreadOf(model: Model, chat: ChatState): number {
  let unread = chat.head - chat.read;
  for (const { seq, is, sender } of chat.items)
    if (seq !== null && seq > chat.read && (is === 'change' || sender === model.me)) unread--;
  for (const seq of chat.abouts.keys()) if (seq > chat.read) unread--;
  return Math.max(0, unread);
}
