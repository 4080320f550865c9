// Socket.IO's wire for a load worker: Engine.IO 4 over one WebSocket, events as JSON text. The server's pings are answered.
import type { Dialect, DialectEvents, Link } from './dialect.ts';

const ID_DIGITS = 8;

export function socketIoDialect(run: string, bodyBytes: number, events: DialectEvents): Dialect {
  const body = 'parley '.repeat(Math.ceil(bodyBytes / 7)).slice(0, bodyBytes);
  // As long as a chat id of ours.
  const chatOf = (link: Link): string => `d.${String(link.pair).padStart(24, '0')}`;
  const write = (link: Link, text: string): void => link.socket?.sendText(text);
  const emit = (link: Link, ...event: unknown[]): void => write(link, `42${JSON.stringify(event)}`);

  const onEvent = (link: Link, name: string, value: { id: string; seq: number; delivered: number }): void => {
    switch (name) {
      case 'sent':
        events.sent(link, Number.parseInt(value.id.slice(-ID_DIGITS), 36), value.seq);
        return;
      case 'message':
        events.pushed(link, Number.parseInt(value.id.slice(-ID_DIGITS), 36), value.seq);
        return;
      case 'receipt':
        events.receipt(link, value.delivered);
        return;
      case 'welcome':
        events.ready(link);
    }
  };

  return {
    path: '/socket.io/?EIO=4&transport=websocket',
    protocol: null,
    prepare: async () => {},
    greet: () => {},
    pair: (link) => events.paired(link),
    frame(link, payload) {
      const text = payload.toString('utf8');
      if (text.startsWith('42')) {
        const [name, value] = JSON.parse(text.slice(2));
        onEvent(link, name, value);
      } else if (text === '2') write(link, '3');
      else if (text.startsWith('0')) write(link, '40');
      else if (text.startsWith('40')) emit(link, 'hello', chatOf(link), link.role);
    },
    send(link, n) {
      const id = `${run}${n.toString(36).padStart(ID_DIGITS, '0')}`;
      emit(link, 'send', { chat: chatOf(link), id, type: 0, body });
    },
    ack: (link, seq) => emit(link, 'ack', { chat: chatOf(link), seq }),
    // The server asks, the client answers.
    heartbeat: () => {},
  };
}
