// One client's socket: the Sink of its connection cell, and the way in for its frames. Owns order: what was written goes out in
// order, what came in is handed over in order, also when the cell pushes back. Knows no actor but through ConnectionPort.
// Lean on purpose (no closure, no timer, no object of `ws` per socket): an idle one is this object, its net.Socket and its cell.
import type { Socket } from 'node:net';
import type { ConnectionPort, Sink } from '../actors/index.ts';
import { CLOSE_CODES, type ClientFrame, type CloseName, OP, ProtocolError } from '../protocol/index.ts';
import type { Ref } from '../runtime/index.ts';
import type { Source } from './admission.ts';
import type { Outbox } from './outbox.ts';
import { abandon, type Receiver, type ReceiverFault, type ReceiverOwner, type ReceiverPool } from './receivers.ts';
import { decodeText, decodeWire } from './wire.ts';
import { closePayload } from './ws-frames.ts';

/** What all sockets of a gateway share. */
export interface PeerHub {
  readonly port: ConnectionPort;
  readonly receivers: ReceiverPool;
  readonly outbox: Outbox;
  readonly limits: { readonly bufferedStopBytes: number; readonly bufferedCloseBytes: number };
  readonly counts: PeerCounts;
  /** `flush` is wanted at the end of this slice or turn. */
  dirty(peer: Peer): void;
  /** `retry` is wanted after the next slice. */
  stalled(peer: Peer): void;
  /** `terminate` is wanted if the socket is not gone soon. */
  closing(peer: Peer): void;
  signedIn(peer: Peer): void;
  gone(peer: Peer): void;
}

export interface PeerCounts {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  socketWrites: number;
  badFrames: number;
  slowReaders: number;
  stalls: number;
}

const PEER = Symbol('peer');
interface PeerSocket extends Socket {
  [PEER]?: Peer | null;
}

// Bits of `flags`; eight booleans would be eight words a socket.
const DIRTY = 1; //     waits for flush
const CLOSING = 2; //   a close frame is queued or sent: writes and messages are ignored
const CLOSE_SENT = 4;
const END = 8; //       end the TCP stream once all is written
const DEAF = 16; //     nothing that comes in is parsed any more
const TOLD = 32; //     the cell knows that the socket is gone
const SIGNED_IN = 64;
const STALLED = 128; // reading is paused: the cell's mailbox is full
const FULL = 256; //    reading is paused: the peer does not take what we write
const GONE = 512;

const NOTHING: readonly Uint8Array[] = [];

export class Peer implements Sink, ReceiverOwner {
  readonly from: Source;
  private readonly hub: PeerHub;
  private readonly socket: PeerSocket;
  private readonly json: boolean;
  private connection: Ref | null = null;
  private flags = 0;
  private pending: Uint8Array[] | typeof NOTHING = NOTHING;
  private pendingBytes = 0;
  private pong: Uint8Array | null = null;
  private closeFrame: Uint8Array | null = null;
  private receiver: Receiver | null = null;
  private backlog: (ClientFrame | ProtocolError)[] | null = null;

  constructor(hub: PeerHub, socket: Socket, from: Source, json: boolean) {
    this.hub = hub;
    this.socket = socket;
    this.from = from;
    this.json = json;
  }

  /** From here on the socket is ours. `head`: what came right behind the upgrade request. */
  attach(connection: Ref, head: Buffer): void {
    const { socket } = this;
    this.connection = connection;
    socket[PEER] = this;
    if (head.length > 0) socket.unshift(head);
    socket.on('close', onClose);
    socket.on('data', onData);
    // Node's own listener only guards sockets that may not be half open. Two listeners would be a list on each socket.
    if (socket.allowHalfOpen)
      for (const own of socket.listeners('end')) socket.removeListener('end', own as () => void);
    socket.on('end', onEnd);
    socket.on('error', onError);
  }

  get source(): string {
    return this.from.address;
  }

  get bufferedBytes(): number {
    return this.pendingBytes + this.socket.writableLength;
  }

  get isSignedIn(): boolean {
    return (this.flags & SIGNED_IN) !== 0;
  }

  // Out.

  write(frame: Uint8Array): void {
    if ((this.flags & (CLOSING | GONE)) !== 0) return;
    if (this.bufferedBytes + frame.length > this.hub.limits.bufferedCloseBytes) {
      this.giveUpOnSlowReader();
      return;
    }
    // WELCOME is the one sign of a sign-in that passes here; [op, …] of up to 15 items has its op in the second byte.
    if ((this.flags & SIGNED_IN) === 0 && frame[1] === OP.WELCOME) {
      this.flags |= SIGNED_IN;
      this.hub.signedIn(this);
    }
    if (this.pending === NOTHING) this.pending = [frame];
    else (this.pending as Uint8Array[]).push(frame);
    this.pendingBytes += frame.length;
    this.wantFlush();
  }

  close(name: CloseName): void {
    if ((this.flags & (CLOSING | GONE)) !== 0) return;
    this.startClose(closePayload(CLOSE_CODES[name].code, name));
  }

  /** All that waits, as one socket write. */
  flush(): void {
    this.flags &= ~DIRTY;
    if ((this.flags & GONE) !== 0) return;
    const { hub, socket, pending, pong } = this;
    const close = (this.flags & CLOSE_SENT) === 0 ? this.closeFrame : null;
    if (pending.length > 0 || pong !== null || close !== null) {
      const bytes = this.join(pending, pong, close);
      if (bytes === null) return;
      hub.counts.framesOut += pending.length;
      hub.counts.bytesOut += bytes.length;
      hub.counts.socketWrites += 1;
      this.pending = NOTHING;
      this.pendingBytes = 0;
      this.pong = null;
      if (close !== null) this.flags |= CLOSE_SENT;
      socket.write(bytes);
    }
    if ((this.flags & END) !== 0) socket.end();
    else if ((this.flags & CLOSING) === 0 && socket.writableLength >= hub.limits.bufferedStopBytes) {
      this.pauseFor(FULL);
      socket.on('drain', onDrain);
    }
  }

  /** Null: one of the frames has no JSON form. To leave it out would be a silent hole, so the client resumes elsewhere. */
  private join(pending: readonly Uint8Array[], pong: Uint8Array | null, close: Uint8Array | null): Buffer | null {
    if (!this.json) return this.hub.outbox.join(false, pending, pong, close);
    try {
      return this.hub.outbox.join(true, pending, pong, close);
    } catch {
      this.pending = NOTHING;
      this.pendingBytes = 0;
      if (close === null) this.close('serverFault');
      else this.terminate();
      return null;
    }
  }

  private wantFlush(): void {
    if ((this.flags & DIRTY) !== 0) return;
    this.flags |= DIRTY;
    this.hub.dirty(this);
  }

  private startClose(payload: Uint8Array): void {
    this.flags = (this.flags | CLOSING) & ~(STALLED | FULL);
    this.closeFrame = payload;
    this.backlog = null;
    this.hub.closing(this);
    this.wantFlush();
    // The peer's own close frame must be read, whatever kept us from reading.
    this.socket.resume();
  }

  private giveUpOnSlowReader(): void {
    this.hub.counts.slowReaders += 1;
    this.pending = NOTHING;
    this.pendingBytes = 0;
    this.close('slowReader');
    this.tellGone();
  }

  // In.

  message(data: Buffer, isBinary: boolean): void {
    if ((this.flags & (CLOSING | DEAF)) !== 0) return;
    this.hub.counts.framesIn += 1;
    if (isBinary === this.json) {
      const about = this.json
        ? 'Send text on a JSON connection.'
        : 'Send binary messages, or ask for the JSON subprotocol.';
      this.deliver(new ProtocolError('bad_frame', about));
    } else {
      this.deliver(this.json ? decodeText(data) : decodeWire(data));
    }
  }

  pinged(data: Buffer): void {
    if ((this.flags & CLOSING) !== 0) return;
    // Only the newest ping needs an answer (RFC 6455, 5.5.3), so a flood of them costs one small buffer.
    this.pong = Buffer.from(data);
    this.wantFlush();
  }

  concluded(code: number): void {
    this.flags |= DEAF | END;
    if ((this.flags & CLOSING) === 0) this.startClose(closePayload(code === 1005 ? 0 : code, ''));
    else this.wantFlush();
    this.tellGone();
  }

  violated(fault: ReceiverFault): void {
    this.flags |= DEAF;
    this.receiver = null;
    if ((this.flags & (CLOSING | GONE)) !== 0) this.terminate();
    else this.deliver(new ProtocolError(TOO_LARGE.has(fault.code ?? '') ? 'too_large' : 'bad_frame', fault.message));
  }

  read(chunk: Buffer): void {
    this.hub.counts.bytesIn += chunk.length;
    if ((this.flags & DEAF) !== 0) return;
    const receiver = this.receiver ?? this.hub.receivers.take(this);
    receiver.write(chunk);
    this.receiver = this.hub.receivers.giveBack(receiver) ? null : receiver;
  }

  private deliver(item: ClientFrame | ProtocolError): void {
    if (this.backlog !== null) {
      this.backlog.push(item); // at most what one read held: reading is paused
    } else if (!this.offer(item)) {
      this.backlog = [item];
      this.hub.counts.stalls += 1;
      this.pauseFor(STALLED);
      this.hub.stalled(this);
    }
  }

  private offer(item: ClientFrame | ProtocolError): boolean {
    const { connection, hub } = this;
    if (connection === null) return true;
    if (!(item instanceof ProtocolError)) {
      const taken = hub.port.frame(connection, item);
      if (taken === 'gone') this.close('serverFault');
      return taken !== 'full';
    }
    hub.counts.badFrames += 1;
    this.flags |= DEAF;
    hub.closing(this);
    hub.port.broke(connection, item.code, item.message);
    return true;
  }

  /** After a slice: what the cell did not take, again, in order. True when all is through. */
  retry(): boolean {
    const { backlog } = this;
    let taken = 0;
    while (backlog !== null && taken < backlog.length && (this.flags & (CLOSING | DEAF | GONE)) === 0) {
      const item = backlog[taken];
      if (item !== undefined && !this.offer(item)) {
        backlog.splice(0, taken);
        return false;
      }
      taken += 1;
    }
    this.backlog = null;
    this.resumeFrom(STALLED);
    return true;
  }

  drained(): void {
    this.socket.removeListener('drain', onDrain);
    this.resumeFrom(FULL);
  }

  private pauseFor(why: number): void {
    this.flags |= why;
    this.socket.pause();
  }

  private resumeFrom(why: number): void {
    this.flags &= ~why;
    if ((this.flags & (STALLED | FULL | GONE)) === 0) this.socket.resume();
  }

  // The end.

  /** The peer will send no more (FIN). Without a close frame before it, that is the end of it. */
  ended(): void {
    this.flags |= CLOSING | DEAF | END;
    this.hub.closing(this);
    this.wantFlush();
    this.tellGone();
  }

  terminate(): void {
    this.socket.destroy();
  }

  gone(): void {
    if ((this.flags & GONE) !== 0) return;
    this.flags |= GONE | CLOSING | DEAF;
    if (this.receiver !== null) abandon(this.receiver);
    this.receiver = null;
    this.pending = NOTHING;
    this.pendingBytes = 0;
    this.tellGone();
    this.backlog = null;
    this.socket[PEER] = null;
    this.hub.gone(this);
  }

  private tellGone(): void {
    if ((this.flags & TOLD) !== 0 || this.connection === null) return;
    this.flags |= TOLD;
    this.hub.port.closed(this.connection);
  }
}

const TOO_LARGE: ReadonlySet<string> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
]);

// One listener each for all sockets; `this` is the socket.
function onData(this: PeerSocket, chunk: Buffer): void {
  this[PEER]?.read(chunk);
}
function onDrain(this: PeerSocket): void {
  this[PEER]?.drained();
}
function onEnd(this: PeerSocket): void {
  this[PEER]?.ended();
}
function onClose(this: PeerSocket): void {
  this[PEER]?.gone();
}
function onError(this: PeerSocket): void {
  // ECONNRESET and its like: `close` follows, and tells all there is to tell.
}
