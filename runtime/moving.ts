// How cells leave that did not end: handed off to another node with the rest of their mailbox, or let go under memory pressure.
// Who owns what is the cluster's business, and when memory is short the node's.
import { type Cell, FRESH, PARKED, RUNNING, SEALED } from './cell.ts';
import type { Core } from './core.ts';
import type { Host } from './host.ts';
import type { WaitingMail } from './kernel-options.ts';
import type { Ref } from './kind.ts';
import { callOf } from './lane.ts';
import { mayLeave } from './scheduler.ts';
import type { Supervision } from './supervision.ts';

export class Moving {
  private readonly core: Core;
  private readonly supervision: Supervision;

  constructor(core: Core, supervision: Supervision) {
    this.core = core;
    this.supervision = supervision;
  }

  seal(cell: Cell): void {
    if ((cell.flags & SEALED) !== 0) return;
    cell.flags |= SEALED;
    if ((cell.flags & (FRESH | PARKED)) === 0) this.supervision.seal(cell);
  }

  isQuiet(cell: Cell): boolean {
    if ((cell.flags & (FRESH | PARKED)) !== 0) return true;
    return cell.host.kind.quiet?.(cell.state) ?? true;
  }

  handOff(cell: Cell): WaitingMail[] {
    if ((cell.flags & RUNNING) !== 0) throw new Error('a cell cannot hand itself off');
    const rest: WaitingMail[] = [];
    const lane = cell.user;
    cell.user = null;
    if (lane !== null) {
      lane.forEach((mail, from, tag) => {
        rest.push({ mail: mail as object, from: from as Ref | null, call: callOf(tag) });
      });
      this.core.recycle(lane);
    }
    this.supervision.finish(cell, 'shutdown', 'supervisor');
    return rest;
  }

  /** Cells without mail for `idleMs` leave, up to `cellsMax` of them, if nobody watches them and `agrees` says so of their state. */
  passivate(
    host: Host<Cell> | undefined,
    idleMs: number,
    cellsMax: number,
    agrees: (state: unknown) => boolean,
  ): number {
    if (host === undefined) return 0;
    this.core.readTick(this.core.env.now());
    let left = 0;
    for (const cell of host.cells.values()) {
      if (left >= cellsMax) break;
      if ((this.core.tick - cell.lastTick) * 100 < idleMs) continue;
      if ((cell.flags & RUNNING) !== 0 || !mayLeave(cell) || (cell.bonds?.timers ?? null) !== null) continue;
      if (!agrees(cell.state)) continue;
      this.supervision.hibernate(cell);
      left++;
    }
    return left;
  }
}
