// A first-in first-out ring of cells that have mail. Grows by doubling, gives back what a flood made it grow to.
import type { Cell } from './cell.ts';

const START = 1_024;
const KEPT = 65_536;

export class RunQueue {
  private ring: (Cell | null)[] = new Array(START).fill(null);
  private mask = START - 1;
  private head = 0;
  count = 0;

  push(cell: Cell): void {
    if (this.count > this.mask) this.resize((this.mask + 1) * 2);
    this.ring[(this.head + this.count) & this.mask] = cell;
    this.count++;
  }

  /** Only when `count` is not 0. */
  shift(): Cell {
    const cell = this.ring[this.head] as Cell;
    this.ring[this.head] = null;
    this.head = (this.head + 1) & this.mask;
    this.count--;
    return cell;
  }

  /** Called between slices. */
  trim(): void {
    if (this.count === 0 && this.mask >= KEPT) this.resize(START);
  }

  private resize(capacity: number): void {
    const ring: (Cell | null)[] = new Array(capacity).fill(null);
    for (let n = 0; n < this.count; n++) ring[n] = this.ring[(this.head + n) & this.mask] as Cell;
    this.ring = ring;
    this.mask = capacity - 1;
    this.head = 0;
  }
}
