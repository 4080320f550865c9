// Frames to bytes and back, in the binary encoding (subprotocol parley.v1). Validates both ways against the frame table; throws
// nothing but ProtocolError: `too_large` for what is over the maximum of a string, list, binary or frame, else `bad_frame`.
import type { ClientFrame, ServerFrame } from './frames.ts';
import { LIMITS } from './limits.ts';
import { bad, Reader, tooLarge } from './msgpack-reader.ts';
import { Writer } from './msgpack-writer.ts';
import { codecOfOp, readFrame, writeFrame } from './table-codec.ts';

// One of each is enough: neither calls anything that could come back here.
const reader = new Reader();
const writer = new Writer();
const scratch = new Uint8Array(LIMITS.frameBytesMax);

/** The bytes of a frame, in a buffer of its own. */
export function encodeFrame(frame: ServerFrame | ClientFrame): Uint8Array {
  writer.start(scratch, 0);
  writeFrame(writer, codecOfOp(frame.op), frame);
  const end = writer.end();
  if (end < 0) tooLarge('frame', LIMITS.frameBytesMax);
  return scratch.slice(0, end);
}

/**
 * Writes a frame into `out` from `at`, and gives the position after it, or −1 when it does not fit (then `out` holds rubbish from
 * `at`). For whoever joins the frames of a turn into one buffer.
 */
export function encodeFrameInto(frame: ServerFrame | ClientFrame, out: Uint8Array, at: number): number {
  writer.start(out, at);
  writeFrame(writer, codecOfOp(frame.op), frame);
  const end = writer.end();
  if (end - at > LIMITS.frameBytesMax) tooLarge('frame', LIMITS.frameBytesMax);
  return end;
}

/** `body` of the result is a view into `bytes`: copy it to keep it longer than `bytes`. */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame {
  return decode(bytes, 'server') as unknown as ClientFrame;
}

/** `body` and `entries` of the result are views into `bytes`: copy them to keep them longer than `bytes`. */
export function decodeServerFrame(bytes: Uint8Array): ServerFrame {
  return decode(bytes, 'client') as unknown as ServerFrame;
}

function decode(bytes: Uint8Array, notFrom: 'client' | 'server'): Record<string, unknown> {
  if (bytes.length > LIMITS.frameBytesMax) tooLarge('frame', LIMITS.frameBytesMax);
  reader.start(bytes);
  const items = reader.array('frame');
  if (items === 0) bad('frame', 'empty');
  const codec = codecOfOp(reader.uint(127, 'op'));
  if (codec.from === notFrom) bad(codec.name, 'the wrong way');
  const frame = readFrame(reader, codec, items);
  reader.finish();
  return frame;
}
