// The fast level of the model: owners of one log without cells, so that a minute holds hundreds of thousands of runs, and that outcomes of
// writes come in any order, which a cell's one writer never gives.

import { Book } from './book.ts';
import type { Run } from './cells.ts';
import { LOG, LogOwner } from './log-owner.ts';
import { Broken, LogWorld } from './log-world.ts';
import { numberedOf } from './owner.ts';
import { readWhole } from './whole.ts';

const STEPS = 60;
const MESSAGES = 6;
const SETTLE_TURNS = 200;

export async function runLogs(seed: number, traced: boolean): Promise<Run> {
  const world = new LogWorld(`logs ${seed}`, traced);
  const model = new LogsModel(world);
  let fault: string | null = null;
  try {
    await model.run();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    fault = error.message;
  }
  return { seed, fault, counts: model.book.counts, trace: world.trace };
}

class LogsModel {
  readonly book: Book;
  private readonly world: LogWorld;
  private readonly owners: LogOwner[] = [];
  private readonly ids = Array.from({ length: MESSAGES }, (_, i) => `m${i}`);

  constructor(world: LogWorld) {
    this.world = world;
    this.book = new Book(world);
  }

  async run(): Promise<void> {
    this.open();
    for (let step = 0; step < STEPS; step++) {
      this.step();
      await this.world.quiet();
      this.book.check();
    }
    await this.end();
  }

  private open(): LogOwner {
    for (const owner of this.owners) owner.lease = false;
    const owner = new LogOwner(this.world, this.book, this.owners.length + 1);
    this.owners.push(owner);
    this.book.counts.owners++;
    this.world.say(() => `${owner.name} takes over`);
    return owner;
  }

  private get newest(): LogOwner {
    return this.owners.at(-1) ?? this.open();
  }

  private step(): void {
    const { random, disk } = this.world;
    const owner = random.chance(0.8) ? this.newest : random.pick(this.owners.filter(({ alive }) => alive));
    const dice = random.next();
    if (dice < 0.07) this.open();
    else if (dice < 0.33) this.post(owner);
    else if (dice < 0.7) this.land();
    else if (dice < 0.88) for (const asked of [...disk.asked]) random.chance(0.8) && disk.perform(asked);
    else if (dice < 0.89 && disk.asked.length > 0) disk.fail(random.pick(disk.asked));
    else if (dice < 0.92 && disk.flights.length > 0) disk.giveUp(random.pick(disk.flights));
    else if (dice < 0.94) this.world.fireTimers();
    else if (dice < 0.95) owner.open();
    else if (dice < 0.97) void owner.history(random.whole(1, 4)).catch(() => {});
    else if (dice < 0.98) owner.crash();
    else if (owner !== this.newest) this.die(owner);
  }

  private post(owner: LogOwner): void {
    const { book } = this;
    const waiting = this.ids.filter((id) => !book.acked.has(id));
    const id = this.world.random.pick(waiting.length > 0 ? waiting : this.ids);
    this.world.say(() => `${id} to ${owner.name}`);
    owner.post(id, book.sent.has(id));
    book.sent.add(id);
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

  private die(owner: LogOwner): void {
    this.world.say(() => `${owner.name} is gone`);
    owner.alive = false;
    this.world.died(owner.name);
  }

  private async end(): Promise<void> {
    const { world, book } = this;
    for (let turn = 0; turn < SETTLE_TURNS; turn++) {
      const waiting = this.ids.filter((id) => book.sent.has(id) && !book.acked.has(id));
      if (waiting.length === 0) break;
      if (turn === SETTLE_TURNS - 1) world.fail(`${waiting.join(' ')} is not acked in a world without faults`);
      for (const id of waiting) this.newest.post(id, true);
      world.disk.settleOf(this.newest.name);
      world.fireTimers();
      if (turn % 10 === 5) this.newest.open();
      await world.quiet();
    }
    for (const fence of [100, 101]) {
      book.whole((await readWhole(world, LOG, fence)).map(({ bytes }) => numberedOf(bytes)));
      world.disk.settle();
      await world.quiet();
    }
  }
}
