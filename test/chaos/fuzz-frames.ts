// What an attacker says that is well formed: random frames of every op from the frame table, and hostile ones made by hand. Test code.
import fc from 'fast-check';
import { arbitraries, FRAME_NAMES } from '../../protocol/arbitraries.ts';
import {
  type ClientFrame,
  directChatId,
  encodeFrame,
  FRAMES,
  LIMITS,
  OP,
  type ServerFrame,
} from '../../protocol/index.ts';
import type { Random } from './fuzz-random.ts';

/** Whom and what it aims at. */
export interface Targets {
  readonly honestUsers: readonly string[];
  readonly honestChats: readonly string[];
  readonly attackers: readonly string[];
}
export interface Speaker {
  readonly user: string;
  readonly device: string;
  readonly otherToken: string;
  readonly token: string;
  readonly received: readonly { readonly chat: string; readonly seq: number }[];
  /** Chats that it made, or found. */
  readonly chats: readonly string[];
  nextRef(): number;
}

const POOL_EACH = 120;
const SAFE = Number.MAX_SAFE_INTEGER;

/** Random valid frames, by name; drawn once, since drawing costs more than sending. */
export function framePool(seed: number): ReadonlyMap<string, readonly (ClientFrame | ServerFrame)[]> {
  const { frameOf } = arbitraries(fc);
  return new Map(FRAME_NAMES.map((name) => [name, fc.sample(frameOf(name), { seed, numRuns: POOL_EACH })]));
}
export const isClientOp = (op: number): boolean =>
  Object.values(FRAMES).some((f) => f.op === op && f.from !== 'server');

/** A random frame, often aimed at something that exists, so that it gets past the first check. */
export function aimed(frame: ClientFrame, t: Targets, who: Speaker, r: Random): ClientFrame {
  const copy: Record<string, unknown> = { ...frame };
  if ('ref' in copy) copy.ref = who.nextRef();
  if ('chat' in copy && r.chance(0.7)) copy.chat = someChat(t, who, r);
  if ('user' in copy && r.chance(0.5)) copy.user = someUser(t, r);
  if ('users' in copy && r.chance(0.5)) copy.users = users(t, r, r.below(6));
  if ('token' in copy && r.chance(0.5)) copy.token = r.chance(0.5) ? who.token : who.otherToken;
  return copy as unknown as ClientFrame;
}

const someUser = (t: Targets, r: Random): string =>
  r.pick([...t.attackers, ...t.honestUsers, `nobody${r.below(500)}`, `nobody${r.below(500)}`]);
const someChat = (t: Targets, who: Speaker, r: Random): string => {
  const from = r.below(8);
  if (from === 0) return r.pick(t.honestChats);
  if (from === 1) return directChatId(someUser(t, r), someUser(t, r));
  return who.chats.length > 0 ? r.pick(who.chats) : `c${r.below(500)}`;
};
const users = (t: Targets, r: Random, count: number): string[] => Array.from({ length: count }, () => someUser(t, r));
const number = (r: Random): number => r.pick([0, 1, 2, r.below(50), r.below(5_000), 2 ** 32, SAFE - 1, SAFE]);
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const messageId = (r: Random): string => `m${r.below(3_000)}`;

type Hostile = (t: Targets, who: Speaker, r: Random) => ClientFrame[];
const times = (count: number, make: (n: number) => ClientFrame): ClientFrame[] =>
  Array.from({ length: count }, (_, n) => make(n));
const send = (
  chat: string,
  id: string,
  body: Uint8Array,
  retry: boolean,
  after: string | null = null,
  about: number | null = null,
) => ({ op: OP.SEND_MESSAGE, chat, id, type: 0, body, about, after, retry }) as const;

export const HOSTILE: Readonly<Record<string, Hostile>> = {
  acksOfNothing: (t, who, r) => [
    {
      op: OP.MESSAGE_ACK,
      acks: times(r.pick([1, 3, LIMITS.acksPerFrameMax]), () => ({}) as ClientFrame).map(() => ({
        chat: someChat(t, who, r),
        seq: number(r),
      })),
    },
  ],
  acksOfWhatCame: (_, who, r) =>
    who.received.length === 0 ? [] : [{ op: OP.MESSAGE_ACK, acks: who.received.slice(-r.between(1, 64)) }],
  readOfOthers: (t, who, r) =>
    times(r.pick([1, 1, 30]), () => ({ op: OP.READ, chat: someChat(t, who, r), seq: number(r) })),
  absurdHistory: (t, who, r) => [
    {
      op: OP.HISTORY,
      ref: who.nextRef(),
      chat: someChat(t, who, r),
      from: number(r),
      limit: r.pick([0, 1, 37, 100]),
      back: r.chance(0.5),
    },
  ],
  sendToOthers: (t, who, r) => [
    send(
      r.pick(t.honestChats),
      messageId(r),
      text('you should never see this'),
      r.chance(0.3),
      r.chance(0.3) ? messageId(r) : null,
    ),
    send(
      someChat(t, who, r),
      messageId(r),
      r.bytes(r.below(200)),
      r.chance(0.3),
      null,
      r.chance(0.3) ? number(r) : null,
    ),
  ],
  spam: (t, who, r) => [send(directChatId(who.user, r.pick(t.honestUsers)), messageId(r), text('spam'), r.chance(0.2))],
  talk: (t, who, r) =>
    times(r.pick([1, 10]), () => send(someChat(t, who, r), messageId(r), r.bytes(r.below(300)), false)),
  large: (t, who, r) =>
    times(3, () =>
      send(someChat(t, who, r), messageId(r), new Uint8Array(r.pick([30_000, 61_000, LIMITS.bodyBytesMax])), false),
    ),
  retryFlood: (t, who, r) => {
    const [chat, id] = [someChat(t, who, r), messageId(r)];
    return times(20, () => send(chat, id, text('again'), true));
  },
  typing: (t, who, r) => times(r.pick([1, 50]), (n) => ({ op: OP.TYPING, chat: someChat(t, who, r), on: n % 2 === 0 })),
  watching: (t, _, r) => [
    { op: OP.WATCH_PRESENCE, users: users(t, r, r.pick([0, 1, 20, LIMITS.watchedUsersMax])), on: r.chance(0.7) },
  ],
  blockStorm: (t, who, r) => {
    const user = r.pick([...t.attackers, who.user, `nobody${r.below(300)}`]);
    return times(r.pick([1, 10]), (n) => ({ op: OP.BLOCK, ref: who.nextRef(), user, on: n % 2 === 0 }));
  },
  blockHonest: (t, who, r) => [{ op: OP.BLOCK, ref: who.nextRef(), user: r.pick(t.honestUsers), on: r.chance(0.5) }],
  directs: (t, who, r) => [
    {
      op: OP.CREATE_CHAT,
      ref: who.nextRef(),
      kind: 0,
      id: messageId(r),
      members: r.pick([[], [who.user], [someUser(t, r)], users(t, r, 2)]),
      title: r.pick(['', 'x']),
    },
  ],
  groups: (t, who, r) => {
    const one = someUser(t, r);
    const members = r.pick([
      [],
      [who.user],
      [one, one, one],
      [who.user, one, who.user],
      users(t, r, 8),
      users(t, r, LIMITS.membersPerChangeMax),
    ]);
    return [
      {
        op: OP.CREATE_CHAT,
        ref: who.nextRef(),
        kind: 1,
        id: `g${r.below(40)}`,
        members,
        title: r.pick(['', '\u0000', '💥'.repeat(64)]),
      },
    ];
  },
  changes: (t, who, r) => [
    {
      op: OP.CHANGE_CHAT,
      ref: who.nextRef(),
      chat: someChat(t, who, r),
      id: messageId(r),
      change: r.below(5),
      users: users(t, r, r.pick([0, 1, 1, 3, 100])),
      role: r.below(3),
      title: r.pick(['', 'new']),
    },
  ],
  honestGroup: (t, who, r) => [
    {
      op: OP.CHANGE_CHAT,
      ref: who.nextRef(),
      chat: r.pick(t.honestChats),
      id: messageId(r),
      change: r.below(5),
      users: [r.pick([who.user, ...t.honestUsers])],
      role: 2,
      title: 'mine now',
    },
  ],
  lists: (t, who, r) => [
    {
      op: OP.LIST_CHATS,
      ref: who.nextRef(),
      after: r.pick([null, 'zzzz', someChat(t, who, r)]),
      limit: r.pick([0, 1, 50]),
    },
    { op: OP.CHAT_INFO, ref: who.nextRef(), chat: someChat(t, who, r), after: r.pick([null, someUser(t, r)]) },
    { op: OP.LIST_DEVICES, ref: who.nextRef() },
  ],
  privacy: (_, who, r) => [{ op: OP.SET_PRIVACY, ref: who.nextRef(), presence: r.below(3) }],
  tokens: (_, who, r) => [
    { op: OP.TOKEN, ref: who.nextRef(), token: r.pick([who.token, who.otherToken, 'x.y.z', '']) },
  ],
  devices: (_, who, r) => [
    { op: OP.REMOVE_DEVICE, ref: who.nextRef(), device: r.chance(0.2) ? who.device : `d${r.below(9)}` },
  ],
  heartbeats: (_, _who, r) => times(r.pick([1, 20]), () => ({ op: OP.HEARTBEAT, n: number(r) })),
  goodbye: () => [{ op: OP.BYE }],
};
export const HOSTILE_NAMES = Object.keys(HOSTILE);

/** First frames that should not lead to a WELCOME; some are valid, and do. */
export function badHello(who: Speaker, r: Random): Uint8Array {
  const hello = {
    op: OP.HELLO,
    version: 1,
    token: who.token,
    device: who.device,
    agent: 'fuzz',
    sync: null,
    known: [],
  } as const;
  const known = Array.from({ length: LIMITS.knownChatsMax }, (_, n) => ({ chat: `c${n}`, seq: number(r) }));
  return r.pick([
    () => encodeFrame({ ...hello, version: 0 }),
    () => encodeFrame({ ...hello, version: 255, known }),
    () => encodeFrame({ ...hello, token: '' }),
    () => encodeFrame({ ...hello, token: who.token.slice(0, -3) }),
    () => encodeFrame({ ...hello, token: `${who.token.split('.')[0]}..` }),
    () => encodeFrame({ ...hello, sync: 'never given' }),
    () => encodeFrame({ op: OP.HEARTBEAT, n: 1 }),
    () => encodeFrame({ op: OP.LIST_CHATS, ref: 1, after: null, limit: 1 }),
    () => encodeFrame({ op: OP.BYE }),
    () => r.bytes(r.below(100)),
  ])();
}
