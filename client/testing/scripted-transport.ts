// A transport whose server is the test itself: it sees each frame that the client sends, and says each one that it gets.
import { type ClientFrame, decodeClientFrame, encodeFrame, type ServerFrame } from '../../protocol/index.ts';
import type { SocketEvents, Transport } from '../core/index.ts';

export class ScriptedSocket {
  readonly url: string;
  readonly protocols: readonly string[];
  /** All that the client sent, in order. */
  readonly sent: ClientFrame[] = [];
  /** The code with which the client closed it, 1006 when it gave none; null while it did not. */
  closedWith: number | null = null;
  readonly #on: SocketEvents;

  constructor(url: string, protocols: readonly string[], on: SocketEvents) {
    this.url = url;
    this.protocols = protocols;
    this.#on = on;
  }

  open(): void {
    this.#on.onOpen();
  }
  say(...frames: readonly ServerFrame[]): void {
    for (const frame of frames) this.#on.onMessage(encodeFrame(frame));
  }
  sayBytes(bytes: Uint8Array): void {
    this.#on.onMessage(bytes);
  }
  /** The server, or the network, ends it. */
  end(code = 1006, reason = ''): void {
    this.#on.onClose(code, reason);
  }
  /** What the client sent of one kind. */
  of<O extends ClientFrame['op']>(op: O): Extract<ClientFrame, { op: O }>[] {
    return this.sent.filter((frame): frame is Extract<ClientFrame, { op: O }> => frame.op === op);
  }
}

export interface ScriptedTransport extends Transport {
  readonly sockets: readonly ScriptedSocket[];
  /** The newest socket. Throws when there is none. */
  readonly socket: ScriptedSocket;
}

export function scriptedTransport(): ScriptedTransport {
  const sockets: ScriptedSocket[] = [];
  return {
    sockets,
    get socket() {
      const socket = sockets.at(-1);
      if (socket === undefined) throw new Error('the client has not connected');
      return socket;
    },
    connect(url, protocols, on) {
      const socket = new ScriptedSocket(url, protocols, on);
      sockets.push(socket);
      return {
        send: (bytes) => void socket.sent.push(decodeClientFrame(bytes.slice())),
        close(code) {
          socket.closedWith ??= code ?? 1006;
        },
      };
    },
  };
}
