// What the page knows: chats, their entries, how far others are, who types, who is online. Plain state that events move; no clock,
// no client, no page. `session.ts` feeds it, the views show it.
import type { ChatInfo, ChatSummary, ClientState, Counts, MessageStatus, Presence, Receipt } from '../browser.ts';
import { applyAbout, type EntryLike, type Item, isAbout, itemOf, queuedItem } from './item.ts';

export interface MemberState {
  readonly role: string;
  readonly delivered: number;
  readonly read: number;
}
export interface ChatState {
  readonly id: string;
  kind: 'direct' | 'group';
  title: string;
  peer: string | null;
  head: number;
  /** How far this user has read, on any device. */
  read: number;
  /** By number; what waits to be sent comes last, in the order that it was written. */
  items: Item[];
  readonly members: Map<string, MemberState>;
  counts: Counts | null;
  readonly typing: Set<string>;
  /** Edits, deletions and reactions by their own number. */
  readonly abouts: Map<number, EntryLike>;
  /** The first number from which all is here; null before the first page. */
  from: number | null;
  more: boolean;
  /** Not a member any more. */
  left: boolean;
  /** When something last happened, for the order of the list. */
  touched: number;
}
export interface Model {
  readonly me: string;
  readonly device: string;
  connection: ClientState;
  /** When the next attempt follows, while reconnecting; milliseconds since 1970. */
  retryAt: number;
  readonly chats: Map<string, ChatState>;
  active: string | null;
  readonly presence: Map<string, Presence>;
}

export function newModel(me: string, device: string): Model {
  const connection: ClientState = { is: 'connecting' };
  return { me, device, connection, retryAt: 0, chats: new Map(), active: null, presence: new Map() };
}

export function chatOf(model: Model, id: string): ChatState {
  const there = model.chats.get(id);
  if (there !== undefined) return there;
  const chat: ChatState = {
    id,
    kind: id.startsWith('g.') ? 'group' : 'direct',
    title: '',
    peer: null,
    head: 0,
    read: 0,
    items: [],
    members: new Map(),
    counts: null,
    typing: new Set(),
    abouts: new Map(),
    from: null,
    more: true,
    left: false,
    touched: 0,
  };
  model.chats.set(id, chat);
  return chat;
}

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
  chat.from = Math.min(chat.from ?? page.from, page.from);
  chat.more = page.more && page.from > 1;
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

export function onReceipt(model: Model, { chat: id, user, delivered, read }: Receipt): void {
  const chat = chatOf(model, id);
  if (user === model.me) chat.read = Math.max(chat.read, read);
  const before = chat.members.get(user) ?? { role: 'member', delivered: 0, read: 0 };
  chat.members.set(user, {
    role: before.role,
    delivered: Math.max(before.delivered, delivered),
    read: Math.max(before.read, read),
  });
}

export function onCounts(model: Model, counts: Counts): void {
  chatOf(model, counts.chat).counts = counts;
}

export function onTyping(
  model: Model,
  event: { readonly chat: string; readonly user: string; readonly on: boolean },
): void {
  const { typing } = chatOf(model, event.chat);
  if (event.on && event.user !== model.me) typing.add(event.user);
  else typing.delete(event.user);
}

export function onPresence(model: Model, presence: Presence): void {
  model.presence.set(presence.user, presence);
}

export function onConnection(model: Model, state: ClientState, now: number): void {
  model.connection = state;
  model.retryAt = state.is === 'reconnecting' ? now + state.inMs : 0;
  if (state.is === 'online') return;
  // Nobody tells us any more: what is not known is not shown.
  model.presence.clear();
  for (const { typing } of model.chats.values()) typing.clear();
}

/** All chats of the user: one that is missing was left. */
export function onSummaries(model: Model, summaries: readonly ChatSummary[]): void {
  const there = new Set(summaries.map(({ chat }) => chat));
  for (const chat of model.chats.values()) if (chat.head > 0) chat.left = !there.has(chat.id);
  for (const summary of summaries) {
    const chat = chatOf(model, summary.chat);
    chat.kind = summary.kind;
    chat.title = summary.title;
    chat.peer = summary.peer ?? chat.peer;
    chat.head = Math.max(chat.head, summary.head);
    chat.read = Math.max(chat.read, summary.read);
    chat.left = false;
  }
}

export function onInfo(model: Model, info: ChatInfo): void {
  const chat = chatOf(model, info.chat);
  chat.kind = info.kind;
  chat.title = info.title;
  chat.head = Math.max(chat.head, info.head);
  chat.members.clear();
  for (const { user, role, delivered, read } of info.members) {
    chat.members.set(user, { role, delivered, read });
    if (user === model.me) chat.read = Math.max(chat.read, read);
    else if (info.kind === 'direct') chat.peer = user;
  }
  chat.left = !chat.members.has(model.me);
}

// —— what follows ——

export const activeChat = (model: Model): ChatState | null =>
  model.active === null ? null : (model.chats.get(model.active) ?? null);

export const othersOf = (model: Model, chat: ChatState): string[] =>
  [...chat.members.keys()].filter((user) => user !== model.me);

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

export interface Progress {
  readonly status: MessageStatus;
  readonly delivered: number;
  readonly read: number;
  /** How many others there are; 0 while that is not known. */
  readonly others: number;
}

/** How far an own message is, from all that was heard. */
export function progressOf(model: Model, chat: ChatState, item: Item): Progress {
  const { seq, status } = item;
  if (seq === null || status === 'failed' || status === 'queued')
    return { status: status ?? 'queued', delivered: 0, read: 0, others: 0 };
  const others = othersOf(model, chat).flatMap((user) => chat.members.get(user) ?? []);
  const counts = chat.counts !== null && chat.counts.seq >= seq ? chat.counts : null;
  const count = Math.max(others.length, counts?.members ?? 0);
  const read = Math.max(others.filter((one) => one.read >= seq).length, counts?.read ?? 0);
  const delivered = Math.max(read, others.filter((one) => one.delivered >= seq).length, counts?.delivered ?? 0);
  const byAll = (reached: number): boolean => count > 0 && reached >= count;
  if (status === 'read' || byAll(read)) return { status: 'read', delivered, read, others: count };
  const all = status === 'delivered' || byAll(delivered);
  return { status: all ? 'delivered' : 'sent', delivered, read, others: count };
}
