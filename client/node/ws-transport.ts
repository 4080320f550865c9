// Sockets of the `ws` package as a transport of the client. The only file of the client that knows them.
import { type ClientOptions, WebSocket } from 'ws';
import { LIMITS } from '../../protocol/index.ts';
import type { Transport } from '../core/index.ts';

const CLOSE_MS = 2_000;

export function wsTransport(options: ClientOptions = {}): Transport {
  return {
    connect(url, protocols, on) {
      const socket = new WebSocket(url, [...protocols], {
        perMessageDeflate: false,
        maxPayload: LIMITS.frameBytesMax,
        ...options,
      });
      socket.binaryType = 'nodebuffer';
      socket.on('open', () => on.onOpen());
      // A text message is no frame of ours; empty bytes are none either, and are refused as such.
      socket.on('message', (data, isBinary) =>
        on.onMessage(isBinary && data instanceof Uint8Array ? data : new Uint8Array()),
      );
      let why = '';
      socket.on('error', (error) => {
        why = error.message;
      });
      socket.on('close', (code, reason) => on.onClose(code, reason.toString() || why));
      return {
        send(bytes) {
          if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
        },
        close(code, reason) {
          if (socket.readyState === WebSocket.CONNECTING || code === undefined) socket.terminate();
          else {
            socket.close(code, reason);
            // A peer that is gone does not answer; the process should not wait for it.
            setTimeout(() => socket.terminate(), CLOSE_MS).unref();
          }
        },
      };
    },
  };
}
