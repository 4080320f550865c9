// What links count of themselves, as plain numbers, for metrics.
import type { Phase } from './link-state.ts';
import type { NodeId } from './node-id.ts';

/** Batches by their mails: up to 1, 2, 4 … 512, and more. */
export const BATCH_MAILS_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] as const;

export interface LinkStats {
  readonly batchesOut: number;
  readonly mailsOut: number;
  readonly bytesOut: number;
  readonly batchesIn: number;
  readonly mailsIn: number;
  readonly bytesIn: number;
  readonly acksOut: number;
  /** One more than there are bounds. */
  readonly batchMails: readonly number[];
  /** Batches written again. */
  readonly resends: number;
  readonly repeated: number;
  readonly ahead: number;
  /** The carrier took nothing. */
  readonly stalls: number;
  readonly busy: number;
  readonly noConnection: number;
  readonly broken: number;
  readonly resetsOut: number;
  /** Frames that could not be read. */
  readonly unreadable: number;
  /** Mails whose receiver threw. */
  readonly faults: number;
  readonly links: readonly PeerStats[];
}

export interface PeerStats {
  readonly node: NodeId;
  readonly phase: Phase;
  readonly version: number;
  /** Queued and in flight. */
  readonly mails: number;
  readonly bytes: number;
}

export class LinkCounters {
  batchesOut = 0;
  mailsOut = 0;
  bytesOut = 0;
  batchesIn = 0;
  mailsIn = 0;
  bytesIn = 0;
  acksOut = 0;
  readonly batchMails: number[] = new Array<number>(BATCH_MAILS_BOUNDS.length + 1).fill(0);
  resends = 0;
  repeated = 0;
  ahead = 0;
  stalls = 0;
  busy = 0;
  noConnection = 0;
  broken = 0;
  resetsOut = 0;
  unreadable = 0;
  faults = 0;

  batch(mails: number, bytes: number): void {
    this.batchesOut++;
    this.mailsOut += mails;
    this.bytesOut += bytes;
    const bucket = Math.min(BATCH_MAILS_BOUNDS.length, mails <= 1 ? 0 : 32 - Math.clz32(mails - 1));
    this.batchMails[bucket] = (this.batchMails[bucket] ?? 0) + 1;
  }
}
