// The raw relay's frames for a load worker (peers/relay-frames.ts). A message's number is its `seq`.
import { type FrameSizes, RELAY_HEADER_BYTES, RELAY_OP, relayFrame } from '../peers/relay-frames.ts';
import type { Dialect, DialectEvents, Link } from './dialect.ts';

export function relayDialect(sizes: FrameSizes, events: DialectEvents): Dialect {
  const write = (link: Link, op: number, n: number, bytes: number): void =>
    link.socket?.sendBytes(relayFrame(op, link.role, link.pair, n, bytes));
  return {
    path: '/',
    protocol: null,
    prepare: async () => {},
    greet: (link) => write(link, RELAY_OP.hello, 0, RELAY_HEADER_BYTES),
    pair: (link) => events.paired(link),
    frame(link, payload) {
      const n = payload.readUInt32LE(6);
      switch (payload[0]) {
        case RELAY_OP.sent:
          events.sent(link, n, n);
          return;
        case RELAY_OP.push:
          events.pushed(link, n, n);
          return;
        case RELAY_OP.receipt:
          events.receipt(link, n);
          return;
        case RELAY_OP.welcome:
          events.ready(link);
      }
    },
    send: (link, n) => write(link, RELAY_OP.send, n, sizes.send),
    ack: (link, seq) => write(link, RELAY_OP.ack, seq, sizes.ack),
    heartbeat: (link) => write(link, RELAY_OP.heartbeat, 0, RELAY_HEADER_BYTES),
  };
}
