// WebSocket frames as a server writes them (RFC 6455, section 5.2): unmasked, never fragmented. Pure; knows bytes, not sockets.
// We build them ourselves so that everything of one turn is one buffer and one socket write; `ws` reads, and its client tests this.

export const OPCODE = { text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
const FIN = 0x80;

/** Bytes of the header in front of a payload: 2, 4 or 10. */
export function headerBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

function writeHeader(into: Buffer, at: number, opcode: number, length: number): number {
  into[at] = FIN | opcode;
  if (length < 126) {
    into[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    into[at + 1] = 126;
    into.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  into[at + 1] = 127;
  into.writeUInt32BE(0, at + 2);
  into.writeUInt32BE(length, at + 6);
  return at + 10;
}

/** What goes out in one write: messages in order, then a pong, then a close frame; each may be missing. */
export interface Outgoing {
  readonly opcode: typeof OPCODE.text | typeof OPCODE.binary;
  readonly messages: readonly Uint8Array[];
  readonly pong: Uint8Array | null;
  readonly close: Uint8Array | null;
}

/** One buffer with all of it. Copies: for frames up to 64 KiB that is cheaper than a gathered write of several buffers. */
export function joinFrames(out: Outgoing): Buffer {
  let bytes = 0;
  for (const message of out.messages) bytes += headerBytes(message.length) + message.length;
  if (out.pong !== null) bytes += 2 + out.pong.length;
  if (out.close !== null) bytes += 2 + out.close.length;
  const into = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const message of out.messages) at = put(into, at, out.opcode, message);
  if (out.pong !== null) at = put(into, at, OPCODE.pong, out.pong);
  if (out.close !== null) put(into, at, OPCODE.close, out.close);
  return into;
}

function put(into: Buffer, at: number, opcode: number, payload: Uint8Array): number {
  const start = writeHeader(into, at, opcode, payload.length);
  into.set(payload, start);
  return start + payload.length;
}

/** Payload of a close frame; the reason is cut to what a control frame may hold (123 bytes). Code 0 makes an empty payload. */
export function closePayload(code: number, reason: string): Buffer {
  if (code === 0) return Buffer.alloc(0);
  const text = Buffer.from(reason, 'utf8').subarray(0, 123);
  const payload = Buffer.alloc(2 + text.length);
  payload.writeUInt16BE(code, 0);
  payload.set(text, 2);
  return payload;
}
