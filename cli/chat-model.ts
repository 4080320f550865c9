// What a terminal chat knows: chats, their entries, how far others are, who types, who is online. Plain state that events move; no
// clock, no client, no terminal. The session feeds it, the views show it. What it shares with the page is in client/view/.
import type { MessageStatus } from '../client/index.ts';
import {
  type ChatOf,
  type ChatsOf,
  chatOf,
  type EntryLike,
  isAbout,
  newChats,
  othersOf,
  pageShown,
  raise,
} from '../client/view/index.ts';
import { TYPE } from '../protocol/index.ts';
import { changeWords } from './chat-words.ts';

export {
  activeChat,
  chatOf,
  type EntryLike,
  onConnection,
  onCounts,
  onInfo,
  onPresence,
  onReceipt,
  onSummary,
  onTyping,
} from '../client/view/index.ts';

export interface Item {
  readonly is: 'message' | 'change' | 'notice';
  /** The sender's id for it; that of a notice is its own. */
  readonly id: string;
  /** Null while it is not sent, and for notices. */
  seq: number | null;
  /** Where it stands: its number, or behind the number that was the last when it came. */
  order: number;
  readonly sender: string;
  readonly at: number;
  text: string;
  /** What was heard of an own message itself. */
  status: MessageStatus | null;
  /** Why it failed. */
  fault: string | null;
  edited: boolean;
  reactions: string[];
  /** The number of the message that this one answers. */
  readonly about: number | null;
}
export type ChatState = ChatOf<Item>;
export interface Model extends ChatsOf<Item> {
  /** Anybody may be this user. */
  demo: boolean;
}
export interface OwnMessage {
  readonly chat: string;
  readonly id: string;
  readonly at: number;
  readonly text: string;
}

/** Entries of one chat that are kept; older ones come back from history. */
export const ITEMS_MAX = 2_000;

export const newModel = (me: string, device: string): Model => ({ ...newChats<Item>(me, device), demo: false });

/** What a person calls it. */
export function nameOf(model: Model, chat: ChatState): string {
  if (chat.kind === 'group') return chat.title === '' ? chat.id : chat.title;
  const peer = chat.peer ?? othersOf(model, chat)[0] ?? null;
  if (peer !== null) return peer === model.me ? `${peer} (you)` : peer;
  return chat.members.size === 1 ? `${model.me} (you)` : chat.id;
}

/** Last touched first. */
export function chatList(model: Model): ChatState[] {
  return [...model.chats.values()].filter(({ left }) => !left).sort((a, b) => b.touched - a.touched);
}

export function unreadOf(model: Model, chat: ChatState): number {
  const own = chat.items.filter(({ seq, sender }) => seq !== null && seq > chat.read && sender === model.me).length;
  return Math.max(0, chat.head - chat.read - own);
}

// —— events ——

/** True when the entry is new here. */
export function onEntry(model: Model, entry: EntryLike): boolean {
  const chat = chatOf(model, entry.chat);
  const { seq, sender, change } = entry;
  // What history tells of membership is the past; only news change what is known.
  if (change !== null && (seq > chat.head || chat.members.size === 0)) noteChange(model, chat, sender, change);
  chat.head = Math.max(chat.head, seq);
  chat.touched = Math.max(chat.touched, entry.ts);
  if (sender !== model.me) chat.typing.delete(sender);
  if (chat.members.has(sender)) raise(chat, sender, seq, 0);
  const waiting = chat.items.findIndex(
    (item) => item.id === entry.id && item.sender === sender && item.is === 'message',
  );
  const there = waiting >= 0 ? waiting : chat.items.findIndex((item) => item.seq === seq);
  const known = chat.items[there];
  if (known?.seq === seq && known.status === null) return false;
  if (isAbout(entry)) {
    if (chat.abouts.has(seq)) return false;
    chat.abouts.set(seq, entry);
    const target = chat.items.find((item) => item.seq === entry.about);
    if (target !== undefined) apply(target, entry);
    return true;
  }
  const item = itemOf(model, entry);
  if (known !== undefined) {
    chat.items.splice(there, 1);
    item.status = known.status;
  }
  for (const about of chat.abouts.values()) if (about.about === seq) apply(item, about);
  place(chat, item);
  return known === undefined;
}

/** A page of history: everything from `from` on. */
export function onPage(
  model: Model,
  id: string,
  page: { entries: readonly EntryLike[]; from: number; more: boolean },
): void {
  const chat = chatOf(model, id);
  for (const entry of page.entries) onEntry(model, entry);
  pageShown(chat, page);
}

function itemOf(model: Model, entry: EntryLike): Item {
  const { change, seq } = entry;
  return {
    is: change === null ? 'message' : 'change',
    id: entry.id,
    seq,
    order: seq,
    sender: entry.sender,
    at: entry.ts,
    text: change === null ? textOf(entry) : changeWords(entry.sender, change, model.me),
    status: null,
    fault: null,
    edited: false,
    reactions: [],
    about: entry.about,
  };
}

function textOf({ type, text, body }: EntryLike): string {
  if (type === TYPE.text) return text;
  if (type === TYPE.ciphertext) return `[encrypted, ${body.length} bytes]`;
  return `[${type === TYPE.media ? 'media' : `type ${type}`}, ${body.length} bytes]`;
}

/** Edits and deletions of one's own change the text; reactions stand beside it. */
function apply(item: Item, { type, text, sender }: EntryLike): void {
  if (type === TYPE.reaction) item.reactions = [...item.reactions, `${text} ${sender}`].slice(-8);
  else if (item.sender === sender) {
    item.text = type === TYPE.edit ? text : '(deleted)';
    item.edited = type === TYPE.edit;
  }
}

function noteChange(model: Model, chat: ChatState, by: string, change: NonNullable<EntryLike['change']>): void {
  const join = (user: string): void => {
    if (!chat.members.has(user)) chat.members.set(user, { role: 'member', delivered: 0, read: 0 });
  };
  const gone = (user: string): void => {
    chat.members.delete(user);
    chat.typing.delete(user);
    if (user === model.me) chat.left = true;
  };
  switch (change.type) {
    case TYPE.created:
      chat.kind = change.kind === 0 ? 'direct' : 'group';
      if (chat.title === '') chat.title = change.title;
      for (const [user] of change.members) join(user);
      return;
    case TYPE.added:
      change.users.forEach(join);
      if (change.users.includes(model.me)) chat.left = false;
      return;
    case TYPE.removed:
      change.users.forEach(gone);
      return;
    case TYPE.left:
      gone(by);
      return;
    case TYPE.renamed:
      chat.title = change.title;
  }
}

/** Puts an item where it belongs: by its number; without one, last. */
function place(chat: ChatState, item: Item): void {
  let at = chat.items.length;
  while (at > 0 && (chat.items[at - 1]?.order ?? 0) > item.order) at--;
  chat.items.splice(at, 0, item);
  if (chat.items.length <= ITEMS_MAX) return;
  chat.items.splice(0, chat.items.length - ITEMS_MAX);
  chat.from = chat.items.find(({ seq }) => seq !== null)?.seq ?? null;
  chat.more = true;
}

/** An own message on its way. */
export function onQueued(model: Model, message: OwnMessage): void {
  const chat = chatOf(model, message.chat);
  chat.touched = Math.max(chat.touched, message.at);
  place(chat, {
    is: 'message',
    id: message.id,
    seq: null,
    order: Number.POSITIVE_INFINITY,
    sender: model.me,
    at: message.at,
    text: message.text,
    status: 'queued',
    fault: null,
    edited: false,
    reactions: [],
    about: null,
  });
}

export function onStatus(
  model: Model,
  id: { readonly chat: string; readonly id: string },
  status: MessageStatus,
  seq: number | null,
  fault: string | null = null,
): void {
  const chat = chatOf(model, id.chat);
  const at = chat.items.findIndex((item) => item.id === id.id && item.sender === model.me);
  const item = chat.items[at];
  if (item === undefined) return;
  item.status = status;
  item.fault = fault;
  if (seq === null || item.seq !== null) return;
  item.seq = seq;
  item.order = seq;
  chat.head = Math.max(chat.head, seq);
  chat.items.splice(at, 1);
  place(chat, item);
}

/** Words for this terminal only, at the end of a chat. */
export function addNotice(chat: ChatState, id: string, text: string, at: number): void {
  const last = chat.items.findLast(({ order }) => order !== Number.POSITIVE_INFINITY);
  place(chat, {
    is: 'notice',
    id,
    seq: null,
    order: last?.order ?? 0,
    sender: '',
    at,
    text,
    status: null,
    fault: null,
    edited: false,
    reactions: [],
    about: null,
  });
}

// —— what follows ——

/** Names that one may want to type, sorted. */
export function knownUsers(model: Model): string[] {
  const users = new Set(model.presence.keys());
  for (const chat of model.chats.values()) {
    if (chat.peer !== null) users.add(chat.peer);
    for (const user of chat.members.keys()) users.add(user);
  }
  users.delete(model.me);
  return [...users].sort();
}
