// The five frames of the raw relay: an op, the pair and the message's number in ten bytes, then filling up to the size that the
// same frame has in Parley. Shared by relay and load; a relay cannot be cheaper than this and still know where to send.

export const RELAY_OP = {
  hello: 1,
  welcome: 2,
  send: 4,
  sent: 34,
  push: 35,
  ack: 5,
  receipt: 36,
  heartbeat: 3,
} as const;
export const RELAY_HEADER_BYTES = 10;

/** Bytes of each frame, as they are in Parley for the body in use. */
export interface FrameSizes {
  readonly send: number;
  readonly sent: number;
  readonly push: number;
  readonly ack: number;
  readonly receipt: number;
}

/** `role` 0 sends, 1 receives. */
export function relayFrame(op: number, role: number, pair: number, n: number, bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(Math.max(bytes, RELAY_HEADER_BYTES));
  frame[0] = op;
  frame[1] = role;
  frame.writeUInt32LE(pair, 2);
  frame.writeUInt32LE(n, 6);
  return frame;
}
