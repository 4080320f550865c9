// Calls under way from this node. The answer, a refusal or the deadline ends a call, whichever is first; its caller hears once.
import { Cell, DEAD } from './cell.ts';
import type { Core } from './core.ts';
import type { CallResult, Ref } from './kind.ts';
import { TAG_REPLY } from './lane.ts';
import { type Answer, OutsideRef } from './refs.ts';
import type { Timer } from './wheel.ts';

/** Calls without an answer yet, a node; beyond it a call is answered `busy` at once. */
export const CALLS_MAX = 100_000;

interface Call {
  readonly caller: Ref;
  readonly token: number;
  readonly timer: Timer;
}

export class Calls {
  private readonly core: Core;
  private readonly open = new Map<number, Call>();

  constructor(core: Core) {
    this.core = core;
  }

  get count(): number {
    return this.open.size;
  }

  /** Returns the call's number, or 0 when too many are open and the caller was told `busy`. */
  begin(caller: Ref, token: number, deadlineMs: number): number {
    if (this.open.size >= CALLS_MAX) {
      this.hand(caller, { t: 'callResult', token, ok: false, value: null, reason: 'busy' });
      return 0;
    }
    const id = this.core.nextId();
    const timer = this.core.timers.run(deadlineMs, () => this.end(id, { ok: false, value: null, reason: 'deadline' }));
    this.open.set(id, { caller, token, timer });
    return id;
  }

  /** Ends the call if it is still open. */
  end(id: number, answer: Answer): void {
    const call = this.open.get(id);
    if (call === undefined) return;
    this.open.delete(id);
    this.core.timers.cancel(call.timer);
    this.hand(call.caller, { t: 'callResult', token: call.token, ...answer });
  }

  private hand(caller: Ref, result: CallResult): void {
    if (caller instanceof OutsideRef) {
      caller.take(result);
    } else if (caller instanceof Cell && (caller.flags & DEAD) === 0) {
      this.core.pushSystem(caller, result, null, TAG_REPLY);
    } else {
      this.core.deadLetters.add(caller.kind, caller.key, 'noproc', result, null);
    }
  }
}
