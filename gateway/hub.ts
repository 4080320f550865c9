// What all sockets of a gateway share, and when things happen to them: flushes at the end of a slice or turn, retries of refused
// frames, the end of close handshakes. One list and one timer for each instead of one a socket. Started by gateway.ts.
import type { ConnectionPort } from '../actors/index.ts';
import type { Env, EnvTimer } from '../runtime/index.ts';
import type { Admission } from './admission.ts';
import { Outbox } from './outbox.ts';
import type { Peer, PeerCounts, PeerHub } from './peer.ts';
import type { ReceiverPool } from './receivers.ts';

/** Sockets flushed in one go; the rest has its turn after pending input, so that a large group does not block the loop. */
const FLUSHES_A_TURN = 256;
/** A stalled socket is tried again after each slice, and after this long in case there is none. */
const RETRY_MS = 20;

export interface HubOptions {
  readonly env: Env;
  readonly port: ConnectionPort;
  readonly admission: Admission;
  readonly receivers: ReceiverPool;
  readonly limits: PeerHub['limits'];
  readonly closeHandshakeMs: number;
}

export class Hub implements PeerHub {
  readonly port: ConnectionPort;
  readonly receivers: ReceiverPool;
  readonly outbox = new Outbox();
  readonly limits: PeerHub['limits'];
  readonly counts: PeerCounts = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    socketWrites: 0,
    badFrames: 0,
    slowReaders: 0,
    stalls: 0,
  };
  readonly peers = new Set<Peer>();
  private readonly env: Env;
  private readonly admission: Admission;
  private readonly closeHandshakeMs: number;
  private flushList: Peer[] = [];
  private flushWanted = false;
  private readonly stalledPeers = new Set<Peer>();
  private retryTimer: EnvTimer | null = null;
  private readonly closingPeers = new Map<Peer, number>();
  private closeTimer: EnvTimer | null = null;
  private readonly onEmpty: (() => void)[] = [];
  // Bound once: `dirty` runs for every socket that is written to.
  private readonly flushLater = (): void => this.flush();

  constructor(options: HubOptions) {
    this.env = options.env;
    this.port = options.port;
    this.admission = options.admission;
    this.receivers = options.receivers;
    this.limits = options.limits;
    this.closeHandshakeMs = options.closeHandshakeMs;
  }

  /** After each slice of the kernel: what its cells wrote goes out, what they refused is tried again. */
  readonly onSliceEnd = (): void => {
    if (this.flushList.length > 0) this.flush();
    if (this.stalledPeers.size > 0) this.retryStalled();
  };

  add(peer: Peer): void {
    this.peers.add(peer);
  }

  dirty(peer: Peer): void {
    this.flushList.push(peer);
    if (this.flushWanted) return;
    this.flushWanted = true;
    // A microtask ends this turn; a slice of the kernel has flushed by then, and it finds nothing to do.
    void RESOLVED.then(this.flushLater);
  }

  private flush(): void {
    this.flushWanted = false;
    const list = this.flushList;
    if (list.length === 0) return;
    this.flushList = list.length > FLUSHES_A_TURN ? list.splice(FLUSHES_A_TURN) : [];
    for (const peer of list) peer.flush();
    if (this.flushList.length > 0 && !this.flushWanted) {
      this.flushWanted = true;
      this.env.setImmediate(this.flushLater);
    }
  }

  stalled(peer: Peer): void {
    this.stalledPeers.add(peer);
    this.retryTimer ??= this.env.setTimer(() => {
      this.retryTimer = null;
      this.retryStalled();
    }, RETRY_MS);
  }

  private retryStalled(): void {
    for (const peer of [...this.stalledPeers]) if (peer.retry()) this.stalledPeers.delete(peer);
    const first = this.stalledPeers.values().next();
    if (!first.done) this.stalled(first.value);
  }

  closing(peer: Peer): void {
    if (this.closingPeers.has(peer) || !this.peers.has(peer)) return;
    this.closingPeers.set(peer, this.env.now() + this.closeHandshakeMs);
    this.closeTimer ??= this.env.setTimer(() => this.endHandshakes(), this.closeHandshakeMs);
  }

  /** Deadlines are in order of insertion, since all have the same length. */
  private endHandshakes(): void {
    this.closeTimer = null;
    const now = this.env.now();
    for (const [peer, deadline] of this.closingPeers) {
      if (deadline > now) {
        this.closeTimer = this.env.setTimer(() => this.endHandshakes(), deadline - now + 1);
        return;
      }
      this.closingPeers.delete(peer);
      peer.terminate();
    }
  }

  signedIn(): void {
    this.admission.signedIn();
  }

  gone(peer: Peer): void {
    if (!this.peers.delete(peer)) return;
    this.stalledPeers.delete(peer);
    this.closingPeers.delete(peer);
    this.admission.left(peer.from, peer.isSignedIn);
    if (this.peers.size === 0) for (const done of this.onEmpty.splice(0)) done();
  }

  /** Resolves when no socket is left, or after `limitMs`. */
  empty(limitMs: number): Promise<void> {
    if (this.peers.size === 0) return RESOLVED;
    return new Promise((resolve) => {
      const timer = this.env.setTimer(resolve, limitMs);
      this.onEmpty.push(() => {
        this.env.clearTimer(timer);
        resolve();
      });
    });
  }

  terminateAll(): void {
    for (const peer of [...this.peers]) peer.terminate();
  }
}

const RESOLVED: Promise<void> = Promise.resolve();
