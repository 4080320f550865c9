// The frame table: every frame of the wire, once. Types, encoder, validator, docs/protocol.md and vectors.json come from it.
// After a change run `npm run build && node scripts/protocol-docs.mjs`: it writes those, and schema.ts, the table without its
// prose, which is what the codec runs on, so that the prose is not part of a client in a browser.
// A frame is a MessagePack array [op, field, …] in the order given here; an absent optional field at the end may be left out.
import type { Field, ValueOf } from './field.ts';
import { TYPE_MAX } from './kinds.ts';
import { LIMITS } from './limits.ts';

const SAFE = Number.MAX_SAFE_INTEGER;
const uint = <const N extends number>(max: N, about: string) => ({ is: 'uint', max, about }) as const;
const bool = (about: string) => ({ is: 'bool', about }) as const;
const str = (max: number, about: string) => ({ is: 'str', max, about }) as const;
const id = (max: number, about: string) => ({ is: 'id', max, about }) as const;
const bin = (max: number, about: string) => ({ is: 'bin', max, about }) as const;
const nil = <const F extends Field>(of: F) => ({ is: 'nil', of, about: of.about }) as const;
const list = <const F extends Field>(max: number, of: F, about: string) => ({ is: 'list', of, max, about }) as const;
const tuple = <const T extends { readonly [name: string]: Field }>(of: T, about: string) =>
  ({ is: 'tuple', of, about }) as const;

const chat = id(LIMITS.chatIdCharsMax, 'chat id');
const user = id(LIMITS.userIdCharsMax, 'user id');
const device = id(LIMITS.deviceIdCharsMax, 'device id');
const messageId = id(LIMITS.messageIdCharsMax, 'client message id, unique for this device and chat');
const ref = uint(0xffff_ffff, 'chosen by the client; the answer carries it');
const seq = uint(SAFE, 'number of an entry in its chat, from 1');
const upTo = uint(SAFE, 'everything up to this number; 0 for nothing');
const ts = uint(SAFE, 'milliseconds since 1970, by the server');
const role = uint(2, '0 member, 1 admin, 2 owner');
const kind = uint(1, '0 direct, 1 group');
const known = tuple({ chat, seq: upTo }, 'a chat and what the device knows of it');

/** `from` says who may send it. Numbers below 128 are one byte on the wire. */
const frame = <
  const O extends number,
  const D extends 'client' | 'server' | 'both',
  const F extends { readonly [name: string]: Field },
>(
  op: O,
  from: D,
  about: string,
  fields: F,
) => ({ op, from, about, fields }) as const;

export const FRAMES = {
  HELLO: frame(1, 'client', 'First frame of a connection: who, which device, and what it has already.', {
    version: uint(255, 'highest wire version the client speaks; now 1'),
    token: str(LIMITS.tokenCharsMax, 'bearer token (JWT)'),
    device,
    agent: str(LIMITS.agentCharsMax, 'name and version of the client, for operators'),
    sync: nil(
      str(
        64,
        'from the last CAUGHT_UP of this device, once it holds all that came before it; nil when it starts with nothing',
      ),
    ),
    known: list(LIMITS.knownChatsMax, known, 'what the device has, most recent chats first'),
  }),
  TOKEN: frame(2, 'client', 'A fresh token before the old one expires.', {
    ref,
    token: str(LIMITS.tokenCharsMax, 'bearer token (JWT), of the same user'),
  }),
  HEARTBEAT: frame(
    3,
    'both',
    'At least every 10 s from the client when nothing else is sent; answered with the same number.',
    {
      n: uint(SAFE, 'any number; a client may use its clock to measure the round trip'),
    },
  ),
  SEND_MESSAGE: frame(4, 'client', 'A message. Answered by SENT once it is durable, or by ERROR with the same id.', {
    chat,
    id: messageId,
    type: uint(
      TYPE_MAX.client,
      "content type: 0 text (UTF-8), 1 media reference, 2 ciphertext, 3 edit, 4 delete, 5 reaction; 6 to 15 are the application's",
    ),
    body: bin(LIMITS.bodyBytesMax, 'content, opaque to the server'),
    about: nil(uint(SAFE, 'the number of the entry that this one replies to, edits, deletes or reacts to')),
    after: nil(
      id(
        LIMITS.messageIdCharsMax,
        'id of the message that this device sent to this chat just before and that is not yet acknowledged: refused with out_of_order if the server does not know it, so that order survives refusals',
      ),
    ),
    retry: bool('true when this id may have been sent before'),
  }),
  MESSAGE_ACK: frame(
    5,
    'client',
    'The device has everything of these chats up to these numbers. Cumulative; may be late by up to 50 ms.',
    {
      acks: list(LIMITS.acksPerFrameMax, known, 'chats and numbers'),
    },
  ),
  READ: frame(
    6,
    'client',
    'The user has read a chat up to a number. Once that is stored, RECEIPT of the own user says so: repeat it until then.',
    { chat, seq: upTo },
  ),
  TYPING: frame(
    7,
    'client',
    'The user types, or stopped. Never queued, first thing shed. Repeat every 3 s while typing.',
    { chat, on: bool('typing or not') },
  ),
  CREATE_CHAT: frame(
    8,
    'client',
    'Make a chat, or find the direct chat with a user. Answered by OK with the chat id.',
    {
      ref,
      kind,
      id: id(LIMITS.messageIdCharsMax, 'chosen by the client: the same id never makes a second group'),
      members: list(LIMITS.membersPerChangeMax, user, 'the other members; exactly one for a direct chat'),
      title: str(LIMITS.titleCharsMax, 'title of a group; empty for a direct chat'),
    },
  ),
  CHANGE_CHAT: frame(9, 'client', 'Change a group. Answered by OK or ERROR; the change is an entry of the log.', {
    ref,
    chat,
    id: messageId,
    change: uint(4, '0 add users, 1 remove users, 2 leave, 3 set role of users, 4 rename'),
    users: list(LIMITS.membersPerChangeMax, user, 'whom it is about; empty for leave and rename'),
    role,
    title: str(LIMITS.titleCharsMax, 'for rename'),
  }),
  HISTORY: frame(10, 'client', 'A page of a chat. Answered by HISTORY_PAGE or ERROR.', {
    ref,
    chat,
    from: uint(SAFE, 'where to start, inclusive; with back, 0 means the newest'),
    limit: uint(LIMITS.historyEntriesMax, 'entries at the most'),
    back: bool('towards older entries'),
  }),
  LIST_CHATS: frame(11, 'client', 'The chats of the user, by chat id. Answered by CHATS.', {
    ref,
    after: nil(chat),
    limit: uint(LIMITS.chatsPerPageMax, 'chats at the most'),
  }),
  CHAT_INFO: frame(12, 'client', 'Members of a chat with their cursors. Answered by CHAT.', {
    ref,
    chat,
    after: nil(user),
  }),
  WATCH_PRESENCE: frame(
    13,
    'client',
    'Start or stop hearing of the presence of users; PRESENCE comes at once and on change.',
    {
      users: list(LIMITS.watchedUsersMax, user, 'whom'),
      on: bool('start or stop'),
    },
  ),
  BLOCK: frame(14, 'client', 'Refuse, or again allow, direct messages of a user. Answered by OK.', {
    ref,
    user,
    on: bool('block or unblock'),
  }),
  SET_PRIVACY: frame(15, 'client', 'Who may see presence and last seen. Answered by OK.', {
    ref,
    presence: uint(2, '0 everyone, 1 contacts (users with a direct chat), 2 nobody'),
  }),
  LIST_DEVICES: frame(16, 'client', 'Answered by DEVICES.', { ref }),
  REMOVE_DEVICE: frame(17, 'client', 'Forget a device of the user, and close its socket. Answered by OK.', {
    ref,
    device,
  }),
  BYE: frame(18, 'client', 'The client is about to close; the server closes after answering what is in flight.', {}),

  WELCOME: frame(33, 'server', 'Sign-in done.', {
    user,
    device,
    node: str(128, 'name of the node, for support'),
    sync: str(64, 'where the device resumed; empty when it did not'),
    resumed: bool(
      'true: all that was missed follows, then CAUGHT_UP. false: GAP frames say what is to be read by HISTORY, then CAUGHT_UP',
    ),
    heartbeatMs: uint(600_000, 'send something at least this often'),
    window: uint(4_096, 'unacknowledged messages that the server will push'),
    time: ts,
    expires: nil(uint(SAFE, 'when the token expires, milliseconds since 1970')),
  }),
  SENT: frame(34, 'server', 'The message is durable: it survives the crash of any one process, and has this number.', {
    chat,
    id: messageId,
    seq,
    ts,
  }),
  RECEIVE_MESSAGE: frame(35, 'server', 'An entry of a chat: a message, or (type 16 and up) a change of the chat.', {
    chat,
    seq,
    sender: user,
    device,
    id: messageId,
    ts,
    type: uint(
      TYPE_MAX.server,
      'content type as in SEND_MESSAGE; 16 created, 17 added, 18 removed, 19 left, 20 role, 21 renamed',
    ),
    body: bin(LIMITS.bodyBytesMax, 'content; for types of 16 and up a MessagePack value, see the table of changes'),
    about: nil(uint(SAFE, 'the entry that this one points at')),
  }),
  RECEIPT: frame(36, 'server', 'How far a member of a direct chat, or another device of yourself, has got.', {
    chat,
    user,
    delivered: upTo,
    read: upTo,
  }),
  COUNTS: frame(37, 'server', 'How many of the other members of a group have your latest message.', {
    chat,
    seq,
    delivered: uint(LIMITS.membersMax, 'members who have it'),
    read: uint(LIMITS.membersMax, 'members who have read it'),
    members: uint(LIMITS.membersMax, 'other members it is for'),
  }),
  PRESENCE: frame(38, 'server', 'Presence of a watched user.', { user, online: bool('online'), lastSeen: nil(ts) }),
  TYPING_STATE: frame(39, 'server', 'A member types, or stopped. Forget it after 6 s.', {
    chat,
    user,
    on: bool('typing or not'),
  }),
  GAP: frame(
    40,
    'server',
    'Entries that are not to be waited for: read them with HISTORY if wanted. Some may be pushed all the same.',
    {
      chat,
      from: seq,
      to: seq,
    },
  ),
  CAUGHT_UP: frame(41, 'server', 'The backlog is through; what follows is live.', {
    sync: str(64, 'give it back in the next HELLO, with `known`'),
  }),
  HISTORY_PAGE: frame(
    42,
    'server',
    'All entries from `from` to `to` that are yours to see; numbers in between that are missing are not yours.',
    {
      ref,
      chat,
      from: upTo,
      to: upTo,
      more: bool('more in this direction'),
      entries: { is: 'frames', max: LIMITS.historyEntriesMax, about: 'RECEIVE_MESSAGE frames, nested, ascending' },
    },
  ),
  OK: frame(43, 'server', 'A request succeeded.', { ref, value: nil(str(64, 'the chat id for CREATE_CHAT')) }),
  ERROR: frame(44, 'server', 'A request or a message was refused.', {
    ref: nil(ref),
    chat: nil(chat),
    id: nil(messageId),
    code: str(32, 'one of the error codes'),
    retry: bool('trying the same again can help'),
    afterMs: uint(600_000, 'wait at least this long before'),
    about: str(512, 'for a developer'),
  }),
  CHATS: frame(45, 'server', 'A page of the chat list.', {
    ref,
    chats: list(
      LIMITS.chatsPerPageMax,
      tuple(
        {
          chat,
          kind,
          title: str(LIMITS.titleCharsMax, 'title'),
          peer: nil(user),
          head: upTo,
          delivered: upTo,
          read: upTo,
          role,
        },
        'one chat',
      ),
      'chats; unread is head − read',
    ),
    next: nil(chat),
  }),
  CHAT: frame(46, 'server', 'A chat with a page of its members.', {
    ref,
    chat,
    kind,
    title: str(LIMITS.titleCharsMax, 'title'),
    head: upTo,
    count: uint(LIMITS.membersMax, 'members in all'),
    members: list(
      LIMITS.membersPerChangeMax,
      tuple({ user, role, delivered: upTo, read: upTo }, 'one member'),
      'members by user id',
    ),
    next: nil(user),
  }),
  DEVICES: frame(47, 'server', 'The devices of the user.', {
    ref,
    devices: list(
      LIMITS.devicesPerUserMax,
      tuple({ device, agent: str(LIMITS.agentCharsMax, 'client'), seen: ts, online: bool('connected') }, 'one device'),
      'devices',
    ),
  }),
  GO_AWAY: frame(48, 'server', 'This socket will be closed; come back after the delay, there if a URL is given.', {
    delayMs: uint(600_000, 'wait'),
    url: nil(str(512, 'where')),
  }),
} as const;

export type FrameName = keyof typeof FRAMES;
type FieldsOf<N extends FrameName> = (typeof FRAMES)[N]['fields'];
/** The decoded form of one frame: `{ op, …fields }`. */
export type Frame<N extends FrameName> = { readonly op: (typeof FRAMES)[N]['op'] } & {
  readonly [K in keyof FieldsOf<N>]: FieldsOf<N>[K] extends Field ? ValueOf<FieldsOf<N>[K]> : never;
};
type FromClient = { [N in FrameName]: (typeof FRAMES)[N]['from'] extends 'client' | 'both' ? N : never }[FrameName];
type FromServer = { [N in FrameName]: (typeof FRAMES)[N]['from'] extends 'server' | 'both' ? N : never }[FrameName];
export type ClientFrame = { [N in FromClient]: Frame<N> }[FromClient];
export type ServerFrame = { [N in FromServer]: Frame<N> }[FromServer];
