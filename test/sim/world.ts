// The world: one clock, one queue. The least happening is run, all microtasks drain, and so on. Nothing in it knows the real time.
// Everything that happens belongs to an owner (a life of a node, a life of a client, the network): what belongs to a dead owner
// never happens, what belongs to a frozen one happens when it thaws.
import { drained, type Immediates, possess } from './globals.ts';
import { type Happening, Queue } from './queue.ts';
import type { Random } from './random.ts';
import type { Trace } from './trace.ts';

export class Owner {
  readonly name: string;
  alive = true;
  /** What waits for the end of a freeze; null when there is none. */
  held: Happening[] | null = null;
  /** `setImmediate` is first come first served within a process. */
  immediateAt = -1;
  immediateTie = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** An invariant that did not hold. */
export interface Violation {
  readonly invariant: string;
  readonly about: string;
  /** Words to look for in the trace. */
  readonly words: readonly string[];
}

const VIOLATIONS_MAX = 5;
/** Happenings of one world at the most: a world that never rests is a fault too. */
const HAPPENINGS_MOST = 400_000;
export const EPOCH_MS = 1_800_000_000_000;

export class World implements Immediates {
  now = 0;
  happened = 0;
  happeningsMost = HAPPENINGS_MOST;
  readonly random: Random;
  readonly trace: Trace;
  readonly violations: Violation[] = [];
  /** Of everything that belongs to no process: the network, the plan. */
  readonly nature = new Owner('world');
  /** Called after each happening. */
  check: () => void = () => {};
  private readonly queue = new Queue();
  private readonly ties: Random;
  private order = 0;
  private current: Owner = this.nature;

  constructor(random: Random, trace: Trace) {
    this.random = random;
    this.ties = random.fork('ties');
    this.trace = trace;
  }

  at(owner: Owner, time: number, run: () => void): Happening {
    const happening = { time: Math.max(time, this.now), tie: this.ties.uint(), order: this.order++, owner, run };
    this.queue.push(happening);
    return happening;
  }

  after(owner: Owner, delayMs: number, run: () => void): Happening {
    return this.at(owner, this.now + delayMs, run);
  }

  cancel(happening: Happening): void {
    happening.run = null;
  }

  setImmediate(run: () => void): Happening {
    const owner = this.current;
    const again = owner.immediateAt === this.now;
    const tie = again ? owner.immediateTie : this.ties.uint();
    owner.immediateAt = this.now;
    owner.immediateTie = tie;
    const happening = { time: this.now, tie, order: this.order++, owner, run };
    this.queue.push(happening);
    return happening;
  }

  clearImmediate(handle: unknown): void {
    if (handle !== undefined && handle !== null) (handle as Happening).run = null;
  }

  ambient(name: string): void {
    this.fail('ambient', `${name} was used in ${this.current.name}: ${new Error('here').stack ?? ''}`, []);
  }

  freeze(owner: Owner): void {
    owner.held ??= [];
  }

  thaw(owner: Owner): void {
    const held = owner.held ?? [];
    owner.held = null;
    // In their order, before anything else.
    for (const happening of held) {
      happening.time = this.now;
      happening.tie = 0;
      happening.order = this.order++;
      this.queue.push(happening);
    }
  }

  fail(invariant: string, about: string, words: readonly string[]): void {
    if (this.violations.length >= VIOLATIONS_MAX) return;
    this.violations.push({ invariant, about, words });
    this.note('VIOLATION', this.current.name, invariant, 0, '', () => about);
  }

  note(what: string, who: string, about: string, n = 0, id = '', more?: () => string): void {
    this.trace.note(this.now, what, who, about, n, id, more);
  }

  /** Runs until that time, until `done`, or until something is violated. True: `done`. */
  async run(until: number, done: () => boolean = () => false): Promise<boolean> {
    possess(this);
    try {
      while (this.violations.length === 0) {
        const next = this.queue.first;
        if (next === undefined || next.time > until) {
          this.now = Math.max(this.now, until);
          return done();
        }
        this.queue.pop();
        if (next.run === null || !next.owner.alive) continue;
        if (next.owner.held !== null) {
          next.owner.held.push(next);
          continue;
        }
        this.now = Math.max(this.now, next.time);
        await this.happen(next);
        if (done()) return true;
      }
      return false;
    } finally {
      possess(null);
    }
  }

  private async happen(happening: Happening): Promise<void> {
    const run = happening.run;
    happening.run = null;
    this.current = happening.owner;
    this.happened++;
    if (this.happened > this.happeningsMost) this.fail('rest', 'the world does not come to rest', []);
    try {
      run?.();
    } catch (error) {
      this.fail('thrown', `${happening.owner.name}: ${error instanceof Error ? error.stack : String(error)}`, []);
    }
    await drained();
    this.current = this.nature;
    this.check();
  }
}
