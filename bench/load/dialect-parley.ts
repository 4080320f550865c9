// Parley's own protocol for a load worker: real tokens, real frames by the codec.
import { issueToken } from '../../gateway/index.ts';
import {
  decodeServerFrame,
  directChatId,
  encodeFrame,
  encodeFrameInto,
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
}

const DEVICE = 'phone';
const ID_DIGITS = 8;
const CHANGES_FROM = 16;
const FRAME_BYTES_MAX = 65_536;

export function parleyDialect(options: ParleyDialectOptions, events: DialectEvents): Dialect {
  const { run } = options;
  const secret = Buffer.from(options.secret);
  const userOf = (index: number): string => `${run}-${index}`;
  const chats = new Map<number, string>();
  const chatOf = (pair: number): string => {
    let chat = chats.get(pair);
    if (chat === undefined) {
      chat = directChatId(userOf(2 * pair), userOf(2 * pair + 1));
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
      const members = [userOf(link.index + 1)];
      write(link, { op: OP.CREATE_CHAT, ref: 1, kind: 0, id: 'bench', members, title: '' });
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
          events.paired(link);
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
