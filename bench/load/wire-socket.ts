// A WebSocket client that costs a load worker little: on net.Socket, parsing in place, one fixed mask, and one write for all that a
// turn sends on a socket. `ws` as a client costs as much as the relay that it loads, so the worker would be what is measured.
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface WireTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly protocol: string | null;
  /** Source address; null: the system's choice. */
  readonly from: string | null;
}

/** Who hears of a socket. `payload` is a view, good until `frame` returns. */
export interface WireHandler {
  opened(): void;
  frame(payload: Buffer, text: boolean): void;
  closed(about: string): void;
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MASK = Buffer.of(0x37, 0xfa, 0x21, 0x3d);
const OP = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const EMPTY = Buffer.alloc(0);

export class WireSocket {
  private readonly socket: Socket;
  private readonly handler: WireHandler;
  private readonly accept: string;
  private upgraded = false;
  private rest: Buffer = EMPTY;
  private pending: Buffer[] = [];
  private why = 'the connection ended';
  closed = false;

  constructor(target: WireTarget, handler: WireHandler) {
    this.handler = handler;
    const key = randomBytes(16).toString('base64');
    this.accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
    const { host, port, from, path, protocol } = target;
    this.socket = connect({ host, port, noDelay: true, ...(from === null ? {} : { localAddress: from }) });
    this.socket.on('connect', () => {
      const asked = protocol === null ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
      this.socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${asked}\r\n`,
      );
    });
    this.socket.on('data', (chunk: Buffer) => this.read(chunk));
    this.socket.on('error', (error) => {
      this.why = error.message;
    });
    this.socket.on('close', () => {
      this.closed = true;
      handler.closed(this.why);
    });
  }

  /** A masked frame of one's own, its payload written by `fill` into the given range, and then masked. */
  send(bytes: number, text: boolean, fill: (into: Buffer, at: number) => void): void {
    const header = bytes < 126 ? 6 : 8;
    if (bytes > 65_535) throw new RangeError('a load worker sends no frame over 64 KiB');
    const frame = Buffer.allocUnsafe(header + bytes);
    frame[0] = 0x80 | (text ? OP.text : OP.binary);
    if (bytes < 126) frame[1] = 0x80 | bytes;
    else {
      frame[1] = 0x80 | 126;
      frame.writeUInt16BE(bytes, 2);
    }
    MASK.copy(frame, header - 4);
    fill(frame, header);
    mask(frame, header);
    this.queue(frame);
  }

  sendBytes(payload: Uint8Array): void {
    this.send(payload.length, false, (into, at) => into.set(payload, at));
  }

  sendText(text: string): void {
    this.send(Buffer.byteLength(text), true, (into, at) => void into.write(text, at));
  }

  end(): void {
    this.why = 'closed by the worker';
    this.socket.destroy();
  }

  private queue(frame: Buffer): void {
    this.pending.push(frame);
    if (this.pending.length === 1) queueMicrotask(this.flush);
  }

  private readonly flush = (): void => {
    const { pending } = this;
    if (this.closed || pending.length === 0) return;
    this.pending = [];
    const [first] = pending;
    this.socket.write(pending.length === 1 && first !== undefined ? first : Buffer.concat(pending));
  };

  private read(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = EMPTY;
    let at = 0;
    if (!this.upgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        this.rest = bytes;
        return;
      }
      const head = bytes.toString('latin1', 0, end);
      if (!head.startsWith('HTTP/1.1 101') || !head.includes(this.accept)) {
        this.why = `not upgraded: ${head.slice(0, 80)}`;
        this.socket.destroy();
        return;
      }
      this.upgraded = true;
      at = end + 4;
      this.handler.opened();
    }
    at = this.parse(bytes, at);
    if (at < bytes.length) this.rest = bytes.subarray(at);
  }

  /** Servers do not mask, and none of ours fragments. Returns where the first incomplete frame begins. */
  private parse(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const first = bytes[at];
      const second = bytes[at + 1];
      if (first === undefined || second === undefined) return at;
      let length = second;
      let start = at + 2;
      if (length === 126) {
        if (bytes.length < at + 4) return at;
        length = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (bytes.length < at + 10) return at;
        length = bytes.readUInt32BE(at + 6);
        start = at + 10;
      }
      const end = start + length;
      if (bytes.length < end) return at;
      this.handle(first & 0x0f, bytes.subarray(start, end));
      at = end;
    }
  }

  private handle(opcode: number, payload: Buffer): void {
    if (opcode === OP.binary || opcode === OP.text) this.handler.frame(payload, opcode === OP.text);
    else if (opcode === OP.close) {
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      this.why = `closed by the server: ${code} ${payload.toString('utf8', 2)}`;
      this.socket.end();
    } else if (opcode === OP.ping) {
      const pong = Buffer.concat([Buffer.of(0x80 | OP.pong, 0x80 | payload.length), MASK, payload]);
      mask(pong, 6);
      this.queue(pong);
    }
  }
}

function mask(frame: Buffer, from: number): void {
  const [a = 0, b = 0, c = 0, d = 0] = MASK;
  let at = from;
  const { length } = frame;
  for (; at + 3 < length; at += 4) {
    frame[at] = (frame[at] ?? 0) ^ a;
    frame[at + 1] = (frame[at + 1] ?? 0) ^ b;
    frame[at + 2] = (frame[at + 2] ?? 0) ^ c;
    frame[at + 3] = (frame[at + 3] ?? 0) ^ d;
  }
  for (let i = 0; at < length; at++, i++) frame[at] = (frame[at] ?? 0) ^ (MASK[i] ?? 0);
}
