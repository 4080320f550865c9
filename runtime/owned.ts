// What a cell owns by number: its timers and its monitors, each a list, newest first. Most cells own one or two, so that a look
// along the list is all it takes; the first look that goes on for long makes an index, which is kept from then on.
import { type Bonds, type Monitor, rareOf } from './cell.ts';
import type { Timer } from './wheel.ts';

const STEPS_MAX = 8;

interface Owned<T> {
  readonly id: number;
  ownPrev: T | null;
  ownNext: T | null;
}

export const ownTimer = (bonds: Bonds, timer: Timer): void => {
  prepend(bonds.timers, timer);
  bonds.timers = timer;
  bonds.rare?.timerIndex?.set(timer.id, timer);
};

export const ownMonitor = (bonds: Bonds, monitor: Monitor): void => {
  prepend(bonds.watching, monitor);
  bonds.watching = monitor;
  bonds.rare?.watchingIndex?.set(monitor.id, monitor);
};

export const dropTimer = (bonds: Bonds, timer: Timer): void => {
  if (bonds.timers === timer) bonds.timers = timer.ownNext;
  unlink(timer);
  bonds.rare?.timerIndex?.delete(timer.id);
};

export const dropMonitor = (bonds: Bonds, monitor: Monitor): void => {
  if (bonds.watching === monitor) bonds.watching = monitor.ownNext;
  unlink(monitor);
  bonds.rare?.watchingIndex?.delete(monitor.id);
};

export const timerOf = (bonds: Bonds, id: number): Timer | undefined => {
  const found = near(bonds.timers, id);
  if (found !== null) return found;
  const rare = rareOf(bonds);
  rare.timerIndex ??= indexOf(bonds.timers);
  return rare.timerIndex.get(id);
};

export const monitorOf = (bonds: Bonds, id: number): Monitor | undefined => {
  const found = near(bonds.watching, id);
  if (found !== null) return found;
  const rare = rareOf(bonds);
  rare.watchingIndex ??= indexOf(bonds.watching);
  return rare.watchingIndex.get(id);
};

/** How many; for those who look from outside. */
export const countOf = <T extends Owned<T>>(newest: T | null): number => {
  let count = 0;
  for (let each = newest; each !== null; each = each.ownNext) count++;
  return count;
};

const prepend = <T extends Owned<T>>(newest: T | null, one: T): void => {
  one.ownNext = newest;
  if (newest !== null) newest.ownPrev = one;
};

const unlink = <T extends Owned<T>>(one: T): void => {
  if (one.ownPrev !== null) one.ownPrev.ownNext = one.ownNext;
  if (one.ownNext !== null) one.ownNext.ownPrev = one.ownPrev;
  one.ownPrev = null;
  one.ownNext = null;
};

/** Undefined: it is not there. Null: the list is long, and it was not among its first. */
const near = <T extends Owned<T>>(newest: T | null, id: number): T | undefined | null => {
  let steps = 0;
  for (let each = newest; each !== null; each = each.ownNext) {
    if (each.id === id) return each;
    if (++steps === STEPS_MAX) return null;
  }
  return undefined;
};

const indexOf = <T extends Owned<T>>(newest: T | null): Map<number, T> => {
  const index = new Map<number, T>();
  for (let each = newest; each !== null; each = each.ownNext) index.set(each.id, each);
  return index;
};
