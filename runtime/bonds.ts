// Links and monitors, with the semantics of OTP: `down` comes once, at once with `noproc` if the actor is gone; exits propagate
// both ways over links. A restart is an end too: the watchers of the old incarnation hear of it.
import { type Bonds, bondsOf, Cell, DEAD, Monitor, rareOf } from './cell.ts';
import type { Core } from './core.ts';
import type { Down, Exit, ExitReason, Ref } from './kind.ts';
import { TAG_DOWN, TAG_EXIT } from './lane.ts';
import { dropMonitor, monitorOf, ownMonitor } from './owned.ts';
import { ForeignRef } from './refs.ts';

export class BondKeeper {
  private readonly core: Core;
  /** Monitors and links on actors that are no cells: services, and those of other nodes. */
  private readonly strangers = new Map<Ref, Map<number, Monitor>>();
  private readonly strangerLinks = new Map<Ref, Set<Cell>>();

  constructor(core: Core) {
    this.core = core;
  }

  monitor(watcher: Monitor['watcher'], ref: Ref, alive: (ref: Ref) => boolean): Monitor {
    const monitor = new Monitor(this.core.nextId(), ref, watcher);
    if (watcher instanceof Cell) ownMonitor(bondsOf(watcher), monitor);
    if (ref instanceof Cell) {
      if ((ref.flags & DEAD) !== 0) this.fire(monitor, 'noproc');
      else append(bondsOf(ref), monitor);
    } else if (alive(ref)) {
      this.strangersOf(ref).set(monitor.id, monitor);
      if (ref instanceof ForeignRef) this.core.router?.monitor?.(ref, monitor.id);
    } else {
      this.fire(monitor, 'noproc');
    }
    return monitor;
  }

  /** After it no `down` comes, not even one that waits in the mailbox. */
  demonitor(watcher: Cell, id: number): void {
    const { bonds } = watcher;
    if (bonds === null) return;
    const monitor = monitorOf(bonds, id);
    if (monitor === undefined) return;
    dropMonitor(bonds, monitor);
    this.unwatch(monitor);
  }

  /** Takes the watch off the watched side. */
  unwatch(monitor: Monitor): void {
    const { id, ref } = monitor;
    if (ref instanceof Cell) {
      if (ref.bonds !== null) remove(ref.bonds, monitor);
      return;
    }
    const set = this.strangers.get(ref);
    if (set === undefined || !set.delete(id)) return;
    if (set.size === 0) this.strangers.delete(ref);
    if (ref instanceof ForeignRef) this.core.router?.demonitor?.(ref, id);
  }

  /** True once per monitor: the `down` in hand is still wanted. */
  claim(watcher: Cell, id: number): boolean {
    const { bonds } = watcher;
    const monitor = bonds === null ? undefined : monitorOf(bonds, id);
    if (bonds === null || monitor === undefined) return false;
    dropMonitor(bonds, monitor);
    return true;
  }

  link(cell: Cell, ref: Ref, alive: (ref: Ref) => boolean): void {
    if (ref === cell) return;
    if (!alive(ref)) {
      this.exit(cell, ref, 'noproc');
      return;
    }
    if (ref instanceof Cell) {
      this.linksOf(cell).add(ref);
      this.linksOf(ref).add(cell);
      return;
    }
    this.tie(cell, ref);
    if (ref instanceof ForeignRef) this.core.router?.link?.(cell, ref);
  }

  /** This side of a link with an actor that is no cell here. */
  tie(cell: Cell, ref: Ref): void {
    this.linksOf(cell).add(ref);
    let set = this.strangerLinks.get(ref);
    if (set === undefined) {
      set = new Set();
      this.strangerLinks.set(ref, set);
    }
    set.add(cell);
  }

  /** False: there was no such link. */
  untie(cell: Cell, ref: Ref): boolean {
    const set = this.strangerLinks.get(ref);
    if (set?.delete(cell) !== true) return false;
    if (set.size === 0) this.strangerLinks.delete(ref);
    cell.bonds?.rare?.links?.delete(ref);
    return true;
  }

  unlink(cell: Cell, ref: Ref): void {
    if (ref instanceof Cell) {
      if (cell.bonds?.rare?.links?.delete(ref) === true) ref.bonds?.rare?.links?.delete(cell);
      return;
    }
    if (this.untie(cell, ref) && ref instanceof ForeignRef) this.core.router?.unlink?.(cell, ref);
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
      cell.bonds?.rare?.links?.delete(ref);
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
    const set = this.strangers.get(ref);
    const monitor = set?.get(id);
    if (set === undefined || monitor === undefined) return;
    set.delete(id);
    if (set.size === 0) this.strangers.delete(ref);
    this.fire(monitor, reason);
  }

  /** A cell is over, its DEAD flag set: its watchers and links hear of it; what it watched and waited for is let go. */
  ended(cell: Cell, reason: ExitReason): void {
    const bonds = cell.bonds;
    if (bonds === null) return;
    cell.bonds = null;
    for (let timer = bonds.timers; timer !== null; timer = timer.ownNext) this.core.timers.cancel(timer);
    for (let monitor = bonds.watching; monitor !== null; monitor = monitor.ownNext) this.unwatch(monitor);
    for (let monitor = bonds.watchers; monitor !== null; monitor = monitor.next) this.fire(monitor, reason);
    const links = bonds.rare?.links ?? null;
    if (links === null) return;
    for (const ref of links) {
      if (ref instanceof Cell) {
        ref.bonds?.rare?.links?.delete(cell);
        this.exit(ref, cell, reason);
      } else {
        this.untie(cell, ref);
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
    const rare = rareOf(bondsOf(cell));
    rare.links ??= new Set();
    return rare.links;
  }
}

const append = (bonds: Bonds, monitor: Monitor): void => {
  const first = bonds.watchers;
  if (first === null) {
    monitor.prev = monitor;
    bonds.watchers = monitor;
    return;
  }
  const last = first.prev as Monitor;
  last.next = monitor;
  monitor.prev = last;
  first.prev = monitor;
};

const remove = (bonds: Bonds, monitor: Monitor): void => {
  const { prev, next } = monitor;
  const first = bonds.watchers;
  if (prev === null || first === null) return;
  if (first === monitor) bonds.watchers = next;
  else prev.next = next;
  // The last one's place is known to the first.
  if (next !== null) next.prev = prev;
  else if (first !== monitor) first.prev = prev;
  monitor.prev = null;
  monitor.next = null;
};
