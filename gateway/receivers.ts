// A pool of `ws` receivers. A receiver parses and validates what clients send; it costs over a kilobyte, and a socket needs one
// only while a frame is half here. So a socket borrows one for a read and gives it back when it stands between two messages.
// Looks at three private fields of `ws` to know that; the version is pinned, and gateway/receivers.test.ts holds their meaning.
import type { Writable } from 'node:stream';
import * as ws from 'ws';

/** Who hears of what a receiver parsed. Synchronous, within `write`; only `violated` comes a tick later. */
export interface ReceiverOwner {
  message(data: Buffer, isBinary: boolean): void;
  pinged(data: Buffer): void;
  /** The peer's close frame. 1005 when it held no code. */
  concluded(code: number): void;
  /** The bytes broke RFC 6455 or a limit; nothing more can be parsed. */
  violated(fault: ReceiverFault): void;
}
export type ReceiverFault = Error & { readonly code?: string };

interface WsReceiver extends Writable {
  readonly _state: number;
  readonly _bufferedBytes: number;
  readonly _fragmented: number;
  readonly _errored: boolean;
}
type WsReceiverClass = new (options: {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
}) => WsReceiver;
// `ws` exports its receiver, its type package does not.
const ReceiverClass = (ws as unknown as { readonly Receiver: WsReceiverClass }).Receiver;

const OWNER = Symbol('owner');
/** Opaque outside of this file. */
export interface Receiver extends WsReceiver {
  [OWNER]: ReceiverOwner | null;
}

/** Chunks that one unfinished frame may come in: a byte each would be 64 KiB of them, and that is no honest client. */
const BUFFERED_CHUNKS_MAX = 4_096;

export interface ReceiverLimits {
  readonly frameBytesMax: number;
  readonly fragmentsMax: number;
  /** Receivers kept for later at the most. */
  readonly keepMax: number;
}

export class ReceiverPool {
  private readonly free: Receiver[] = [];
  private readonly limits: ReceiverLimits;

  constructor(limits: ReceiverLimits) {
    this.limits = limits;
  }

  take(owner: ReceiverOwner): Receiver {
    const receiver = this.free.pop() ?? this.make();
    receiver[OWNER] = owner;
    return receiver;
  }

  /** After a write: true when the receiver went back to the pool, false when its owner must keep it (half a message, or a fault). */
  giveBack(receiver: Receiver): boolean {
    if (receiver._state !== 0 || receiver._bufferedBytes !== 0 || receiver._fragmented !== 0) return false;
    if (receiver._errored || receiver.writableEnded) return false;
    receiver[OWNER] = null;
    if (this.free.length < this.limits.keepMax) this.free.push(receiver);
    return true;
  }

  get kept(): number {
    return this.free.length;
  }

  private make(): Receiver {
    const receiver = new ReceiverClass({
      isServer: true,
      maxPayload: this.limits.frameBytesMax,
      maxFragments: this.limits.fragmentsMax,
      maxBufferedChunks: BUFFERED_CHUNKS_MAX,
    }) as Receiver;
    receiver[OWNER] = null;
    receiver.on('message', onMessage);
    receiver.on('ping', onPing);
    receiver.on('conclude', onConclude);
    receiver.on('error', onError);
    return receiver;
  }
}

/** A receiver whose socket is gone must not speak any more. It is not used again. */
export function abandon(receiver: Receiver): void {
  receiver[OWNER] = null;
}

function onMessage(this: Receiver, data: Buffer, isBinary: boolean): void {
  this[OWNER]?.message(data, isBinary);
}
function onPing(this: Receiver, data: Buffer): void {
  this[OWNER]?.pinged(data);
}
function onConclude(this: Receiver, code: number): void {
  this[OWNER]?.concluded(code);
}
function onError(this: Receiver, fault: ReceiverFault): void {
  this[OWNER]?.violated(fault);
}
