// Parley's own protocol for a load worker: real tokens, real frames by the codec.
import { issueToken } from '../../gateway/index.ts';
import {
  CHAT_KIND,
  decodeServerFrame,
  directChatId,
  encodeFrame,
  encodeFrameInto,
  groupChatId,
  OP,
  SUBPROTOCOL,
} from '../../protocol/index.ts';
import type { FrameSizes } from '../peers/relay-frames.ts';
import type { Dialect, DialectEvents, Link } from './dialect.ts';

export interface ParleyDialectOptions {
  readonly secret: string;
  /** Names this run's users, so that a store can be used again. */
  readonly run: string;
  readonly bodyBytes: number;
  /** The chat that a pair or a group talks in. */
  readonly roomOf: (pair: number) => Room;
  readonly userOf: (index: number) => string;
}

/** Of a pair: the direct chat of its two. Of a group: the chat that its first member makes, with that id. */
export interface Room {
  readonly users: readonly string[];
  /** Null: a direct chat. */
  readonly group: string | null;
}

const DEVICE = 'phone';
const ID_DIGITS = 8;
const CHANGES_FROM = 16;
const FRAME_BYTES_MAX = 65_536;
const MEMBERS_AT_ONCE = 250;

export function parleyDialect(options: ParleyDialectOptions, events: DialectEvents): Dialect {
  const { run, userOf, roomOf } = options;
  const secret = Buffer.from(options.secret);
  const chats = new Map<number, string>();
  const chatOf = (pair: number): string => {
    let chat = chats.get(pair);
    if (chat === undefined) {
      chat = chatOfRoom(roomOf(pair));
      chats.set(pair, chat);
    }
    return chat;
  };
  const body = Buffer.alloc(options.bodyBytes, 'parley ');
  const scratch = Buffer.alloc(FRAME_BYTES_MAX);
  const write = (link: Link, frame: Parameters<typeof encodeFrame>[0]): void => {
    const bytes = encodeFrameInto(frame, scratch, 0);
    link.socket?.send(bytes, false, (into, at) => void scratch.copy(into, at, 0, bytes));
  };
  const ack = (link: Link, seq: number): void =>
    write(link, { op: OP.MESSAGE_ACK, acks: [{ chat: chatOf(link.pair), seq }] });

  /** A frame holds so many members and no more. False: all are in. */
  const addMore = (link: Link, done: number): boolean => {
    const users = roomOf(link.pair)
      .users.slice(1 + done * MEMBERS_AT_ONCE)
      .slice(0, MEMBERS_AT_ONCE);
    if (users.length === 0) return false;
    const id = `${run}add${done}`;
    const chat = chatOf(link.pair);
    write(link, { op: OP.CHANGE_CHAT, ref: done + 1, chat, id, change: 0, users, role: 0, title: '' });
    return true;
  };

  return {
    path: '/v1/connect',
    protocol: SUBPROTOCOL.msgpack,
    async prepare(link) {
      link.token = await issueToken({ secret, user: userOf(link.index), ttlSeconds: 86_400, wallNow: Date.now() });
    },
    greet(link) {
      write(link, {
        op: OP.HELLO,
        version: 1,
        token: link.token,
        device: DEVICE,
        agent: 'bench/1',
        sync: null,
        known: [],
      });
      link.token = '';
    },
    pair(link) {
      const { users, group } = roomOf(link.pair);
      const members = users.slice(1, 1 + MEMBERS_AT_ONCE);
      const kind = group === null ? CHAT_KIND.direct : CHAT_KIND.group;
      write(link, { op: OP.CREATE_CHAT, ref: 1, kind, id: group ?? 'bench', members, title: group ?? '' });
    },
    frame(link, payload) {
      const frame = decodeServerFrame(payload);
      switch (frame.op) {
        case OP.SENT:
          events.sent(link, numberOf(frame.id), frame.seq);
          return;
        case OP.RECEIVE_MESSAGE:
          if (frame.type >= CHANGES_FROM) ack(link, frame.seq);
          else events.pushed(link, numberOf(frame.id), frame.seq);
          return;
        case OP.RECEIPT:
          if (frame.user !== userOf(link.index)) events.receipt(link, frame.delivered);
          return;
        case OP.WELCOME:
          events.ready(link);
          return;
        case OP.OK:
          if (!addMore(link, frame.ref)) events.paired(link);
          return;
        case OP.ERROR:
          events.refused(link, frame.id === null ? null : numberOf(frame.id), `${frame.code}: ${frame.about}`);
      }
    },
    send(link, n) {
      const id = `${run}${n.toString(36).padStart(ID_DIGITS, '0')}`;
      const chat = chatOf(link.pair);
      write(link, { op: OP.SEND_MESSAGE, chat, id, type: 0, body, about: null, after: null, retry: false });
    },
    ack,
    heartbeat(link) {
      write(link, { op: OP.HEARTBEAT, n: 1 });
    },
  };
}

export const chatOfRoom = ({ users: [one = '', other = ''], group }: Room): string =>
  group === null ? directChatId(one, other) : groupChatId(one, group);

function numberOf(id: string): number {
  return Number.parseInt(id.slice(-ID_DIGITS), 36);
}

/** Of the frames that this dialect makes and gets, for the relay. */
export function parleySizes(run: string, bodyBytes: number): FrameSizes {
  const sender = `${run}-100`;
  const chat = directChatId(sender, `${run}-101`);
  const id = `${run}${'0'.repeat(ID_DIGITS)}`;
  const body = Buffer.alloc(bodyBytes);
  const seq = 1_000;
  const ts = 1_700_000_000_000;
  const common = { chat, id, type: 0, body, about: null } as const;
  return {
    send: encodeFrame({ op: OP.SEND_MESSAGE, ...common, after: null, retry: false }).length,
    sent: encodeFrame({ op: OP.SENT, chat, id, seq, ts }).length,
    push: encodeFrame({ op: OP.RECEIVE_MESSAGE, ...common, seq, ts, sender, device: DEVICE }).length,
    ack: encodeFrame({ op: OP.MESSAGE_ACK, acks: [{ chat, seq }] }).length,
    receipt: encodeFrame({ op: OP.RECEIPT, chat, user: sender, delivered: seq, read: 0 }).length,
  };
}
