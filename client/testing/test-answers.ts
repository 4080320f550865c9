// Answers of the in-memory server that follow from what it holds, as frames. Pure functions.
import { CHAT_KIND, type Frame, LIMITS, OP } from '../../protocol/index.ts';
import type { TestChat } from './test-chat.ts';
import type { TestDevice } from './test-devices.ts';

/** A page of the chats of a user. */
export function chatsOf(all: Iterable<TestChat>, user: string, frame: Frame<'LIST_CHATS'>): Frame<'CHATS'> {
  const { ref, after, limit } = frame;
  const mine = [...all].filter((chat) => chat.isMember(user)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const rest = mine.filter(({ id }) => after === null || id > after);
  const chats = rest.slice(0, limit).map((chat) => summaryOf(chat, user));
  return { op: OP.CHATS, ref, chats, next: rest.length > limit ? (chats.at(-1)?.chat ?? null) : null };
}

export function devicesOf(all: Iterable<TestDevice>, user: string, ref: number): Frame<'DEVICES'> {
  const mine = [...all].filter((device) => device.user === user);
  const devices = mine.map(({ device, agent, seen, socket }) => ({ device, agent, seen, online: socket !== null }));
  return { op: OP.DEVICES, ref, devices };
}

export function presenceOf(all: Iterable<TestDevice>, user: string): Frame<'PRESENCE'> {
  const mine = [...all].filter((device) => device.user === user);
  const seen = Math.max(0, ...mine.map((device) => device.seen));
  return { op: OP.PRESENCE, user, online: mine.some(({ socket }) => socket !== null), lastSeen: seen || null };
}

/** How many have the newest message of a group, for its sender. */
export function countsOf(chat: TestChat, last: Frame<'RECEIVE_MESSAGE'>): Frame<'COUNTS'> {
  const others = [...chat.members]
    .filter(([user]) => user !== last.sender && chat.isMember(user))
    .map(([, one]) => one);
  const delivered = others.filter((one) => one.delivered >= last.seq).length;
  const read = others.filter((one) => one.read >= last.seq).length;
  return { op: OP.COUNTS, chat: chat.id, seq: last.seq, delivered, read, members: others.length };
}

type Summary = Frame<'CHATS'>['chats'][number];
function summaryOf(chat: TestChat, user: string): Summary {
  const { id, kind, title } = chat;
  const { delivered, read, role } = chat.members.get(user) ?? { delivered: 0, read: 0, role: 0 };
  const other = [...chat.members.keys()].find((one) => one !== user) ?? user;
  return {
    chat: id,
    kind,
    title,
    peer: kind === CHAT_KIND.direct ? other : null,
    head: chat.headFor(user),
    delivered,
    read,
    role,
  };
}

export function infoOf(chat: TestChat, { ref, after }: Frame<'CHAT_INFO'>): Frame<'CHAT'> {
  const all = [...chat.members].filter(([user]) => chat.isMember(user)).sort(([a], [b]) => (a < b ? -1 : 1));
  const rest = all.filter(([user]) => after === null || user > after);
  const page = rest.slice(0, LIMITS.membersPerChangeMax);
  const members = page.map(([user, { role, delivered, read }]) => ({ user, role, delivered, read }));
  const next = rest.length > page.length ? (members.at(-1)?.user ?? null) : null;
  return {
    op: OP.CHAT,
    ref,
    chat: chat.id,
    kind: chat.kind,
    title: chat.title,
    head: chat.head,
    count: all.length,
    members,
    next,
  };
}
