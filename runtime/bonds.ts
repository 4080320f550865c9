// Links and monitors, with the semantics of OTP: `down` comes once, at once with `noproc` if the actor is gone; exits propagate
// both ways over links. A restart is an end too: the watchers of the old incarnation hear of it.
import { bondsOf, Cell, DEAD, type Monitor } from './cell.ts';
import type { Core } from './core.ts';
import type { Down, Exit, ExitReason, Ref } from './kind.ts';
import { TAG_DOWN, TAG_EXIT } from './lane.ts';
import { ForeignRef } from './refs.ts';

export class BondKeeper {
  private readonly core: Core;
  /** Monitors and links on actors that are no cells: services, and those of other nodes. */
  private readonly strangers = new Map<Ref, Map<number, Monitor>>();
  private readonly strangerLinks = new Map<Ref, Set<Cell>>();

  constructor(core: Core) {
    this.core = core;
  }

  monitor(watcher: Monitor['watcher'], ref: Ref, alive: (ref: Ref) => boolean): number {
    const monitor: Monitor = { id: this.core.nextId(), ref, watcher };
    if (watcher instanceof Cell) {
      const bonds = bondsOf(watcher);
      bonds.watching ??= new Map();
      bonds.watching.set(monitor.id, monitor);
    }
    if (ref instanceof Cell) {
      if ((ref.flags & DEAD) !== 0) {
        this.fire(monitor, 'noproc');
      } else {
        const bonds = bondsOf(ref);
        bonds.watchers ??= new Map();
        bonds.watchers.set(monitor.id, monitor);
      }
    } else if (alive(ref)) {
      this.strangersOf(ref).set(monitor.id, monitor);
      if (ref instanceof ForeignRef) this.core.router?.monitor?.(ref, monitor.id);
    } else {
      this.fire(monitor, 'noproc');
    }
    return monitor.id;
  }

  /** After it no `down` comes, not even one that waits in the mailbox. */
  demonitor(watcher: Cell, id: number): void {
    const monitor = watcher.bonds?.watching?.get(id);
    if (monitor === undefined) return;
    watcher.bonds?.watching?.delete(id);
    this.unwatch(monitor.ref, id);
  }

  /** Takes the watch off the watched side. */
  unwatch(ref: Ref, id: number): void {
    if (ref instanceof Cell) {
      ref.bonds?.watchers?.delete(id);
      return;
    }
    const set = this.strangers.get(ref);
    if (set === undefined || !set.delete(id)) return;
    if (set.size === 0) this.strangers.delete(ref);
    if (ref instanceof ForeignRef) this.core.router?.demonitor?.(ref, id);
  }

  /** True once per monitor: the `down` in hand is still wanted. */
  claim(watcher: Cell, id: number): boolean {
    return watcher.bonds?.watching?.delete(id) === true;
  }

  link(cell: Cell, ref: Ref, alive: (ref: Ref) => boolean): void {
    if (ref === cell) return;
    if (!alive(ref)) {
      this.exit(cell, ref, 'noproc');
      return;
    }
    this.linksOf(cell).add(ref);
    if (ref instanceof Cell) {
      this.linksOf(ref).add(cell);
      return;
    }
    let set = this.strangerLinks.get(ref);
    if (set === undefined) {
      set = new Set();
      this.strangerLinks.set(ref, set);
    }
    set.add(cell);
    if (ref instanceof ForeignRef) this.core.router?.link?.(cell, ref);
  }

  unlink(cell: Cell, ref: Ref): void {
    if (cell.bonds?.links?.delete(ref) !== true) return;
    if (ref instanceof Cell) {
      ref.bonds?.links?.delete(cell);
      return;
    }
    this.strangerLinks.get(ref)?.delete(cell);
    if (ref instanceof ForeignRef) this.core.router?.unlink?.(cell, ref);
  }

  /** An actor that is no cell ended, or its node was lost. */
  strangerEnded(ref: Ref, reason: ExitReason): void {
    const watches = this.strangers.get(ref);
    this.strangers.delete(ref);
    if (watches !== undefined) for (const monitor of watches.values()) this.fire(monitor, reason);
    const links = this.strangerLinks.get(ref);
    this.strangerLinks.delete(ref);
    if (links === undefined) return;
    for (const cell of links) {
      cell.bonds?.links?.delete(ref);
      this.exit(cell, ref, reason);
    }
  }

  strangersOn(node: string): Ref[] {
    const refs = new Set<Ref>();
    for (const ref of this.strangers.keys()) if (ref instanceof ForeignRef && ref.node === node) refs.add(ref);
    for (const ref of this.strangerLinks.keys()) if (ref instanceof ForeignRef && ref.node === node) refs.add(ref);
    return [...refs];
  }

  /** One monitor on another node's actor fired. */
  foreignDown(ref: ForeignRef, id: number, reason: ExitReason): void {
    const monitor = this.strangers.get(ref)?.get(id);
    if (monitor === undefined) return;
    this.strangers.get(ref)?.delete(id);
    this.fire(monitor, reason);
  }

  /** A cell is over, its DEAD flag set: its watchers and links hear of it; what it watched and waited for is let go. */
  ended(cell: Cell, reason: ExitReason): void {
    const bonds = cell.bonds;
    if (bonds === null) return;
    cell.bonds = null;
    for (let timer = bonds.timers; timer !== null; timer = timer.ownNext) this.core.timers.cancel(timer);
    if (bonds.watching !== null) for (const monitor of bonds.watching.values()) this.unwatch(monitor.ref, monitor.id);
    if (bonds.watchers !== null) for (const monitor of bonds.watchers.values()) this.fire(monitor, reason);
    if (bonds.links === null) return;
    for (const ref of bonds.links) {
      if (ref instanceof Cell) {
        ref.bonds?.links?.delete(cell);
        this.exit(ref, cell, reason);
      } else {
        this.strangerLinks.get(ref)?.delete(cell);
        if (ref instanceof ForeignRef) this.core.router?.exit?.(cell, ref, reason);
      }
    }
  }

  /** Puts an exit signal into a cell's system lane. */
  exit(cell: Cell, ref: Ref, reason: ExitReason): void {
    if ((cell.flags & DEAD) !== 0) return;
    const exit: Exit = { t: 'exit', ref, reason };
    this.core.pushSystem(cell, exit, null, TAG_EXIT);
  }

  private fire(monitor: Monitor, reason: ExitReason): void {
    const down: Down = { t: 'down', monitor: monitor.id, ref: monitor.ref, reason };
    const watcher = monitor.watcher;
    if (!(watcher instanceof Cell)) {
      watcher(down);
    } else if ((watcher.flags & DEAD) === 0) {
      this.core.pushSystem(watcher, down, null, TAG_DOWN);
    }
  }

  private strangersOf(ref: Ref): Map<number, Monitor> {
    let set = this.strangers.get(ref);
    if (set === undefined) {
      set = new Map();
      this.strangers.set(ref, set);
    }
    return set;
  }

  private linksOf(cell: Cell): Set<Ref> {
    const bonds = bondsOf(cell);
    bonds.links ??= new Set();
    return bonds.links;
  }
}
