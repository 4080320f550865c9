// What a cluster's router asks of the kernel on behalf of actors of other nodes: to find who is meant by an address that came over
// the wire, and to keep links between a cell here and an actor there. The router is the only one who uses it.
import type { BondKeeper } from './bonds.ts';
import { Cell, DEAD } from './cell.ts';
import type { Core } from './core.ts';
import type { ExitReason, Ref } from './kind.ts';
import type { ForeignRef, Outlet } from './refs.ts';

export class Foreign {
  private readonly core: Core;
  private readonly bonds: BondKeeper;
  private readonly outlets: ReadonlySet<Outlet>;

  constructor(core: Core, bonds: BondKeeper, outlets: ReadonlySet<Outlet>) {
    this.core = core;
    this.bonds = bonds;
    this.outlets = outlets;
  }

  /** Which incarnation of its name a cell is, from 1; 0 for actors that are no cells. */
  lifeOf(ref: Ref): number {
    return ref instanceof Cell ? ref.life : 0;
  }

  /** The cell of exactly that incarnation, or the service of that name (`life` 0). Null: it is gone. */
  find(kind: string, key: string, life: number): Ref | null {
    if (life !== 0) {
      const cell = this.core.hosts.get(kind)?.cells.get(key);
      return cell !== undefined && cell.life === life ? cell : null;
    }
    for (const outlet of this.outlets) if (outlet.kind === kind && outlet.key === key) return outlet;
    return null;
  }

  /** `ref` linked itself to a cell here. False: the cell is gone. */
  link(cell: Ref, ref: ForeignRef): boolean {
    if (!(cell instanceof Cell) || (cell.flags & DEAD) !== 0) return false;
    this.bonds.tie(cell, ref);
    return true;
  }

  unlink(cell: Ref, ref: ForeignRef): void {
    if (cell instanceof Cell) this.bonds.untie(cell, ref);
  }

  /** `ref` ended and was linked to `cell`: an exit signal, unless that link was taken back meanwhile. */
  exit(cell: Ref, ref: ForeignRef, reason: ExitReason): void {
    if (cell instanceof Cell && this.bonds.untie(cell, ref)) this.bonds.exit(cell, ref, reason);
  }
}
