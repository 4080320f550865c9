// Frames to bytes and back, in the binary encoding (subprotocol parley.v1). Validates both ways against the frame table; throws
// nothing but ProtocolError: `too_large` for what is over the maximum of a string, list, binary or frame, else `bad_frame`.
import type { ClientFrame, ServerFrame } from './frames.ts';
import * as hot from './hot-codec.ts';
import { LIMITS } from './limits.ts';
import { bad, Reader, tooLarge } from './msgpack-reader.ts';
import { Writer } from './msgpack-writer.ts';
import { OP } from './schema.ts';
import { codecOfOp, readFrame, writeFrame } from './table-codec.ts';

// One of each is enough: neither calls anything that could come back here.
const reader = new Reader();
const writer = new Writer();

// A buffer of its own costs a frame of over 64 bytes several times what writing it does, so frames share slabs, as small Buffers do
// in Node. A frame that is kept keeps its slab: at the worst 8 KiB for one frame, in a server about twice the bytes of the frames.
const SLAB_BYTES = 8_192;
const scratch = new Uint8Array(LIMITS.frameBytesMax);
let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/** The bytes of a frame, never written again; mostly a view into a slab shared with others (`slice()` it to keep it for long). */
export function encodeFrame(frame: ServerFrame | ClientFrame): Uint8Array {
  const from = used;
  const end = encodeFrameInto(frame, slab, from);
  if (end < 0) return encodeElsewhere(frame);
  used = end;
  return new Uint8Array(slab.buffer, from, end - from);
}

/** The slab is full, or the frame too large for one. */
function encodeElsewhere(frame: ServerFrame | ClientFrame): Uint8Array {
  const length = encodeFrameInto(frame, scratch, 0);
  if (length < 0) tooLarge('frame', LIMITS.frameBytesMax);
  if (length > SLAB_BYTES / 4) return scratch.slice(0, length);
  slab = new Uint8Array(SLAB_BYTES);
  slab.set(scratch.subarray(0, length));
  used = length;
  return slab.subarray(0, length);
}

/**
 * Writes a frame into `out` from `at`, and gives the position after it, or −1 when it does not fit (then `out` holds rubbish from
 * `at`). For whoever joins the frames of a turn into one buffer.
 */
export function encodeFrameInto(frame: ServerFrame | ClientFrame, out: Uint8Array, at: number): number {
  writer.start(out, at);
  switch (frame.op) {
    case OP.RECEIVE_MESSAGE:
      hot.writeReceiveMessage(writer, frame);
      break;
    case OP.SENT:
      hot.writeSent(writer, frame);
      break;
    case OP.RECEIPT:
      hot.writeReceipt(writer, frame);
      break;
    case OP.SEND_MESSAGE:
      hot.writeSendMessage(writer, frame);
      break;
    case OP.MESSAGE_ACK:
      hot.writeMessageAck(writer, frame);
      break;
    default:
      writeFrame(writer, codecOfOp(frame.op), frame);
  }
  const end = writer.end();
  if (end - at > LIMITS.frameBytesMax) tooLarge('frame', LIMITS.frameBytesMax);
  return end;
}

/** `body` of the result is a view into `bytes`: copy it to keep it longer than `bytes`. */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame {
  const items = startDecoding(bytes);
  const op = reader.uint(127, 'op');
  let frame: ClientFrame;
  if (op === OP.SEND_MESSAGE) frame = hot.readSendMessage(reader, items);
  else if (op === OP.MESSAGE_ACK) frame = hot.readMessageAck(reader, items);
  else {
    const codec = codecOfOp(op);
    if (codec.from === 'server') bad(codec.name, 'only servers send it');
    frame = readFrame(reader, codec, items) as unknown as ClientFrame; // it was read by the table that the type is made from
  }
  reader.finish();
  return frame;
}

/** `body` and `entries` of the result are views into `bytes`: copy them to keep them longer than `bytes`. */
export function decodeServerFrame(bytes: Uint8Array): ServerFrame {
  const items = startDecoding(bytes);
  const op = reader.uint(127, 'op');
  let frame: ServerFrame;
  if (op === OP.RECEIVE_MESSAGE) frame = hot.readReceiveMessage(reader, items);
  else {
    const codec = codecOfOp(op);
    if (codec.from === 'client') bad(codec.name, 'only clients send it');
    frame = readFrame(reader, codec, items) as unknown as ServerFrame; // as above
  }
  reader.finish();
  return frame;
}

function startDecoding(bytes: Uint8Array): number {
  if (bytes.length > LIMITS.frameBytesMax) tooLarge('frame', LIMITS.frameBytesMax);
  reader.start(bytes);
  const items = reader.array('frame');
  if (items === 0) bad('frame', 'empty');
  return items;
}
