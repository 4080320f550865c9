// How much a link holds and how long it waits. Every number can be given to `Links`; these are the ones of production.

export interface LinkLimits {
  /** A batch is written out when it has so many bytes, else at the end of the turn. One large mail makes a larger batch of its own. */
  readonly batchBytesMax: number;
  /** In the queue and in flight together; beyond either, mail is refused with `busy`. */
  readonly windowBytesMax: number;
  readonly windowMailsMax: number;
  /** What must not be refused (answers, refusals, `down`) may go on up to so many windows. Beyond that the link breaks. */
  readonly urgentWindows: number;
  /** A larger mail is refused with `busy`. The carrier may allow less. */
  readonly mailBytesMax: number;
  /** A receiver acknowledges after so many batches or so long, or with its own next batch. */
  readonly ackBatches: number;
  readonly ackDelayMs: number;
  /** Batches that came ahead of a missing one and wait for it; further ones are dropped, and sent again. */
  readonly aheadBatchesMax: number;
  /** What is not acknowledged is sent again after so long, doubling up to the maximum, each spread by a quarter. */
  readonly resendMs: number;
  readonly resendMsMax: number;
  /** A carrier that took nothing is tried again after so long. */
  readonly stallMs: number;
  /** A link is broken when it heard nothing for so long, having tried at least `attemptsMin` times. */
  readonly brokenMs: number;
  readonly attemptsMin: number;
  /** After the other side turned us away, it is not asked again for so long. */
  readonly shunMs: number;
}

export const LINK_LIMITS: LinkLimits = {
  batchBytesMax: 65_536,
  windowBytesMax: 4_194_304,
  windowMailsMax: 16_384,
  urgentWindows: 4,
  mailBytesMax: 1_000_000,
  ackBatches: 8,
  ackDelayMs: 5,
  aheadBatchesMax: 256,
  resendMs: 400,
  resendMsMax: 3_000,
  stallMs: 50,
  brokenMs: 10_000,
  attemptsMin: 4,
  shunMs: 1_000,
};
