// What a terminal chat knows: chats, their entries, how far others are, who types, who is online. Plain state that events move; no
// clock, no client, no terminal. The session feeds it, the views show it.
import type { ChatInfo, ChatSummary, ClientState, Counts, MessageStatus, Presence, Receipt } from '../client/index.ts';
import { TYPE } from '../protocol/index.ts';
import { changeWords } from './chat-words.ts';

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
export interface MemberState {
  role: string;
  delivered: number;
  read: number;
}
export interface ChatState {
  readonly id: string;
  kind: 'direct' | 'group';
  title: string;
  peer: string | null;
  head: number;
  /** How far this user has read, on any device. */
  read: number;
  /** In the order of the chat; what waits to be sent comes last. */
  readonly items: Item[];
  readonly members: Map<string, MemberState>;
  counts: Counts | null;
  readonly typing: Set<string>;
  /** Edits, deletions and reactions by their number. */
  readonly abouts: Map<number, EntryLike>;
  /** The first entry that is here in one piece with the last; null before the first page. */
  from: number | null;
  /** There is more before `from`. */
  more: boolean;
  /** Not a member any more. */
  left: boolean;
  /** When something last happened, for the order of the list. */
  touched: number;
}
export interface Model {
  readonly me: string;
  readonly device: string;
  /** Anybody may be this user. */
  demo: boolean;
  connection: ClientState;
  /** When the next attempt follows, while reconnecting. */
  retryAt: number;
  readonly chats: Map<string, ChatState>;
  active: string | null;
  readonly presence: Map<string, Presence>;
}
/** What an entry of a chat is to the model; a ChatEntry of the client is one. */
export interface EntryLike {
  readonly chat: string;
  readonly seq: number;
  readonly sender: string;
  readonly id: string;
  readonly ts: number;
  readonly type: number;
  readonly text: string;
  readonly body: Uint8Array;
  readonly about: number | null;
  readonly change: Parameters<typeof changeWords>[1] | null;
}
export interface OwnMessage {
  readonly chat: string;
  readonly id: string;
  readonly at: number;
  readonly text: string;
}

/** Entries of one chat that are kept; older ones come back from history. */
export const ITEMS_MAX = 2_000;

export function newModel(me: string, device: string): Model {
  return {
    me,
    device,
    demo: false,
    connection: { is: 'connecting' },
    retryAt: 0,
    chats: new Map(),
    active: null,
    presence: new Map(),
  };
}

export function chatOf(model: Model, id: string): ChatState {
  let chat = model.chats.get(id);
  if (chat === undefined) {
    chat = {
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
  }
  return chat;
}

export const activeChat = (model: Model): ChatState | null =>
  model.active === null ? null : (model.chats.get(model.active) ?? null);

/** What a person calls it. */
export function nameOf(model: Model, chat: ChatState): string {
  if (chat.kind === 'group') return chat.title === '' ? chat.id : chat.title;
  const peer = chat.peer ?? [...chat.members.keys()].find((user) => user !== model.me) ?? null;
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
  const member = chat.members.get(sender);
  if (member !== undefined) member.delivered = Math.max(member.delivered, seq);
  const waiting = chat.items.findIndex(
    (item) => item.id === entry.id && item.sender === sender && item.is === 'message',
  );
  const there = waiting >= 0 ? waiting : chat.items.findIndex((item) => item.seq === seq);
  const known = chat.items[there];
  if (known?.seq === seq && known.status === null) return false;
  if (entry.type === TYPE.edit || entry.type === TYPE.delete || entry.type === TYPE.reaction) {
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
  chat.from = chat.from === null ? page.from : Math.min(chat.from, page.from);
  chat.more = page.more && page.from > 1;
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

export function onReceipt(model: Model, { chat: id, user, delivered, read }: Receipt): void {
  const chat = chatOf(model, id);
  if (user === model.me) chat.read = Math.max(chat.read, read);
  const member = chat.members.get(user) ?? { role: 'member', delivered: 0, read: 0 };
  member.delivered = Math.max(member.delivered, delivered);
  member.read = Math.max(member.read, read);
  chat.members.set(user, member);
}

export function onCounts(model: Model, counts: Counts): void {
  chatOf(model, counts.chat).counts = counts;
}

export function onTyping(model: Model, { chat, user, on }: { chat: string; user: string; on: boolean }): void {
  const { typing } = chatOf(model, chat);
  if (on && user !== model.me) typing.add(user);
  else typing.delete(user);
}

export function onPresence(model: Model, presence: Presence): void {
  model.presence.set(presence.user, presence);
  if (!presence.online) for (const { typing } of model.chats.values()) typing.delete(presence.user);
}

export function onConnection(model: Model, state: ClientState, now: number): void {
  model.connection = state;
  model.retryAt = state.is === 'reconnecting' ? now + state.inMs : 0;
  if (state.is === 'online') return;
  // Nobody tells us any more: what is not known is not shown.
  model.presence.clear();
  for (const { typing } of model.chats.values()) typing.clear();
}

export function onSummary(model: Model, summary: ChatSummary): void {
  const chat = chatOf(model, summary.chat);
  chat.kind = summary.kind;
  chat.title = summary.title;
  chat.peer = summary.peer;
  chat.head = Math.max(chat.head, summary.head);
  chat.read = Math.max(chat.read, summary.read);
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
  }
  chat.left = !chat.members.has(model.me);
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
