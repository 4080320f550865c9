// What a host does when a cell ends: tell those who watch, then restart with backoff, park, let a successor have the rest of the
// mailbox, or close the name. The policy is OTP's: permanent, transient, temporary, and a restart intensity, here per cell.
import type { BondKeeper } from './bonds.ts';
import { BACKOFF, bondsOf, type Cell, DEAD, FRESH, PARKED, rareOf, STOPPING, SUCCEEDED } from './cell.ts';
import type { Core } from './core.ts';
import type { Host, Trouble } from './host.ts';
import type { ExitReason, Ref, Refusal } from './kind.ts';
import { type Lane, TAG_TYPE_MASK, TAG_USER } from './lane.ts';
import type { Returns } from './returns.ts';

const REASON_CHARS_MAX = 200;

/** `asked`: by its own handler or an exit signal. `supervisor`: by `kernel.stop`, never restarted. `crash`: it threw. */
type How = 'asked' | 'supervisor' | 'killed' | 'crash';

export class Supervision {
  private readonly core: Core;
  private readonly bonds: BondKeeper;
  private readonly returns: Returns;

  constructor(core: Core, bonds: BondKeeper, returns: Returns) {
    this.core = core;
    this.bonds = bonds;
    this.returns = returns;
  }

  /** A handler threw. When it is the cell's own turn, the mail in hand goes back to its sender. */
  crashed(cell: Cell, error: unknown): void {
    if ((cell.flags & DEAD) !== 0) return;
    const message = error instanceof Error ? error.message : String(error);
    const reason: ExitReason = `crash: ${message.slice(0, REASON_CHARS_MAX)}`;
    const stack = error instanceof Error && error.stack !== undefined ? frames(error.stack) : null;
    this.core.env.log.error({ kind: cell.host.name, key: cell.key, reason, stack }, 'cell crashed');
    cell.host.crashes++;
    this.finish(cell, reason, 'crash');
  }

  /** Ends an incarnation. */
  finish(cell: Cell, reason: ExitReason, how: How): void {
    if ((cell.flags & DEAD) !== 0) return;
    const host = cell.host;
    const turn = this.core.turn;
    const inHand = turn.cell === cell && how === 'crash' && turn.mail !== null;
    const mail = turn.mail;
    const sender = turn.sender;
    const tag = turn.tag;
    if (how !== 'killed' && (cell.flags & (FRESH | PARKED)) === 0) this.lastWord(cell, reason);
    if ((cell.flags & PARKED) !== 0) host.parked--;
    cell.flags |= DEAD;
    if (this.core.trace !== null) this.core.trace('ended', cell, null, null);
    if (inHand) this.giveBack(cell, mail as object, sender, tag);
    this.dropSystem(cell);
    this.bonds.ended(cell, reason);
    const lane = cell.user;
    cell.user = null;
    cell.state = undefined;
    if (host.cells.get(cell.key) === cell) this.decide(host, cell, lane, reason, how);
    else if (lane !== null) this.closeLane(cell, lane, 'noproc');
  }

  /** Leaves without an end: no `down`, no restart. The caller made sure that nobody watches and nothing waits. */
  hibernate(cell: Cell): void {
    const host = cell.host;
    host.hibernations++;
    cell.flags |= DEAD | SUCCEEDED;
    this.bonds.ended(cell, 'normal');
    this.core.giveLanes(cell);
    cell.state = undefined;
    host.cells.delete(cell.key);
    host.args.delete(cell.key);
  }

  /** A parked cell may try again. False: it is not parked. */
  unpark(host: Host<Cell>, key: string): boolean {
    const cell = host.cells.get(key);
    if (cell === undefined || (cell.flags & PARKED) === 0) return false;
    host.parked--;
    host.troubles.delete(key);
    if (host.byMail) {
      cell.flags |= DEAD | SUCCEEDED;
      host.cells.delete(key);
      host.args.delete(key);
      return true;
    }
    cell.flags &= ~PARKED;
    cell.state = host.args.get(key);
    this.core.settle(cell);
    return true;
  }

  private decide(host: Host<Cell>, cell: Cell, lane: Lane | null, reason: ExitReason, how: How): void {
    const policy = host.kind.restart;
    const abnormal = reason !== 'normal' && reason !== 'shutdown';
    const restarts =
      how !== 'supervisor' && !this.core.closed && (policy === 'permanent' || (policy === 'transient' && abnormal));
    if (restarts) {
      this.restart(host, cell, lane, reason);
      return;
    }
    if (reason === 'normal' && how === 'asked' && host.byMail && lane !== null && lane.count > 0 && !this.core.closed) {
      // Mail that came while it was leaving: the name comes back with it at once, instead of telling its senders to try again.
      this.succeed(host, cell, lane, undefined);
      return;
    }
    host.cells.delete(cell.key);
    host.args.delete(cell.key);
    host.troubles.delete(cell.key);
    if (lane !== null) this.closeLane(cell, lane, how === 'crash' ? 'crashed' : 'noproc');
  }

  private restart(host: Host<Cell>, cell: Cell, lane: Lane | null, reason: ExitReason): void {
    const trouble = this.noteTrouble(host, cell.key, reason);
    if (trouble.crashesAt.length > host.restartsMax) {
      this.park(host, cell, lane, trouble);
      return;
    }
    host.restarts++;
    const successor = this.succeed(host, cell, lane, host.args.get(cell.key), BACKOFF);
    const ceiling = Math.min(host.backoffMaxMs, host.backoffMinMs * 2 ** trouble.attempt);
    const pauseMs = host.backoffMinMs + this.core.env.random() * (ceiling - host.backoffMinMs);
    this.core.timers.run(pauseMs, () => {
      successor.flags &= ~BACKOFF;
      this.core.settle(successor);
    });
  }

  private noteTrouble(host: Host<Cell>, key: string, reason: ExitReason): Trouble {
    const now = this.core.env.now();
    let trouble = host.troubles.get(key);
    if (trouble === undefined) {
      trouble = { crashesAt: [], attempt: 0, reason, parkedAt: null };
      host.troubles.set(key, trouble);
    }
    const recent = trouble;
    while (recent.crashesAt.length > 0 && now - (recent.crashesAt[0] as number) > host.windowMs)
      recent.crashesAt.shift();
    recent.crashesAt.push(now);
    recent.attempt++;
    recent.reason = reason;
    const attempt = recent.attempt;
    // A quiet window after the longest pause: forgiven.
    this.core.timers.run(host.windowMs + host.backoffMaxMs, () => {
      const same = host.troubles.get(key) === recent && recent.attempt === attempt && recent.parkedAt === null;
      if (same) host.troubles.delete(key);
    });
    return recent;
  }

  private park(host: Host<Cell>, cell: Cell, lane: Lane | null, trouble: Trouble): void {
    const shell = this.succeed(host, cell, null, undefined, PARKED);
    host.parked++;
    trouble.parkedAt = this.core.env.now();
    this.core.env.log.error({ kind: host.name, key: cell.key, reason: trouble.reason }, 'cell parked');
    if (lane !== null) this.closeLane(cell, lane, 'parked');
    this.core.timers.run(host.parkMs, () => {
      if (host.cells.get(cell.key) === shell) this.unpark(host, cell.key);
    });
  }

  /** The next incarnation takes the name and the rest of the mailbox. */
  private succeed(host: Host<Cell>, cell: Cell, lane: Lane | null, arg: unknown, flags = 0): Cell {
    cell.flags |= SUCCEEDED;
    const successor = this.core.create(host, cell.key, arg);
    host.spawned--;
    successor.flags |= flags;
    successor.user = lane;
    this.core.settle(successor);
    return successor;
  }

  private lastWord(cell: Cell, reason: ExitReason): void {
    const { kind } = cell.host;
    if (kind.onStop === undefined) return;
    cell.flags |= STOPPING;
    this.aside(cell, 'onStop', () => kind.onStop?.(this.core.ctx, cell.state, reason));
  }

  /** Lets a live cell prepare its move. */
  seal(cell: Cell): void {
    const { kind } = cell.host;
    if (kind.onSeal !== undefined) this.aside(cell, 'onSeal', () => kind.onSeal?.(this.core.ctx, cell.state));
  }

  /** Runs a hook of a cell outside of its mail, as a turn of its own. */
  private aside(cell: Cell, name: string, run: () => void): void {
    const turn = this.core.turn;
    const saved = { ...turn };
    Object.assign(turn, { cell, mail: null, sender: null, tag: 0, nowMs: -1 });
    try {
      run();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = message.slice(0, REASON_CHARS_MAX);
      this.core.env.log.error({ kind: cell.host.name, key: cell.key, reason }, `${name} threw`);
    }
    Object.assign(turn, saved);
  }

  private giveBack(cell: Cell, mail: object, sender: Ref | null, tag: number): void {
    if ((tag & TAG_TYPE_MASK) === TAG_USER) this.returns.refuse(cell.host.name, cell.key, mail, sender, tag, 'crashed');
    else this.core.deadLetters.add(cell.host.name, cell.key, 'crashed', mail, null);
  }

  /** Replies, downs and timers were for this incarnation. */
  private dropSystem(cell: Cell): void {
    const lane = cell.system;
    if (lane === null) return;
    cell.system = null;
    while (lane.count > 0) {
      const at = lane.shift();
      this.core.deadLetters.add(cell.host.name, cell.key, 'noproc', lane.slots[at], null);
      lane.clear(at);
    }
    this.core.pool.give(lane);
  }

  private closeLane(cell: Cell, lane: Lane, reason: Refusal): void {
    this.returns.refuseAll(cell.host.name, cell.key, lane, reason);
    this.core.pool.give(lane);
  }
}

/** Only where it happened: the first line repeats the message. */
const frames = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 8)
    .join('\n');

export const stopFromWithin = (cell: Cell, reason: ExitReason): void => {
  cell.flags |= STOPPING;
  rareOf(bondsOf(cell)).stopReason = reason;
};
