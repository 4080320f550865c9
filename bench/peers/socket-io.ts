// Socket.IO doing the same five frames as events, nothing stored: WebSocket only, no deflate, a map from pair to sockets.
// Started by a scenario, as a child.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { serveBench } from './server-child.ts';

interface SendEvent {
  readonly chat: string;
  readonly id: string;
  readonly type: number;
  readonly body: string;
}
interface AckEvent {
  readonly chat: string;
  readonly seq: number;
}
interface Ends {
  seq: number;
  sender: Socket | null;
  receiver: Socket | null;
}

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
const pairs = new Map<string, Ends>();

io.on('connection', (socket) => {
  socket.on('hello', (chat: string, role: number) => {
    const ends = pairs.get(chat) ?? { seq: 0, sender: null, receiver: null };
    if (role === 0) ends.sender = socket;
    else ends.receiver = socket;
    pairs.set(chat, ends);
    socket.emit('welcome');
  });
  socket.on('send', (message: SendEvent) => {
    const ends = pairs.get(message.chat);
    if (ends === undefined) return;
    ends.seq += 1;
    const { chat, id, type, body } = message;
    const ts = Date.now();
    socket.emit('sent', { chat, id, seq: ends.seq, ts });
    ends.receiver?.emit('message', { chat, seq: ends.seq, id, ts, type, body });
  });
  socket.on('ack', ({ chat, seq }: AckEvent) => {
    pairs.get(chat)?.sender?.emit('receipt', { chat, delivered: seq, read: 0 });
  });
});
http.listen({ host: '0.0.0.0', port: 0, backlog: 4_096 }, () => {
  serveBench({
    address: { host: '127.0.0.1', port: (http.address() as AddressInfo).port },
    stats: () => ({ connections: io.engine.clientsCount }),
    stop: async () => {
      io.disconnectSockets(true);
      http.closeAllConnections();
      http.close();
    },
  });
});
