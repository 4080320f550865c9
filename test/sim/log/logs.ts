// The fast level of the model: owners of one log without cells, so that a minute holds hundreds of thousands of runs, and that outcomes of
// writes come in any order, which a cell's one writer never gives.

import { Book } from './book.ts';
import { LogModel, type Run, runModel } from './log-model.ts';
import { LOG, LogOwner } from './log-owner.ts';
import { LogWorld } from './log-world.ts';
import { numberedOf } from './owner.ts';
import { readWhole } from './whole.ts';

const STEPS = 60;
const MESSAGES = 6;
const SETTLE_TURNS = 200;

export function runLogs(seed: number, traced: boolean): Promise<Run> {
  const world = new LogWorld(`logs ${seed}`, traced);
  return runModel(seed, world, new LogsModel(world, new Book(world), MESSAGES));
}

class LogsModel extends LogModel<LogOwner> {
  override async run(): Promise<void> {
    this.open();
    for (let step = 0; step < STEPS; step++) {
      this.step();
      await this.world.quiet();
      this.book.check();
    }
    await this.end();
  }

  protected override ownerOf(fence: number): LogOwner {
    return new LogOwner(this.world, this.book, fence);
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

  private async end(): Promise<void> {
    const { world, book } = this;
    for (let turn = 0; turn < SETTLE_TURNS; turn++) {
      const waiting = this.unacked(turn, SETTLE_TURNS);
      if (waiting.length === 0) break;
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
