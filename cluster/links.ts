// The seam between what is sent to other nodes (router.ts) and how it gets there (node-links.ts): one ordered link per pair of
// incarnations and direction. What is taken arrives once and in order, or the link breaks and both sides hear of it.
import type { Env } from '../runtime/index.ts';
import type { Carrier } from './carrier.ts';
import type { LinkLimits } from './link-limits.ts';
import type { TakenMail } from './link-state.ts';
import type { LinkStats } from './link-stats.ts';
import type { ResetReason, Versions } from './link-wire.ts';
import type { NodeId } from './node-id.ts';

/** silent: no answer for too long. overflow: even the reserve is full. gaveUp: the other side broke it. down, restarted: we were told to. */
export type BrokenReason = 'silent' | 'overflow' | 'gaveUp' | 'down' | 'restarted' | ResetReason;

export interface Links {
  /**
   * Null: taken; arrives once and in order, unless the link breaks, which both sides hear of. `urgent` mail is not refused with `busy`
   * when the window is full but goes into a reserve: for answers, refusals and signals, which nobody could send again.
   */
  send(to: NodeId, mail: Uint8Array, urgent?: boolean): 'busy' | 'noconnection' | null;
  /** The wire version in which mail to that node is to be written now. */
  versionOf(to: NodeId): number;
  /** End of the turn: write out what was gathered. It happens by itself too, with the next immediate. */
  flush(): void;
  /** That incarnation is gone: its link is dropped, and nothing is sent to it any more. */
  down(node: NodeId): void;
  /** We are another incarnation now: all links are dropped. */
  restart(self: NodeId): void;
  close(): void;
  stats(): LinkStats;
}

export interface LinksOptions {
  readonly env: Env;
  readonly carrier: Carrier;
  readonly self: NodeId;
  /** Our ring's, told to the others with each batch. */
  readonly epoch: () => number;
  readonly accepts: (from: NodeId, epoch: number) => boolean;
  readonly onMail: (from: NodeId, mail: Uint8Array, version: number) => void;
  /** `lost`: taken by `send`, never acknowledged, oldest first; some may have been handled. */
  readonly onBroken: (node: NodeId, lost: readonly TakenMail[], why: BrokenReason) => void;
  readonly versions?: Versions;
  /** Mail that was taken before the other side's versions were known is in our oldest; this writes it anew. Default: it stays. */
  readonly recode?: (mail: Uint8Array, from: number, to: number) => Uint8Array;
  readonly limits?: Partial<LinkLimits>;
  /** Of subjects; one a cluster. Default `parley`. */
  readonly prefix?: string;
}
