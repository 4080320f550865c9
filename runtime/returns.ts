// What becomes of mail that was not taken: its sender hears of it, or it is a dead letter.
// Never throws and never loops: what comes back goes by the system lane, which refuses nothing.
import type { Calls } from './calls.ts';
import { Cell, DEAD, PARKED } from './cell.ts';
import type { Core } from './core.ts';
import type { Ref, Refusal, Refused } from './kind.ts';
import { callOf, type Lane, TAG_HINT, TAG_REFUSED, TAG_REPLY, TAG_TYPE_MASK } from './lane.ts';
import { ForeignRef, OutsideRef } from './refs.ts';

export class Returns {
  private readonly core: Core;
  private readonly calls: Calls;

  constructor(core: Core, calls: Calls) {
    this.core = core;
    this.calls = calls;
  }

  /** Counts a refusal; whoever asked synchronously has it as a value. */
  count(kind: string, key: string, mail: object, from: Ref | null, reason: Refusal): void {
    this.core.hosts.get(kind)?.countRefused(reason);
    if (this.core.trace !== null) this.core.trace('refused', { kind, key }, mail, from);
    if (from === null) this.core.deadLetters.add(kind, key, reason, mail, null);
  }

  /** Tells the sender of a mail that `kind` and `key` did not take it. */
  refuse(kind: string, key: string, mail: object, from: Ref | null, tag: number, reason: Refusal): void {
    this.count(kind, key, mail, from, reason);
    if ((tag & TAG_TYPE_MASK) === TAG_HINT) return;
    const call = callOf(tag);
    if (from instanceof ForeignRef) {
      this.core.router?.refused?.(from, { t: 'refused', kind, key, mail, reason }, call);
    } else if (call > 0) {
      this.calls.end(call, { ok: false, value: null, reason });
    } else if (from instanceof Cell && (from.flags & DEAD) === 0) {
      const refused: Refused = { t: 'refused', kind, key, mail, reason };
      this.core.pushSystem(from, refused, null, TAG_REFUSED);
    } else if (from !== null) {
      this.core.deadLetters.add(kind, key, reason, mail, `${from.kind}:${from.key}`);
    }
  }

  /** Empties a lane of user mail, each sender told. */
  refuseAll(kind: string, key: string, lane: Lane, reason: Refusal): void {
    while (lane.count > 0) {
      const at = lane.shift();
      const mail = lane.slots[at] as object;
      const from = lane.slots[at + 1] as Ref | null;
      const tag = lane.slots[at + 2] as number;
      lane.clear(at);
      this.refuse(kind, key, mail, from, tag, reason);
    }
  }

  /** Mail for an actor's system lane from a service or the outside. */
  reply(to: Ref, mail: object, from: Ref | null): void {
    if (to instanceof Cell) {
      if ((to.flags & (DEAD | PARKED)) === 0) this.core.pushSystem(to, mail, from, TAG_REPLY);
      else this.dead(to, mail, from);
    } else if (to instanceof OutsideRef) {
      to.take(mail);
    } else if (to instanceof ForeignRef && this.core.router?.send !== undefined) {
      const refusal = this.core.router.send(to, mail, from, 'reply');
      if (refusal !== null) this.dead(to, mail, from, refusal);
    } else {
      this.dead(to, mail, from);
    }
  }

  private dead(to: Ref, mail: object, from: Ref | null, reason: Refusal = 'noproc'): void {
    this.core.deadLetters.add(to.kind, to.key, reason, mail, from === null ? null : `${from.kind}:${from.key}`);
  }
}
