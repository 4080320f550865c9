// The two ends of one direction of a link, as state alone: what is queued, in flight, acknowledged, missing, and when something is due.
// Handed `now` and randomness, they send nothing themselves; links.ts is the shell that does.
import type { LinkLimits } from './link-limits.ts';
import { bytesOf } from './link-wire.ts';

/** A mail that was taken, and the wire version that it is written in. */
export interface TakenMail {
  readonly bytes: Uint8Array;
  readonly version: number;
}
export interface Batch {
  readonly sequence: number;
  readonly version: number;
  readonly mails: readonly Uint8Array[];
  readonly bytes: number;
}
export type Recode = (mail: Uint8Array, from: number, to: number) => Uint8Array;
/** `resend`: something that was written is to be written again. */
export type Due = 'hello' | 'send' | 'resend' | 'broken' | null;

/**
 * closed: nobody asked for it yet, or it broke. opening: waits for the welcome, mail is queued. open.
 * probing: it broke in silence; it says hello until it is heard, so that the other side learns of it, and takes no mail meanwhile.
 */
export type Phase = 'closed' | 'opening' | 'open' | 'probing';

export class Outgoing {
  phase: Phase = 'closed';
  /** Each starts from sequence 1. */
  generation = 0;
  version: number;
  /** Mails and bytes in the queue and in flight. */
  mails = 0;
  bytes = 0;
  private readonly limits: LinkLimits;
  private readonly random: () => number;
  private readonly draw: () => number;
  private queue: Uint8Array[] = [];
  private queueBytes = 0;
  private queueVersion = 0;
  private flight = new Map<number, Batch>();
  private sequence = 0;
  /** What is in flight from here on was not written out, or is to be again. */
  private unsent = 1;
  private written = 0;
  /** The oldest batch, to be written again alone; 0: none. */
  private probe = 0;
  /** What was written up to here is in doubt; 0: nothing is. */
  private doubtUpTo = 0;
  private probeHelped = false;
  private attempts = 0;
  /** When it last heard something, or began to wait. */
  private heardAt = 0;
  private nextAt = 0;
  private stalledUntil = 0;
  private shunnedUntil = Number.NEGATIVE_INFINITY;

  /** `draw` gives each generation its number, ever higher. */
  constructor(limits: LinkLimits, version: number, random: () => number, draw: () => number) {
    this.limits = limits;
    this.version = version;
    this.random = random;
    this.draw = draw;
  }

  /** `overflow`: an urgent mail found even the reserve full; the link must break. */
  offer(mail: Uint8Array, urgent: boolean, now: number): 'busy' | 'noconnection' | 'overflow' | null {
    if (this.phase === 'probing' || now < this.shunnedUntil) return 'noconnection';
    const { limits } = this;
    const bytes = bytesOf(mail);
    if (mail.byteLength > limits.mailBytesMax) return 'busy';
    const windows = urgent ? limits.urgentWindows : 1;
    const isFull = this.mails >= limits.windowMailsMax * windows;
    if (isFull || (this.mails > 0 && this.bytes + bytes > limits.windowBytesMax * windows))
      return urgent ? 'overflow' : 'busy';
    if (this.phase === 'closed') this.open('opening', now);
    if (this.queue.length > 0 && this.queueBytes + bytes > limits.batchBytesMax) this.cut(now);
    this.queueVersion = this.version;
    this.queue.push(mail);
    this.queueBytes += bytes;
    this.mails++;
    this.bytes += bytes;
    return null;
  }

  /** The queue is worth a batch of its own already. */
  get isRipe(): boolean {
    return this.queueBytes >= this.limits.batchBytesMax;
  }

  /** Starts saying hello: a fresh link, or one more generation of it. */
  open(phase: 'opening' | 'probing', now: number): void {
    this.generation = this.draw();
    this.phase = phase;
    this.attempts = 0;
    this.heardAt = now;
    this.nextAt = now;
  }

  awaits(generation: number): boolean {
    return generation === this.generation && (this.phase === 'opening' || this.phase === 'probing');
  }

  welcomed(version: number, now: number, recode: Recode = (mail) => mail): void {
    this.phase = 'open';
    if (version !== this.version) this.changeVersion(version, recode);
    this.attempts = 0;
    this.heardAt = now;
    this.nextAt = now + this.pause();
  }

  /** Makes the queue a batch, numbered. */
  cut(now: number): void {
    if (this.queue.length === 0) return;
    if (this.flight.size === 0 && this.phase === 'open') this.wait(now);
    const batch = {
      sequence: ++this.sequence,
      version: this.queueVersion,
      mails: this.queue,
      bytes: this.queueBytes,
    };
    this.flight.set(batch.sequence, batch);
    this.queue = [];
    this.queueBytes = 0;
  }

  /** The oldest batch that is to be written out now. */
  next(now: number): Batch | null {
    if (this.phase !== 'open' || now < this.stalledUntil) return null;
    return this.flight.get(this.probe > 0 ? this.probe : this.unsent) ?? null;
  }

  /** False: it had been before. */
  wrote(batch: Batch): boolean {
    if (this.probe > 0) this.probe = 0;
    else this.unsent = batch.sequence + 1;
    const isFirst = batch.sequence > this.written;
    if (isFirst) this.written = batch.sequence;
    return isFirst;
  }

  /** The carrier took nothing. */
  stalled(now: number): void {
    this.stalledUntil = now + this.limits.stallMs;
  }

  /** Everything up to `upTo` was handed over. False: nothing new. */
  acked(generation: number, upTo: number, now: number): boolean {
    if (generation !== this.generation || this.phase !== 'open') return false;
    let progress = false;
    for (const batch of this.flight.values()) {
      if (batch.sequence > upTo) break;
      this.flight.delete(batch.sequence);
      this.mails -= batch.mails.length;
      this.bytes -= batch.bytes;
      progress = true;
    }
    if (!progress) return false;
    const reached = Math.min(upTo, this.sequence);
    this.unsent = Math.max(this.unsent, reached + 1);
    this.probe = 0;
    this.wait(now);
    if (reached >= this.doubtUpTo) this.doubtUpTo = 0;
    if (this.doubtUpTo === 0) return true;
    this.probeHelped = true;
    this.nextAt = now + this.limits.resendMs / 4;
    return true;
  }

  /** When `tick` should be called; infinite: nothing to wait for. */
  dueAt(): number {
    if (this.phase === 'opening' || this.phase === 'probing') return this.nextAt;
    if (this.phase === 'closed' || this.flight.size === 0) return Number.POSITIVE_INFINITY;
    return this.unsent <= this.sequence || this.probe > 0 ? Math.min(this.nextAt, this.stalledUntil) : this.nextAt;
  }

  tick(now: number): Due {
    if (now < this.dueAt()) return null;
    if (now < this.nextAt) return 'send';
    // Time alone proves nothing: this process may have been frozen, with the answers waiting in its socket.
    const silent = now - this.heardAt >= this.limits.brokenMs && this.attempts >= this.limits.attemptsMin;
    if (silent && this.phase !== 'probing') return 'broken';
    this.attempts++;
    this.nextAt = now + this.pause();
    if (this.phase !== 'open') return 'hello';
    // The oldest batch alone asks whether the rest was lost or is only late, which costs little when nobody answers. When it was
    // answered and nothing follows, the rest is lost.
    const oldest = this.sequence - this.flight.size + 1;
    if (this.doubtUpTo > 0 && this.probeHelped) {
      this.unsent = oldest;
      this.doubtUpTo = 0;
    } else if (oldest <= this.written) {
      this.probe = oldest;
      this.doubtUpTo = this.written;
      this.probeHelped = false;
    }
    return 'resend';
  }

  /** Ends this generation; returns what was taken and not acknowledged, oldest first. */
  break(now: number, shun: boolean): TakenMail[] {
    const lost: TakenMail[] = [];
    for (const { mails, version } of this.flight.values()) for (const bytes of mails) lost.push({ bytes, version });
    for (const bytes of this.queue) lost.push({ bytes, version: this.queueVersion });
    this.phase = 'closed';
    this.queue = [];
    this.queueBytes = 0;
    this.flight = new Map();
    this.sequence = 0;
    this.written = 0;
    this.probe = 0;
    this.doubtUpTo = 0;
    this.unsent = 1;
    this.mails = 0;
    this.bytes = 0;
    this.stalledUntil = 0;
    if (shun) this.shunnedUntil = now + this.limits.shunMs;
    return lost;
  }

  private changeVersion(version: number, recode: Recode): void {
    const before = this.version;
    this.version = version;
    const anew = (mails: readonly Uint8Array[]) => mails.map((mail) => recode(mail, before, version));
    for (const [sequence, batch] of this.flight) {
      const mails = anew(batch.mails);
      this.flight.set(sequence, { sequence, version, mails, bytes: sizeOf(mails) });
    }
    this.queue = anew(this.queue);
    this.queueVersion = version;
    this.queueBytes = sizeOf(this.queue);
    this.bytes = this.queueBytes;
    for (const { bytes } of this.flight.values()) this.bytes += bytes;
  }

  private wait(now: number): void {
    this.attempts = 0;
    this.heardAt = now;
    this.nextAt = now + this.pause();
  }

  private pause(): number {
    const { resendMs, resendMsMax } = this.limits;
    return Math.min(resendMs * 2 ** this.attempts, resendMsMax) * (0.75 + this.random() / 2);
  }
}

const sizeOf = (mails: readonly Uint8Array[]): number => mails.reduce((sum, mail) => sum + bytesOf(mail), 0);

export type Arrival = 'stale' | 'closed' | 'repeated' | 'ahead' | 'next';

export class Incoming<B> {
  generation = 0;
  isOpen = false;
  /** Handed over up to here. */
  acked = 0;
  ackAt = Number.POSITIVE_INFINITY;
  private readonly limits: LinkLimits;
  private ahead = new Map<number, B>();
  private unackedBatches = 0;

  constructor(limits: LinkLimits) {
    this.limits = limits;
  }

  /** False: it is over already. */
  greeted(generation: number): boolean {
    if (generation < this.generation) return false;
    if (generation === this.generation) return this.isOpen;
    this.close();
    this.generation = generation;
    this.isOpen = true;
    return true;
  }

  close(): void {
    this.isOpen = false;
    this.acked = 0;
    this.ackAt = Number.POSITIVE_INFINITY;
    this.ahead = new Map();
    this.unackedBatches = 0;
  }

  arrived(generation: number, sequence: number, batch: B, now: number): Arrival {
    if (generation !== this.generation) return generation < this.generation ? 'stale' : 'closed';
    if (!this.isOpen) return 'closed';
    if (sequence === this.acked + 1) return 'next';
    // Its sender is in doubt about where we are, so it hears soon; once for a run of them.
    this.ackAt = Math.min(this.ackAt, now + 1);
    if (sequence <= this.acked) return 'repeated';
    if (this.ahead.size < this.limits.aheadBatchesMax) this.ahead.set(sequence, batch);
    return 'ahead';
  }

  /** The batch after `acked` was handed over. Returns the one behind it when it is here already. */
  handed(now: number): B | null {
    this.acked++;
    this.unackedBatches++;
    this.ackAt = Math.min(this.ackAt, now + this.limits.ackDelayMs);
    const next = this.ahead.get(this.acked + 1);
    if (next === undefined) return null;
    this.ahead.delete(this.acked + 1);
    return next;
  }

  isAckDue(now: number): boolean {
    return this.isOpen && (this.unackedBatches >= this.limits.ackBatches || now >= this.ackAt);
  }

  /** An acknowledgement of `acked` was written, alone or with a batch. */
  told(): void {
    this.unackedBatches = 0;
    this.ackAt = Number.POSITIVE_INFINITY;
  }
}
