// One telling frame of each kind, for the examples and the test vectors.
import { encodeChange } from './changes.ts';
import { encodeFrame } from './codec.ts';
import type { Frame, FrameName } from './frames.ts';
import { directChatId, groupChatId } from './ids.ts';
import { CHANGE, CHAT_KIND, ROLE, TYPE } from './kinds.ts';
import { OP } from './schema.ts';
import { utf8Bytes } from './text.ts';

const bytes = (text: string): Uint8Array => utf8Bytes(text) ?? new Uint8Array(0);

export const DIRECT = directChatId('ann', 'bob');
export const GROUP = groupChatId('ann', 'alps-1');
const TIME = 1_767_225_600_000;

const hello: Frame<'RECEIVE_MESSAGE'> = {
  op: OP.RECEIVE_MESSAGE,
  chat: DIRECT,
  seq: 7,
  sender: 'bob',
  device: 'phone',
  id: 'b-19',
  ts: TIME,
  type: TYPE.text,
  body: bytes('Grüezi 👋'),
  about: null,
};
const created: Frame<'RECEIVE_MESSAGE'> = {
  op: OP.RECEIVE_MESSAGE,
  chat: GROUP,
  seq: 1,
  sender: 'ann',
  device: 'web-1',
  id: 'alps-1',
  ts: TIME,
  type: TYPE.created,
  body: encodeChange({
    type: TYPE.created,
    kind: CHAT_KIND.group,
    title: 'Alps',
    members: [
      ['ann', ROLE.owner],
      ['bob', ROLE.member],
    ],
  }),
  about: null,
};

export const SAMPLES: { readonly [N in FrameName]: readonly [Frame<N>, ...Frame<N>[]] } = {
  HELLO: [
    { op: OP.HELLO, version: 1, token: 'eyJhbGciOi.J9', device: 'web-1', agent: 'example/1.0', sync: null, known: [] },
    {
      ...{ op: OP.HELLO, version: 1, token: 'eyJhbGciOi.J9', device: 'web-1', agent: 'example/1.0' },
      sync: 's-4f2a',
      known: [
        { chat: DIRECT, seq: 7 },
        { chat: GROUP, seq: 70_000 },
      ],
    },
  ],
  TOKEN: [{ op: OP.TOKEN, ref: 1, token: 'eyJhbGciOi.J9' }],
  HEARTBEAT: [
    { op: OP.HEARTBEAT, n: 7 },
    { op: OP.HEARTBEAT, n: Number.MAX_SAFE_INTEGER },
  ],
  SEND_MESSAGE: [
    {
      ...{ op: OP.SEND_MESSAGE, chat: DIRECT, id: 'a-1', type: TYPE.text, body: bytes('hi') },
      ...{ about: null, after: null, retry: false },
    },
    {
      ...{ op: OP.SEND_MESSAGE, chat: DIRECT, id: 'a-2', type: TYPE.ciphertext, body: Uint8Array.of(0, 0xff, 0x80) },
      ...{ about: 7, after: 'a-1', retry: true },
    },
    {
      ...{ op: OP.SEND_MESSAGE, chat: DIRECT, id: 'a-3', type: TYPE.text, body: bytes('{"b64":"AA=="}') },
      ...{ about: null, after: null, retry: false },
    },
  ],
  MESSAGE_ACK: [{ op: OP.MESSAGE_ACK, acks: [{ chat: DIRECT, seq: 7 }] }],
  READ: [{ op: OP.READ, chat: DIRECT, seq: 7 }],
  TYPING: [{ op: OP.TYPING, chat: DIRECT, on: true }],
  CREATE_CHAT: [
    { op: OP.CREATE_CHAT, ref: 2, kind: CHAT_KIND.group, id: 'alps-1', members: ['bob'], title: 'Alps' },
    { op: OP.CREATE_CHAT, ref: 3, kind: CHAT_KIND.direct, id: 'x', members: ['bob'], title: '' },
  ],
  CHANGE_CHAT: [
    {
      ...{ op: OP.CHANGE_CHAT, ref: 4, chat: GROUP, id: 'c-1', change: CHANGE.add },
      ...{ users: ['cy', 'dan'], role: ROLE.member, title: '' },
    },
  ],
  HISTORY: [{ op: OP.HISTORY, ref: 5, chat: DIRECT, from: 0, limit: 50, back: true }],
  LIST_CHATS: [{ op: OP.LIST_CHATS, ref: 6, after: null, limit: 50 }],
  CHAT_INFO: [{ op: OP.CHAT_INFO, ref: 7, chat: GROUP, after: null }],
  WATCH_PRESENCE: [{ op: OP.WATCH_PRESENCE, users: ['bob'], on: true }],
  BLOCK: [{ op: OP.BLOCK, ref: 8, user: 'mallory', on: true }],
  SET_PRIVACY: [{ op: OP.SET_PRIVACY, ref: 9, presence: 1 }],
  LIST_DEVICES: [{ op: OP.LIST_DEVICES, ref: 10 }],
  REMOVE_DEVICE: [{ op: OP.REMOVE_DEVICE, ref: 11, device: 'old-phone' }],
  BYE: [{ op: OP.BYE }],
  WELCOME: [
    {
      ...{ op: OP.WELCOME, user: 'ann', device: 'web-1', node: 'n1', sync: 's-4f2a', resumed: true },
      ...{ heartbeatMs: 10_000, window: 64, time: TIME, expires: TIME + 3_600_000 },
    },
  ],
  SENT: [{ op: OP.SENT, chat: DIRECT, id: 'a-1', seq: 8, ts: TIME }],
  RECEIVE_MESSAGE: [hello, created],
  RECEIPT: [{ op: OP.RECEIPT, chat: DIRECT, user: 'bob', delivered: 8, read: 7 }],
  COUNTS: [{ op: OP.COUNTS, chat: GROUP, seq: 300, delivered: 812, read: 400, members: 999 }],
  PRESENCE: [
    { op: OP.PRESENCE, user: 'bob', online: true, lastSeen: null },
    { op: OP.PRESENCE, user: 'bob', online: false, lastSeen: TIME },
  ],
  TYPING_STATE: [{ op: OP.TYPING_STATE, chat: DIRECT, user: 'bob', on: true }],
  GAP: [{ op: OP.GAP, chat: GROUP, from: 1, to: 70_000 }],
  CAUGHT_UP: [{ op: OP.CAUGHT_UP, sync: 's-4f2b' }],
  HISTORY_PAGE: [
    {
      ...{ op: OP.HISTORY_PAGE, ref: 5, chat: DIRECT, from: 6, to: 7, more: true },
      entries: [encodeFrame(hello)],
    },
  ],
  OK: [
    { op: OP.OK, ref: 2, value: GROUP },
    { op: OP.OK, ref: 4, value: null },
  ],
  ERROR: [
    {
      ...{ op: OP.ERROR, ref: null, chat: DIRECT, id: 'a-2', code: 'rate_limited', retry: true },
      ...{ afterMs: 400, about: 'too many messages or bytes' },
    },
  ],
  CHATS: [
    {
      op: OP.CHATS,
      ref: 6,
      chats: [
        {
          ...{ chat: DIRECT, kind: CHAT_KIND.direct, title: '', peer: 'bob' },
          ...{ head: 8, delivered: 8, read: 7, role: ROLE.member },
        },
      ],
      next: null,
    },
  ],
  CHAT: [
    {
      ...{ op: OP.CHAT, ref: 7, chat: GROUP, kind: CHAT_KIND.group, title: 'Alps', head: 300, count: 2 },
      members: [
        { user: 'ann', role: ROLE.owner, delivered: 300, read: 300 },
        { user: 'bob', role: ROLE.member, delivered: 300, read: 128 },
      ],
      next: null,
    },
  ],
  DEVICES: [
    { op: OP.DEVICES, ref: 10, devices: [{ device: 'web-1', agent: 'example/1.0', seen: TIME, online: true }] },
  ],
  GO_AWAY: [{ op: OP.GO_AWAY, delayMs: 1_500, url: 'wss://n2.chat.example/v1/connect' }],
};
