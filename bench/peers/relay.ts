// The raw `ws` relay: the same five frames, the same sizes, nothing stored, nothing checked. Written as one would who knows `ws`:
// no deflate, a map from pair to sockets, one `send` a frame. The yardstick of the direct and idle scenarios.
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { type FrameSizes, RELAY_HEADER_BYTES, RELAY_OP, relayFrame } from './relay-frames.ts';
import { serveBench } from './server-child.ts';

interface Ends {
  sender: WebSocket | null;
  receiver: WebSocket | null;
}

const sizes = JSON.parse(process.argv[2] ?? '{}') as FrameSizes;
const pairs = new Map<number, Ends>();
const server = new WebSocketServer({
  host: '0.0.0.0',
  port: 0,
  perMessageDeflate: false,
  maxPayload: 65_536,
  backlog: 4_096,
});

function onMessage(this: WebSocket, data: Buffer): void {
  if (data.length < RELAY_HEADER_BYTES) return this.terminate();
  const pair = data.readUInt32LE(2);
  const n = data.readUInt32LE(6);
  switch (data[0]) {
    case RELAY_OP.send:
      this.send(relayFrame(RELAY_OP.sent, 0, pair, n, sizes.sent));
      pairs.get(pair)?.receiver?.send(pushOf(data));
      return;
    case RELAY_OP.ack:
      pairs.get(pair)?.sender?.send(relayFrame(RELAY_OP.receipt, 0, pair, n, sizes.receipt));
      return;
    case RELAY_OP.hello: {
      const ends = pairs.get(pair) ?? { sender: null, receiver: null };
      if (data[1] === 0) ends.sender = this;
      else ends.receiver = this;
      pairs.set(pair, ends);
      this.send(relayFrame(RELAY_OP.welcome, 0, pair, n, RELAY_HEADER_BYTES));
      return;
    }
    case RELAY_OP.heartbeat:
      this.send(data);
  }
}

/** What came in goes on, with the header of a push. */
function pushOf(data: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(Math.max(sizes.push, data.length));
  data.copy(frame);
  frame[0] = RELAY_OP.push;
  return frame;
}

server.on('connection', (socket) => {
  socket.on('message', onMessage);
  socket.on('error', () => {});
});
server.on('listening', () => {
  serveBench({
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    stats: () => ({ connections: server.clients.size }),
    stop: async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  });
});
