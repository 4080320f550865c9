// What both levels of the log's model share: one log, its owners one after the other, the messages that senders repeat until they are acked,
// and what the world does to their writes. One run is one seed.
import type { Book } from './book.ts';
import { Broken, type LogWorld } from './log-world.ts';

export interface Run {
  readonly seed: number;
  /** Null: all held. */
  readonly fault: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly trace: readonly string[] | null;
}

/** What a model asks of the owner of a log. */
interface OwnerOfLog {
  readonly name: string;
  lease: boolean;
  alive: boolean;
  post(id: string, retry: boolean): void;
}

export abstract class LogModel<Owner extends OwnerOfLog> {
  readonly book: Book;
  protected readonly world: LogWorld;
  protected readonly owners: Owner[] = [];
  protected readonly ids: readonly string[];

  constructor(world: LogWorld, book: Book, messages: number) {
    this.world = world;
    this.book = book;
    this.ids = Array.from({ length: messages }, (_, i) => `m${i}`);
  }

  /** Throws `Broken` when a rule is. */
  abstract run(): Promise<void>;
  protected abstract ownerOf(fence: number): Owner;

  protected open(): Owner {
    for (const owner of this.owners) owner.lease = false;
    const owner = this.ownerOf(this.owners.length + 1);
    this.owners.push(owner);
    this.book.counts.owners++;
    this.world.say(() => `${owner.name} takes over`);
    return owner;
  }

  protected get newest(): Owner {
    const owner = this.owners.at(-1);
    if (owner === undefined) throw new Error('no owner');
    return owner;
  }

  protected post(owner: Owner): void {
    const { book } = this;
    const waiting = this.ids.filter((id) => !book.acked.has(id));
    const id = this.world.random.pick(waiting.length > 0 ? waiting : this.ids);
    this.world.say(() => `${id} to ${owner.name}`);
    owner.post(id, book.sent.has(id));
    book.sent.add(id);
  }

  protected land(): void {
    const { disk, random } = this.world;
    for (let count = random.whole(1, 4); count > 0 && disk.flights.length > 0; count--) {
      const flight = random.pick(disk.flights);
      // What nobody waits for any more may be lost for good.
      if (flight.commit.settled && random.chance(0.1)) disk.forget(flight);
      else disk.land(flight, random.chance(0.6));
    }
  }

  protected die(owner: Owner): void {
    this.world.say(() => `${owner.name} is gone`);
    owner.alive = false;
    this.world.died(owner.name);
  }

  /** Of the messages sent, those not acked at a turn of a world without faults. Fails at the last turn. */
  protected unacked(turn: number, turns: number): string[] {
    const waiting = this.ids.filter((id) => this.book.sent.has(id) && !this.book.acked.has(id));
    if (waiting.length > 0 && turn === turns - 1)
      this.world.fail(`${waiting.join(' ')} is not acked in a world without faults`);
    return waiting;
  }
}

export async function runModel(seed: number, world: LogWorld, model: LogModel<OwnerOfLog>): Promise<Run> {
  let fault: string | null = null;
  try {
    await model.run();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    fault = error.message;
  }
  return { seed, fault, counts: model.book.counts, trace: world.trace };
}
