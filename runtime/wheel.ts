// A hierarchical timing wheel (Varghese and Lauck, 1987): four wheels of 256 slots, one millisecond a tick, 49 days in all.
// Pure: it is told the time. Timers due at the same tick fire in the order in which they were set: a timer sits at the
// level of the highest byte in which its tick differs from the current one, so a slot never mixes cascaded with newer timers.

const SLOTS = 256;
const LEVELS = 4;
const SPAN = 2 ** 32;

/** A timer, and a node in the list of its slot. `owner` and `mail` are the caller's own. */
export class Timer {
  readonly id: number;
  /** The tick at which it fires. */
  readonly due: number;
  readonly owner: unknown;
  mail: unknown;
  slot = -1;
  prev: Timer | null = null;
  next: Timer | null = null;
  /** The owner's list of its timers. */
  ownPrev: Timer | null = null;
  ownNext: Timer | null = null;

  constructor(id: number, due: number, owner: unknown, mail: unknown) {
    this.id = id;
    this.due = due;
    this.owner = owner;
    this.mail = mail;
  }
}

export class TimerWheel {
  private readonly heads: (Timer | null)[] = new Array(SLOTS * LEVELS).fill(null);
  private readonly tails: (Timer | null)[] = new Array(SLOTS * LEVELS).fill(null);
  private tick: number;
  count = 0;

  constructor(tick: number) {
    this.tick = tick;
  }

  /** A timer due now or in the past fires with the next tick; one beyond 49 days is the caller's error. */
  insert(timer: Timer): void {
    const due = Math.max(timer.due, this.tick + 1);
    if (due - this.tick >= SPAN) throw new RangeError('timer beyond the reach of the wheel');
    this.count++;
    this.place(timer, due);
  }

  remove(timer: Timer): void {
    if (timer.slot < 0) return;
    this.count--;
    if (timer.prev === null) this.heads[timer.slot] = timer.next;
    else timer.prev.next = timer.next;
    if (timer.next === null) this.tails[timer.slot] = timer.prev;
    else timer.next.prev = timer.prev;
    timer.slot = -1;
    timer.prev = null;
    timer.next = null;
  }

  /** Fires all that are due up to and including `tick`. `fire` may insert and remove. */
  advance(tick: number, fire: (timer: Timer) => void): void {
    while (this.tick < tick) {
      const next = this.nextTick();
      if (next === null || next > tick) {
        this.tick = tick;
        return;
      }
      this.tick = next;
      this.cascade();
      for (;;) {
        const timer = this.heads[this.tick % SLOTS] as Timer | null;
        if (timer === null) break;
        this.remove(timer);
        fire(timer);
      }
    }
  }

  /** The tick to look again: the earliest timer's, or that of the next cascade. Null when there is no timer. */
  nextTick(): number | null {
    if (this.count === 0) return null;
    let unit = 1;
    for (let level = 0; level < LEVELS; level++) {
      const base = Math.floor(this.tick / (unit * SLOTS)) * unit * SLOTS;
      const here = Math.floor(this.tick / unit) % SLOTS;
      for (let slot = here + 1; slot < SLOTS; slot++) {
        if (this.heads[level * SLOTS + slot] !== null) return base + slot * unit;
      }
      unit *= SLOTS;
    }
    // What is left is beyond the turn of the topmost wheel.
    return (Math.floor(this.tick / SPAN) + 1) * SPAN;
  }

  private place(timer: Timer, due: number): void {
    let level = 0;
    let unit = 1;
    while (level < LEVELS - 1 && Math.floor(due / (unit * SLOTS)) !== Math.floor(this.tick / (unit * SLOTS))) {
      level++;
      unit *= SLOTS;
    }
    const slot = level * SLOTS + (Math.floor(due / unit) % SLOTS);
    const tail = this.tails[slot] as Timer | null;
    timer.slot = slot;
    timer.prev = tail;
    timer.next = null;
    if (tail === null) this.heads[slot] = timer;
    else tail.next = timer;
    this.tails[slot] = timer;
  }

  /** Brings the timers of the slots that the wheels just entered down, the topmost wheel first. */
  private cascade(): void {
    let unit = SLOTS ** (LEVELS - 1);
    for (let level = LEVELS - 1; level > 0; level--) {
      if (this.tick % unit === 0) {
        const slot = level * SLOTS + (Math.floor(this.tick / unit) % SLOTS);
        let timer = this.heads[slot] as Timer | null;
        this.heads[slot] = null;
        this.tails[slot] = null;
        while (timer !== null) {
          const next: Timer | null = timer.next;
          this.place(timer, Math.max(timer.due, this.tick));
          timer = next;
        }
      }
      unit /= SLOTS;
    }
  }
}
