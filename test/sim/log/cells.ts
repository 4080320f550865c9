// The model of the fenced log on the real cells: owners follow each other, older ones linger and write on, rows land late or never, senders
// repeat a message until it is acked. One run is one seed.

import { TAIL_ENTRIES } from '../../../actors/chat-open.ts';
import type { LogId } from '../../../storage/index.ts';
import { possess } from '../globals.ts';
import { Book } from './book.ts';
import { LogModel, type Run, runModel } from './log-model.ts';
import { LogWorld } from './log-world.ts';
import { CHAT, numberedOf, Owner } from './owner.ts';
import { readWhole } from './whole.ts';

const STEPS = 90;
const MESSAGES = 8;
const LOG: LogId = `c:${CHAT}`;
const SETTLE_TURNS = 400;

export async function runCells(seed: number, traced: boolean): Promise<Run> {
  const world = new LogWorld(`cells ${seed}`, traced);
  const model = new CellsModel(world, new Book(world), MESSAGES);
  possess(world);
  try {
    return await runModel(seed, world, model);
  } finally {
    possess(null);
  }
}

class CellsModel extends LogModel<Owner> {
  override async run(): Promise<void> {
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

  protected override ownerOf(fence: number): Owner {
    return new Owner(this.world, this.book, fence);
  }

  private async step(): Promise<void> {
    const { world } = this;
    const { random, disk } = world;
    const living = this.owners.filter(({ alive }) => alive);
    const owner = random.chance(0.8) ? this.newest : random.pick(living);
    const dice = random.next();
    if (dice < 0.05) this.open().wake();
    else if (dice < 0.3) this.post(owner);
    else if (dice < 0.68) this.land();
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

  /** All faults end: the newest owner has everything acked, and another reads what is there, before and after all that is late has landed. */
  private async end(): Promise<void> {
    const { world, book } = this;
    for (const owner of this.owners) if (owner !== this.newest && world.random.chance(0.5)) this.die(owner);
    for (let turn = 0; turn < SETTLE_TURNS; turn++) {
      const waiting = this.unacked(turn, SETTLE_TURNS);
      if (waiting.length === 0) break;
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
