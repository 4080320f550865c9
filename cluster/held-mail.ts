// Mail for shards that are on their way, in memory and bounded: what comes before the shard is here waits, in order; beyond the bounds its
// sender is refused. The rest of a mailbox that the last owner ships goes before what came here directly. Pure.
import type { Refusal, WaitingMail } from '../runtime/index.ts';

export interface HeldMail extends WaitingMail {
  readonly kind: string;
  readonly key: string;
  /** How often it was sent on already. */
  readonly hops: number;
}

export const HELD_SHARD_MAX = 1_024;
export const HELD_MAX = 32_768;

interface Held {
  /** Of the last owner's mailboxes. */
  readonly rest: HeldMail[];
  readonly mails: HeldMail[];
}

export class HeldMails {
  private readonly shards = new Map<number, Held>();
  count = 0;

  hold(shard: number, mail: HeldMail): Refusal | null {
    const held = this.of(shard);
    if (held.mails.length >= HELD_SHARD_MAX || this.count >= HELD_MAX) return 'busy';
    held.mails.push(mail);
    this.count++;
    return null;
  }

  /** What the last owner had not handled. Taken whatever the bounds say: it was taken once, and a mailbox is bounded. */
  rest(shard: number, mail: HeldMail): void {
    this.of(shard).rest.push(mail);
    this.count++;
  }

  /** All of a shard, in the order in which it is to be handled. */
  take(shard: number): HeldMail[] {
    const held = this.shards.get(shard);
    if (held === undefined) return [];
    this.shards.delete(shard);
    this.count -= held.rest.length + held.mails.length;
    return [...held.rest, ...held.mails];
  }

  has(shard: number): boolean {
    return this.shards.has(shard);
  }

  /** Shards that have any. */
  keys(): number[] {
    return [...this.shards.keys()];
  }

  private of(shard: number): Held {
    let held = this.shards.get(shard);
    if (held === undefined) {
      held = { rest: [], mails: [] };
      this.shards.set(shard, held);
    }
    return held;
  }
}
