// TCP connections that have not become WebSockets: bounded in all and by source, so that nobody can hold them all by saying nothing.
// Counted from the first packet to the upgrade or the end, whichever comes first. Started by gateway.ts.
import type { Socket } from 'node:net';
import { type Source, Sources } from './admission.ts';

export interface HttpSocketLimits {
  readonly httpSocketsMax: number;
  /** Null: behind a proxy all have one address. */
  readonly perSourceMax: number | null;
}

export class HttpSockets {
  private readonly limits: HttpSocketLimits;
  private readonly sources = new Sources();
  private readonly open = new Map<Socket, Source>();
  private readonly onClose: (this: Socket) => void;

  constructor(limits: HttpSocketLimits) {
    this.limits = limits;
    const { open, sources } = this;
    // One listener for all sockets; `this` is the socket.
    this.onClose = function onClose(): void {
      const source = open.get(this);
      if (source !== undefined && open.delete(this)) sources.leave(source);
    };
  }

  get size(): number {
    return this.open.size;
  }

  /** Counts the socket until it closes or leaves; or says why not. */
  enter(socket: Socket): 'httpFull' | 'httpSourceFull' | null {
    const { httpSocketsMax, perSourceMax } = this.limits;
    if (this.open.size >= httpSocketsMax) return 'httpFull';
    const source = this.sources.enter(socket.remoteAddress ?? '', perSourceMax ?? Number.POSITIVE_INFINITY);
    if (source === null) return 'httpSourceFull';
    this.open.set(socket, source);
    socket.on('close', this.onClose);
    return null;
  }

  /** It becomes something else. */
  leave(socket: Socket): void {
    socket.removeListener('close', this.onClose);
    this.onClose.call(socket);
  }
}
