// The frames that a busy server handles a hundred times as often as the rest, written out: no closures, no keyed stores, one shape
// of object each. `hot-codec.test.ts` proves them equal to what the table makes, in results and in errors, so whoever changes one of
// these frames in the table is told. Each is here because it measured faster.
import type { Frame } from './frames.ts';
import { TYPE_MAX } from './kinds.ts';
import { LIMITS } from './limits.ts';
import { bad, type Reader, tooLarge } from './msgpack-reader.ts';
import type { Writer } from './msgpack-writer.ts';
import { OP } from './schema.ts';
import { checkCount, codecOfOp } from './table-codec.ts';

const SAFE = Number.MAX_SAFE_INTEGER;
const { acksPerFrameMax, bodyBytesMax, chatIdCharsMax, deviceIdCharsMax, messageIdCharsMax, userIdCharsMax } = LIMITS;

export function readSendMessage(r: Reader, items: number): Frame<'SEND_MESSAGE'> {
  checkCount(codecOfOp(OP.SEND_MESSAGE), items - 1);
  const chat = r.id(chatIdCharsMax, 'SEND_MESSAGE.chat');
  const id = r.id(messageIdCharsMax, 'SEND_MESSAGE.id');
  const type = r.uint(TYPE_MAX.client, 'SEND_MESSAGE.type');
  const body = r.bin(bodyBytesMax, 'SEND_MESSAGE.body');
  const about = r.nil() ? null : r.uint(SAFE, 'SEND_MESSAGE.about');
  const after = r.nil() ? null : r.id(messageIdCharsMax, 'SEND_MESSAGE.after');
  const retry = r.bool('SEND_MESSAGE.retry');
  return { op: OP.SEND_MESSAGE, chat, id, type, body, about, after, retry };
}

export function readMessageAck(r: Reader, items: number): Frame<'MESSAGE_ACK'> {
  checkCount(codecOfOp(OP.MESSAGE_ACK), items - 1);
  const what = 'MESSAGE_ACK.acks';
  const count = r.array(what);
  if (count > acksPerFrameMax) tooLarge(what, acksPerFrameMax);
  const acks: { chat: string; seq: number }[] = [];
  for (let i = 0; i < count; i++) {
    if (r.array(what) !== 2) bad(what, 'not 2 elements');
    const chat = r.id(chatIdCharsMax, 'MESSAGE_ACK.acks.chat');
    const seq = r.uint(SAFE, 'MESSAGE_ACK.acks.seq');
    acks.push({ chat, seq });
  }
  return { op: OP.MESSAGE_ACK, acks };
}

export function readReceiveMessage(r: Reader, items: number): Frame<'RECEIVE_MESSAGE'> {
  checkCount(codecOfOp(OP.RECEIVE_MESSAGE), items - 1);
  const chat = r.id(chatIdCharsMax, 'RECEIVE_MESSAGE.chat');
  const seq = r.uint(SAFE, 'RECEIVE_MESSAGE.seq');
  const sender = r.id(userIdCharsMax, 'RECEIVE_MESSAGE.sender');
  const device = r.id(deviceIdCharsMax, 'RECEIVE_MESSAGE.device');
  const id = r.id(messageIdCharsMax, 'RECEIVE_MESSAGE.id');
  const ts = r.uint(SAFE, 'RECEIVE_MESSAGE.ts');
  const type = r.uint(TYPE_MAX.server, 'RECEIVE_MESSAGE.type');
  const body = r.bin(bodyBytesMax, 'RECEIVE_MESSAGE.body');
  const about = items < 10 || r.nil() ? null : r.uint(SAFE, 'RECEIVE_MESSAGE.about');
  return { op: OP.RECEIVE_MESSAGE, chat, seq, sender, device, id, ts, type, body, about };
}

export function writeSendMessage(w: Writer, frame: Frame<'SEND_MESSAGE'>): void {
  w.array(8);
  w.uint(OP.SEND_MESSAGE, 127, 'op');
  w.id(frame.chat, chatIdCharsMax, 'SEND_MESSAGE.chat');
  w.id(frame.id, messageIdCharsMax, 'SEND_MESSAGE.id');
  w.uint(frame.type, TYPE_MAX.client, 'SEND_MESSAGE.type');
  w.bin(frame.body, bodyBytesMax, 'SEND_MESSAGE.body');
  if (frame.about === null) w.nil();
  else w.uint(frame.about, SAFE, 'SEND_MESSAGE.about');
  if (frame.after === null) w.nil();
  else w.id(frame.after, messageIdCharsMax, 'SEND_MESSAGE.after');
  w.bool(frame.retry, 'SEND_MESSAGE.retry');
}

export function writeMessageAck(w: Writer, frame: Frame<'MESSAGE_ACK'>): void {
  const what = 'MESSAGE_ACK.acks';
  w.array(2);
  w.uint(OP.MESSAGE_ACK, 127, 'op');
  if (!Array.isArray(frame.acks)) bad(what, 'not a list');
  if (frame.acks.length > acksPerFrameMax) tooLarge(what, acksPerFrameMax);
  w.array(frame.acks.length);
  for (const ack of frame.acks) {
    if (typeof ack !== 'object' || ack === null) bad(what, 'not an object');
    w.array(2);
    w.id(ack.chat, chatIdCharsMax, 'MESSAGE_ACK.acks.chat');
    w.uint(ack.seq, SAFE, 'MESSAGE_ACK.acks.seq');
  }
}

export function writeSent(w: Writer, frame: Frame<'SENT'>): void {
  w.array(5);
  w.uint(OP.SENT, 127, 'op');
  w.id(frame.chat, chatIdCharsMax, 'SENT.chat');
  w.id(frame.id, messageIdCharsMax, 'SENT.id');
  w.uint(frame.seq, SAFE, 'SENT.seq');
  w.uint(frame.ts, SAFE, 'SENT.ts');
}

export function writeReceiveMessage(w: Writer, frame: Frame<'RECEIVE_MESSAGE'>): void {
  w.array(10);
  w.uint(OP.RECEIVE_MESSAGE, 127, 'op');
  w.id(frame.chat, chatIdCharsMax, 'RECEIVE_MESSAGE.chat');
  w.uint(frame.seq, SAFE, 'RECEIVE_MESSAGE.seq');
  w.id(frame.sender, userIdCharsMax, 'RECEIVE_MESSAGE.sender');
  w.id(frame.device, deviceIdCharsMax, 'RECEIVE_MESSAGE.device');
  w.id(frame.id, messageIdCharsMax, 'RECEIVE_MESSAGE.id');
  w.uint(frame.ts, SAFE, 'RECEIVE_MESSAGE.ts');
  w.uint(frame.type, TYPE_MAX.server, 'RECEIVE_MESSAGE.type');
  w.bin(frame.body, bodyBytesMax, 'RECEIVE_MESSAGE.body');
  if (frame.about === null) w.nil();
  else w.uint(frame.about, SAFE, 'RECEIVE_MESSAGE.about');
}

export function writeReceipt(w: Writer, frame: Frame<'RECEIPT'>): void {
  w.array(5);
  w.uint(OP.RECEIPT, 127, 'op');
  w.id(frame.chat, chatIdCharsMax, 'RECEIPT.chat');
  w.id(frame.user, userIdCharsMax, 'RECEIPT.user');
  w.uint(frame.delivered, SAFE, 'RECEIPT.delivered');
  w.uint(frame.read, SAFE, 'RECEIPT.read');
}
