// One lane of a mailbox: a ring of mails that grows by doubling, and the pool that lends lanes to cells while they have mail.
// Each mail takes three slots (mail, sender, tag), so that queueing allocates nothing. Knows nothing of cells or kinds.
import type { ShedClass } from './kind.ts';

/** What a mail is, in the three low bits of its tag. */
export const TAG_USER = 0;
export const TAG_REPLY = 1;
export const TAG_DOWN = 2;
export const TAG_EXIT = 3;
export const TAG_REFUSED = 4;
export const TAG_TIMER = 5;
/** User mail whose sender does not want to hear that it was not taken. */
export const TAG_HINT = 6;
export const TAG_TYPE_MASK = 7;
const TAG_CLASS_SHIFT = 3;
const TAG_CLASS_MASK = 3 << TAG_CLASS_SHIFT;
/** Above type and shedding class (five bits) a tag carries the number of the call, 0 for plain mail. */
const TAG_CALL_UNIT = 32;

export const tagOf = (call: number, shed: ShedClass): number => call * TAG_CALL_UNIT + (shed << TAG_CLASS_SHIFT);
export const callOf = (tag: number): number => (tag < TAG_CALL_UNIT ? 0 : Math.floor(tag / TAG_CALL_UNIT));
export const shedClassOf = (tag: number): ShedClass => ((tag >> TAG_CLASS_SHIFT) & 3) as ShedClass;

const LANE_MAILS_START = 4;
/** A lane that grew beyond this is not pooled, so that a past flood does not hold memory. */
const LANE_MAILS_KEPT = 64;
const POOL_LANES_MAX = 16_384;

export class Lane {
  slots: unknown[] = new Array(LANE_MAILS_START * 3).fill(null);
  mask = LANE_MAILS_START - 1;
  head = 0;
  count = 0;
  /** Mails of a class above 0: without any, an overflow need not search. */
  sheddable = 0;

  push(mail: unknown, from: unknown, tag: number): void {
    if (this.count > this.mask) this.grow();
    const at = ((this.head + this.count) & this.mask) * 3;
    const slots = this.slots;
    slots[at] = mail;
    slots[at + 1] = from;
    slots[at + 2] = tag;
    this.count++;
    if ((tag & TAG_CLASS_MASK) !== 0) this.sheddable++;
  }

  /** The index of the first slot of the oldest mail, which is taken off; the caller reads the three slots at once and calls `clear`. */
  shift(): number {
    const at = this.head * 3;
    this.head = (this.head + 1) & this.mask;
    this.count--;
    if (((this.slots[at + 2] as number) & TAG_CLASS_MASK) !== 0) this.sheddable--;
    return at;
  }

  clear(at: number): void {
    this.slots[at] = null;
    this.slots[at + 1] = null;
  }

  forEach(visit: (mail: unknown, from: unknown, tag: number) => void): void {
    for (let n = 0; n < this.count; n++) {
      const at = ((this.head + n) & this.mask) * 3;
      visit(this.slots[at], this.slots[at + 1], this.slots[at + 2] as number);
    }
  }

  /**
   * Takes out the oldest mail of the most sheddable class above `floor`. Returns that class, or 0 when there is none.
   * Linear; called on overflow only.
   */
  evictAbove(floor: number): ShedClass {
    if (this.sheddable === 0) return 0;
    let victim = -1;
    let worst = floor;
    for (let n = 0; n < this.count; n++) {
      const shed = shedClassOf(this.slots[((this.head + n) & this.mask) * 3 + 2] as number);
      if (shed > worst) {
        worst = shed;
        victim = n;
      }
    }
    if (victim < 0) return 0;
    for (let n = victim; n < this.count - 1; n++) this.copy(n + 1, n);
    this.clear(((this.head + this.count - 1) & this.mask) * 3);
    this.count--;
    this.sheddable--;
    return worst as ShedClass;
  }

  private copy(from: number, to: number): void {
    const a = ((this.head + from) & this.mask) * 3;
    const b = ((this.head + to) & this.mask) * 3;
    for (let slot = 0; slot < 3; slot++) this.slots[b + slot] = this.slots[a + slot];
  }

  private grow(): void {
    const old = this.slots;
    const mails = this.mask + 1;
    const slots: unknown[] = new Array(mails * 6).fill(null);
    for (let n = 0; n < this.count; n++) {
      const at = ((this.head + n) & this.mask) * 3;
      slots[n * 3] = old[at];
      slots[n * 3 + 1] = old[at + 1];
      slots[n * 3 + 2] = old[at + 2];
    }
    this.slots = slots;
    this.mask = mails * 2 - 1;
    this.head = 0;
  }
}

export class LanePool {
  private readonly free: Lane[] = [];
  /** Lanes that cells hold now. */
  lent = 0;

  take(): Lane {
    this.lent++;
    return this.free.pop() ?? new Lane();
  }

  /** The lane must be empty. */
  give(lane: Lane): void {
    this.lent--;
    if (lane.mask < LANE_MAILS_KEPT && this.free.length < POOL_LANES_MAX) this.free.push(lane);
  }
}
