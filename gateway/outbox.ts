// Makes the bytes of one socket write. Remembers the last single message, because a group's frame goes to hundreds of sockets in a
// row: it is framed, and transcoded to JSON, once. Pure but for that memory; started by the hub.
import { encodeText } from './wire.ts';
import { joinFrames, OPCODE } from './ws-frames.ts';

export class Outbox {
  private lastMessage: Uint8Array | null = null;
  private lastJson = false;
  private lastBytes: Buffer = Buffer.alloc(0);

  join(json: boolean, messages: readonly Uint8Array[], pong: Uint8Array | null, close: Uint8Array | null): Buffer {
    const only = messages.length === 1 && pong === null && close === null ? messages[0] : undefined;
    if (only !== undefined && only === this.lastMessage && json === this.lastJson) return this.lastBytes;
    const bytes = joinFrames({
      opcode: json ? OPCODE.text : OPCODE.binary,
      messages: json ? messages.map(encodeText) : messages,
      pong,
      close,
    });
    if (only !== undefined) {
      this.lastMessage = only;
      this.lastJson = json;
      this.lastBytes = bytes;
    }
    return bytes;
  }
}
