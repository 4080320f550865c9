// What a node keeps of one other incarnation: both directions of their link and the one timer that wakes them.
import type { Env, EnvTimer } from '../runtime/index.ts';
import type { LinkLimits } from './link-limits.ts';
import { Incoming, type Outgoing } from './link-state.ts';
import type { BatchFrame } from './link-wire.ts';
import type { NodeId } from './node-id.ts';

export interface PeerOptions {
  readonly env: Env;
  readonly node: NodeId;
  readonly subject: string;
  readonly out: Outgoing;
  readonly association: number;
  readonly limits: LinkLimits;
  readonly wake: (peer: Peer) => void;
}

export class Peer {
  readonly node: NodeId;
  readonly subject: string;
  readonly out: Outgoing;
  readonly in: Incoming<BatchFrame>;
  /** Ours: drawn anew when this side breaks the link by itself, and told with each greeting. */
  association: number;
  /** Theirs, as last heard; 0: nothing of before is left here, so that whatever they greet with next is taken. */
  theirs = 0;
  /** What both sides read, as agreed when it greeted us; acknowledgements are written in it. */
  version: number;
  private readonly env: Env;
  private readonly wake: (peer: Peer) => void;
  private timer: EnvTimer | null = null;
  private timerAt = Number.POSITIVE_INFINITY;
  private dropped = false;

  constructor(options: PeerOptions) {
    const { env, node, subject, out, association, limits, wake } = options;
    this.env = env;
    this.node = node;
    this.subject = subject;
    this.out = out;
    this.in = new Incoming(limits);
    this.association = association;
    this.version = out.version;
    this.wake = wake;
  }

  /** A timer that fires early finds nothing to do and is set again. */
  schedule(now: number): void {
    const at = Math.min(this.out.dueAt(), this.in.ackAt);
    if (this.dropped || at >= this.timerAt || at === Number.POSITIVE_INFINITY) return;
    this.disarm();
    this.timerAt = at;
    this.timer = this.env.setTimer(
      () => {
        this.timer = null;
        this.timerAt = Number.POSITIVE_INFINITY;
        this.wake(this);
      },
      Math.max(0, at - now),
    );
  }

  /** It is no longer one of ours. */
  drop(): void {
    this.dropped = true;
    this.disarm();
    this.in.close();
  }

  private disarm(): void {
    if (this.timer !== null) this.env.clearTimer(this.timer);
    this.timer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
  }
}
