// The model of the fenced log on the real cells: owners follow each other, older ones linger and write on, rows land late or never, senders
// repeat a message until it is acked. One run is one seed.

import { TAIL_ENTRIES } from '../../../actors/chat-open.ts';
import type { LogId } from '../../../storage/index.ts';
import { possess } from '../globals.ts';
import { Book } from './book.ts';
import { Broken, LogWorld } from './log-world.ts';
import { CHAT, numberedOf, Owner } from './owner.ts';
import { readWhole } from './whole.ts';

const STEPS = 90;
const MESSAGES = 8;
const LOG: LogId = `c:${CHAT}`;
const SETTLE_TURNS = 400;

export interface Run {
  readonly seed: number;
  /** Null: all held. */
  readonly fault: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly trace: readonly string[] | null;
}

export async function runCells(seed: number, traced: boolean): Promise<Run> {
  const world = new LogWorld(`cells ${seed}`, traced);
  const model = new CellsModel(world);
  possess(world);
  let fault: string | null = null;
  try {
    await model.run();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    fault = error.message;
  } finally {
    possess(null);
  }
  return { seed, fault, counts: model.book.counts, trace: world.trace };
}

class CellsModel {
  readonly book: Book;
  private readonly world: LogWorld;
  private readonly owners: Owner[] = [];
  private readonly ids = Array.from({ length: MESSAGES }, (_, i) => `m${i}`);

  constructor(world: LogWorld) {
    this.world = world;
    this.book = new Book(world);
  }

  async run(): Promise<void> {
    await this.begin();
    for (let step = 0; step < STEPS; step++) {
      await this.step();
      this.book.check();
      this.book.checkMark();
    }
    await this.end();
  }

  /** The chat is there, made by an owner whose writes have all landed. */
  private async begin(): Promise<void> {
    const { world, book } = this;
    this.open().create();
    for (let i = 0; i < 50 && !book.created; i++) {
      await world.quiet();
      world.disk.settle();
    }
    await world.quiet();
    if (!book.created) throw new Error('the chat was not created');
  }

  private open(): Owner {
    for (const owner of this.owners) owner.lease = false;
    const owner = new Owner(this.world, this.book, this.owners.length + 1);
    this.owners.push(owner);
    this.book.counts.owners++;
    this.world.say(() => `${owner.name} takes over`);
    return owner;
  }

  private get newest(): Owner {
    const owner = this.owners.at(-1);
    if (owner === undefined) throw new Error('no owner');
    return owner;
  }

  private async step(): Promise<void> {
    const { world, book } = this;
    const { random, disk } = world;
    const living = this.owners.filter(({ alive }) => alive);
    const owner = random.chance(0.8) ? this.newest : random.pick(living);
    const dice = random.next();
    if (dice < 0.05) this.open().wake();
    else if (dice < 0.3) {
      const waiting = this.ids.filter((id) => !book.acked.has(id));
      const id = random.pick(waiting.length > 0 ? waiting : this.ids);
      world.say(() => `${id} to ${owner.name}`);
      owner.post(id, book.sent.has(id));
      book.sent.add(id);
    } else if (dice < 0.68) this.land();
    else if (dice < 0.85) {
      for (const asked of [...disk.asked]) if (random.chance(0.8)) disk.perform(asked);
    } else if (dice < 0.87 && disk.asked.length > 0) disk.fail(random.pick(disk.asked));
    else if (dice < 0.9 && disk.flights.length > 0) disk.giveUp(random.pick(disk.flights));
    else if (dice < 0.95) await world.advance(random.chance(0.1) ? 4_000 : random.wait(60));
    else if (dice < 0.97) owner.history(random.whole(0, 6), random.chance(0.5));
    else if (dice < 0.98) owner.crash();
    else if (dice < 0.985) this.late();
    else if (owner !== this.newest) this.die(owner);
    await world.quiet();
  }

  /** The first mail of a message that was acked since comes again, from wherever it was held. */
  private late(): void {
    const { newest, book } = this;
    const recent = [...book.acked].filter(([, n]) => newest.durable > 0 && n > newest.durable - TAIL_ENTRIES);
    const [id] = recent[0] ?? [];
    if (id === undefined) return;
    this.world.say(() => `${id} to ${newest.name}, its first mail again`);
    newest.post(id, false);
  }

  private land(): void {
    const { disk, random } = this.world;
    for (let count = random.whole(1, 4); count > 0 && disk.flights.length > 0; count--) {
      const flight = random.pick(disk.flights);
      // What nobody waits for any more may be lost for good.
      if (flight.commit.settled && random.chance(0.1)) disk.forget(flight);
      else disk.land(flight, random.chance(0.6));
    }
  }

  private die(owner: Owner): void {
    this.world.say(() => `${owner.name} is gone`);
    owner.alive = false;
    this.world.died(owner.name);
  }

  /** All faults end: the newest owner has everything acked, and another reads what is there, before and after all that is late has landed. */
  private async end(): Promise<void> {
    const { world, book } = this;
    for (const owner of this.owners) if (owner !== this.newest && world.random.chance(0.5)) this.die(owner);
    for (let turn = 0; turn < SETTLE_TURNS; turn++) {
      const waiting = this.ids.filter((id) => book.sent.has(id) && !book.acked.has(id));
      if (waiting.length === 0) break;
      if (turn === SETTLE_TURNS - 1) world.fail(`${waiting.join(' ')} is not acked in a world without faults`);
      if (turn % 20 === 0) for (const id of waiting) this.newest.post(id, true);
      world.disk.settleOf(this.newest.name);
      await world.advance(50);
      await world.quiet();
      book.check();
      book.checkMark();
    }
    for (const late of [false, true]) {
      if (late) world.disk.settle();
      const entries = await readWhole(world, LOG, late ? 101 : 100);
      book.whole(entries.map(({ bytes }) => numberedOf(bytes)));
    }
  }
}
