// The browser's own WebSocket as a transport of the client. Works in any host that has it.
import type { Transport } from '../core/index.ts';

export function webTransport(): Transport {
  return {
    connect(url, protocols, on) {
      const socket = new WebSocket(url, [...protocols]);
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => on.onOpen();
      // A text message is no frame of ours; empty bytes are none either, and are refused as such.
      socket.onmessage = ({ data }: MessageEvent<unknown>) =>
        on.onMessage(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array());
      socket.onclose = ({ code, reason }) => on.onClose(code, reason);
      return {
        send(bytes) {
          if (socket.readyState === WebSocket.OPEN) socket.send(bytes as Uint8Array<ArrayBuffer>); // the codec's are never shared
        },
        // A page may only give 1000 and 3000 to 4999.
        close: (code, reason) => (code === undefined ? socket.close() : socket.close(code, reason)),
      };
    },
  };
}
