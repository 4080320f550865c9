// How the actors' mutable rows are stored: MessagePack arrays, first element a version of the format. Encoding only.
import { Packr } from 'msgpackr';
import type { Member, Members } from './members.ts';

const packr = new Packr({ useRecords: false });
const pack = (value: unknown): Uint8Array => packr.pack(value);
const unpack = (bytes: Uint8Array): unknown[] => {
  const value: unknown = packr.unpack(bytes);
  if (!Array.isArray(value) || value[0] !== 1)
    throw new Error('a stored row has a format that this version does not know');
  return value;
};

/** A chat as of entry `upTo`: its settings and members, without cursors. */
export function encodeChat(members: Members, blockers: ReadonlySet<string>, upTo: number): Uint8Array {
  const all = [...members.all.values()].map((m) => [m.user, m.role, m.spans.flatMap((s) => [s.from, s.to])]);
  return pack([1, upTo, members.created, members.kind, members.title, all, [...blockers]]);
}

export function decodeChat(bytes: Uint8Array, members: Members, blockers: Set<string>): number {
  const [, upTo, created, kind, title, all, by] = unpack(bytes) as [
    1,
    number,
    boolean,
    number,
    string,
    [string, number, number[]][],
    string[],
  ];
  members.created = created;
  members.kind = kind;
  members.title = title;
  for (const [user, role, flat] of all) {
    const spans: Member['spans'] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) spans.push({ from: flat[i] ?? 0, to: flat[i + 1] ?? 0 });
    members.all.set(user, {
      user,
      role,
      spans,
      delivered: 0,
      read: 0,
      settled: (spans[spans.length - 1]?.from ?? 1) - 1,
    });
    if (spans[spans.length - 1]?.to === 0) members.present++;
  }
  for (const user of by) blockers.add(user);
  return upTo;
}

export const encodeCursor = (m: Member): Uint8Array => pack([1, m.delivered, m.read, m.settled]);
export function decodeCursor(bytes: Uint8Array, m: Pick<Member, 'delivered' | 'read' | 'settled'>): void {
  const [, delivered, read, settled] = unpack(bytes) as [1, number, number, number];
  m.delivered = Math.max(m.delivered, delivered);
  m.read = Math.max(m.read, read);
  m.settled = Math.max(m.settled, settled);
}

export interface UserRow {
  presence: number;
  lastSeen: number | null;
  blocked: string[];
}
export const encodeUser = (u: UserRow): Uint8Array => pack([1, u.presence, u.lastSeen, u.blocked]);
export function decodeUser(bytes: Uint8Array): UserRow {
  const [, presence, lastSeen, blocked] = unpack(bytes) as [1, number, number | null, string[]];
  return { presence, lastSeen, blocked };
}

/** `sync` names this registration of the device, which began at `since`; `cursor` is how much of the inbox it has acked. */
export interface DeviceRow {
  readonly sync: string;
  readonly cursor: number;
  readonly agent: string;
  readonly seen: number;
  /** ms since 1970; 0 in rows of before it was stored. */
  readonly since: number;
}
export const encodeDevice = (d: DeviceRow): Uint8Array => pack([1, d.sync, d.cursor, d.agent, d.seen, d.since]);
export function decodeDevice(bytes: Uint8Array): DeviceRow {
  const [, sync, cursor, agent, seen, since = 0] = unpack(bytes) as [1, string, number, string, number, number?];
  return { sync, cursor, agent, seen, since };
}

/** An inbox entry points at a chat's entry; short frames ride along, so that a page costs one read. */
export interface InboxEntry {
  readonly chat: string;
  readonly n: number;
  readonly frame: Uint8Array | null;
}
export const encodeInbox = (e: InboxEntry): Uint8Array => pack([1, e.chat, e.n, e.frame]);
export function decodeInbox(bytes: Uint8Array): InboxEntry {
  const [, chat, n, frame] = unpack(bytes) as [1, string, number, Uint8Array | null];
  return { chat, n, frame };
}

/** A chat in a user's list. `left` 0 while a member. */
export const encodeUserChat = (left: number): Uint8Array => pack([1, left]);
export const decodeUserChat = (bytes: Uint8Array): number => (unpack(bytes) as [1, number])[1];
