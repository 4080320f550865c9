// What must hold of the chat, noted as it happens: what was acked or shown never changes, is shown under one number only, and an acked
// message that somebody has not settled has a mark that outlives its owner.
import { shardOf } from '../../../actors/index.ts';
import type { LogWorld } from './log-world.ts';
import { CHAT, USERS } from './owner.ts';

const SHARD = String(shardOf('chat', CHAT));

/** Who shows or acks. */
interface Owner {
  readonly name: string;
  readonly lease: boolean;
}

export class Book {
  created = false;
  readonly acked = new Map<string, number>();
  readonly sent = new Set<string>();
  readonly counts = { owners: 0, acks: 0, shown: 0, repeats: 0 };
  private readonly byNumber = new Map<number, string>();
  private readonly byId = new Map<string, number>();
  private readonly settled = new Map<string, number>();
  private readonly world: LogWorld;

  constructor(world: LogWorld) {
    this.world = world;
  }

  show(owner: Owner, n: number, id: string): void {
    this.counts.shown++;
    this.note(owner, 'shows', n, id);
  }

  ack(owner: Owner, id: string, n: number): void {
    this.counts.acks++;
    if (this.acked.has(id)) this.counts.repeats++;
    this.acked.set(id, n);
    this.note(owner, 'acks', n, id);
  }

  page(owner: Owner, entries: readonly (readonly [number, string])[]): void {
    for (const [at, [n, id]] of entries.entries()) {
      const before = entries[at - 1];
      if (before !== undefined && n !== before[0] + 1) this.world.fail(`a gap in a page: ${before[0]}, ${n}`);
      this.note(owner, 'reads', n, id);
    }
  }

  settles(user: string, upTo: number): void {
    this.world.say(() => `${user} settles ${upTo}`);
    this.settled.set(user, Math.max(upTo, this.settled.get(user) ?? 0));
  }

  private note(owner: Owner, what: string, n: number, id: string): void {
    this.world.say(() => `${owner.name}${owner.lease ? '' : ' (no lease)'} ${what} ${n} ${id}`);
    if ((this.byNumber.get(n) ?? id) !== id)
      this.world.fail(`entry ${n} changed from ${this.byNumber.get(n)} to ${id}`);
    if ((this.byId.get(id) ?? n) !== n) this.world.fail(`${id} is entry ${this.byId.get(id)} and entry ${n}`);
    this.byNumber.set(n, id);
    this.byId.set(id, n);
  }

  /** After each step. */
  check(): void {
    const { disk } = this.world;
    if (disk.faults.length > 0) this.world.fail(disk.faults[0] ?? '');
  }

  /** After each step, where there are marks. */
  checkMark(): void {
    const { disk } = this.world;
    const acked = Math.max(0, ...this.acked.values());
    const owed = USERS.some((user) => (this.settled.get(user) ?? 0) < acked);
    if (owed && !disk.hasEverywhere('dirty', SHARD, CHAT))
      this.world.fail('an acked message is not settled, and its chat not marked');
  }

  /** The whole log, as read at last. */
  whole(entries: readonly (readonly [number, string])[]): void {
    for (const [at, [n]] of entries.entries()) if (n !== at + 1) this.world.fail(`a gap in the log before ${n}`);
    const ids = new Set(entries.map(([, id]) => id));
    if (ids.size < entries.length) this.world.fail('a message is in the log twice');
    for (const [n, id] of this.byNumber)
      if (entries[n - 1]?.[1] !== id) this.world.fail(`entry ${n} was ${id}, and is ${entries[n - 1]?.[1] ?? 'lost'}`);
  }
}
