// What an application that shows chats knows of each: how far all are, who types, who is online. Plain state that events move; no
// clock, no client, no screen. How a line of a chat looks (`Item`), and where it stands, is for the terminal and for the page to say.
import { TYPE } from '../../protocol/index.ts';
import type { ChatEntry, ChatInfo, ChatSummary, ClientState, Counts, Presence, Receipt } from '../core/index.ts';

/** What an entry of a chat is to a view; a ChatEntry of the client is one. */
export type EntryLike = Pick<
  ChatEntry,
  'chat' | 'seq' | 'sender' | 'id' | 'ts' | 'type' | 'text' | 'body' | 'about' | 'change'
>;
export interface MemberState {
  readonly role: string;
  readonly delivered: number;
  readonly read: number;
}
export interface ChatOf<Item> {
  readonly id: string;
  kind: 'direct' | 'group';
  title: string;
  peer: string | null;
  head: number;
  /** How far this user has read, on any device. */
  read: number;
  /** In the order of the chat; what waits to be sent comes last. */
  items: Item[];
  readonly members: Map<string, MemberState>;
  counts: Counts | null;
  readonly typing: Set<string>;
  /** Edits, deletions and reactions by their own number. */
  readonly abouts: Map<number, EntryLike>;
  /** The first number from which all is here; null before the first page. */
  from: number | null;
  /** There is more before `from`. */
  more: boolean;
  /** Not a member any more. */
  left: boolean;
  /** When something last happened, for the order of the list. */
  touched: number;
}
export interface ChatsOf<Item> {
  readonly me: string;
  readonly device: string;
  connection: ClientState;
  /** When the next attempt follows, while reconnecting; milliseconds since 1970. */
  retryAt: number;
  readonly chats: Map<string, ChatOf<Item>>;
  active: string | null;
  readonly presence: Map<string, Presence>;
}

export function newChats<Item>(me: string, device: string): ChatsOf<Item> {
  const connection: ClientState = { is: 'connecting' };
  return { me, device, connection, retryAt: 0, chats: new Map(), active: null, presence: new Map() };
}

export function chatOf<Item>(all: ChatsOf<Item>, id: string): ChatOf<Item> {
  const there = all.chats.get(id);
  if (there !== undefined) return there;
  const chat: ChatOf<Item> = {
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
  all.chats.set(id, chat);
  return chat;
}

export const activeChat = <Item>(all: ChatsOf<Item>): ChatOf<Item> | null =>
  all.active === null ? null : (all.chats.get(all.active) ?? null);

export const othersOf = <Item>(all: ChatsOf<Item>, chat: ChatOf<Item>): string[] =>
  [...chat.members.keys()].filter((user) => user !== all.me);

/** Says something about an earlier entry, and is no line of its own. */
export const isAbout = ({ type }: EntryLike): boolean =>
  type === TYPE.edit || type === TYPE.delete || type === TYPE.reaction;

// —— what the client tells ——

/** A page that ends where what is here begins, or at the newest; its entries were shown one by one. */
export function pageShown<Item>(chat: ChatOf<Item>, page: { readonly from: number; readonly more: boolean }): void {
  chat.from = Math.min(chat.from ?? page.from, page.from);
  chat.more = page.more && page.from > 1;
}

export function onReceipt<Item>(all: ChatsOf<Item>, { chat: id, user, delivered, read }: Receipt): void {
  const chat = chatOf(all, id);
  if (user === all.me) chat.read = Math.max(chat.read, read);
  raise(chat, user, delivered, read);
}

/** Cursors only grow, in whatever order they are heard of. */
export function raise<Item>(chat: ChatOf<Item>, user: string, delivered: number, read: number): void {
  const before = chat.members.get(user) ?? { role: 'member', delivered: 0, read: 0 };
  chat.members.set(user, {
    role: before.role,
    delivered: Math.max(before.delivered, delivered),
    read: Math.max(before.read, read),
  });
}

export function onCounts<Item>(all: ChatsOf<Item>, counts: Counts): void {
  chatOf(all, counts.chat).counts = counts;
}

export function onTyping<Item>(
  all: ChatsOf<Item>,
  event: { readonly chat: string; readonly user: string; readonly on: boolean },
): void {
  const { typing } = chatOf(all, event.chat);
  if (event.on && event.user !== all.me) typing.add(event.user);
  else typing.delete(event.user);
}

export function onPresence<Item>(all: ChatsOf<Item>, presence: Presence): void {
  all.presence.set(presence.user, presence);
  if (!presence.online) for (const { typing } of all.chats.values()) typing.delete(presence.user);
}

export function onConnection<Item>(all: ChatsOf<Item>, state: ClientState, now: number): void {
  all.connection = state;
  all.retryAt = state.is === 'reconnecting' ? now + state.inMs : 0;
  if (state.is === 'online') return;
  // Nobody tells us any more: what is not known is not shown.
  all.presence.clear();
  for (const { typing } of all.chats.values()) typing.clear();
}

export function onSummary<Item>(all: ChatsOf<Item>, summary: ChatSummary): void {
  const chat = chatOf(all, summary.chat);
  chat.kind = summary.kind;
  chat.title = summary.title;
  chat.peer = summary.peer ?? chat.peer;
  chat.head = Math.max(chat.head, summary.head);
  chat.read = Math.max(chat.read, summary.read);
}

export function onInfo<Item>(all: ChatsOf<Item>, info: ChatInfo): void {
  const chat = chatOf(all, info.chat);
  chat.kind = info.kind;
  chat.title = info.title;
  chat.head = Math.max(chat.head, info.head);
  chat.members.clear();
  for (const { user, role, delivered, read } of info.members) {
    chat.members.set(user, { role, delivered, read });
    if (user === all.me) chat.read = Math.max(chat.read, read);
    else if (info.kind === 'direct') chat.peer = user;
  }
  chat.left = !chat.members.has(all.me);
}
