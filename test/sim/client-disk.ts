// Where a simulated device keeps its outbox: what was flushed survives anything, what was only saved survives the death of the process
// but of a power cut only a part, the oldest.
import {
  applyChange,
  copyOf,
  emptyStored,
  type OutboxStore,
  type StoreChange,
  type Stored,
} from '../../client/core/index.ts';
import type { Random } from './random.ts';
import type { Owner, World } from './world.ts';

export class ClientDisk {
  private readonly random: Random;
  private readonly flushMs: number;
  private readonly durable: Stored = emptyStored();
  /** Saves that were not flushed yet, and how many were. */
  private saved: (readonly StoreChange[])[] = [];
  private kept = 0;

  constructor(random: Random, flushMs: number) {
    this.random = random;
    this.flushMs = flushMs;
  }

  /** The store of one life of the client. */
  open(world: World, owner: Owner): OutboxStore {
    return {
      load: () => this.stored(),
      save: (changes) => {
        this.saved.push(changes.map(copied));
      },
      flush: () => {
        const upTo = this.kept + this.saved.length;
        // Most flushes are quick; one that is not is a promise that settles later, or never.
        if (this.saved.length === 0 || this.flushMs === 0 || this.random.chance(0.3)) return this.keep(upTo);
        return new Promise((resolve) => {
          world.after(owner, this.random.next() * this.flushMs, () => {
            this.keep(upTo);
            resolve();
          });
        });
      },
      close: () => {},
    };
  }

  private keep(upTo: number): void {
    const changes = this.saved.splice(0, Math.max(0, upTo - this.kept));
    this.kept += changes.length;
    for (const change of changes.flat()) applyChange(this.durable, change);
  }

  /** The process died: the system has what was saved. The power went: it has a part of that. */
  died(how: 'process' | 'power'): void {
    this.keep(this.kept + (how === 'process' ? this.saved.length : this.random.whole(0, this.saved.length)));
    this.saved = [];
  }

  /** As a client that starts now would find it. */
  stored(): Stored {
    const stored = copyOf(this.durable);
    for (const change of this.saved.flat()) applyChange(stored, change);
    return stored;
  }
}

function copied(change: StoreChange): StoreChange {
  if (change.is !== 'message') return change;
  return { ...change, message: { ...change.message, body: change.message.body.slice() } };
}
