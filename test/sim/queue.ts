// What is going to happen, least (time, tie, order) first: a binary heap. Cancelled ones stay until their turn, and are skipped.
import type { Owner } from './world.ts';

export interface Happening {
  time: number;
  tie: number;
  order: number;
  readonly owner: Owner;
  /** A timer of the process: after a freeze its turn may come behind what waits in sockets. */
  isTimer?: boolean;
  /** Null once cancelled. */
  run: (() => void) | null;
}

export class Queue {
  private readonly heap: Happening[] = [];

  get size(): number {
    return this.heap.length;
  }

  get first(): Happening | undefined {
    return this.heap[0];
  }

  push(happening: Happening): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Happening;
      if (!isBefore(happening, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = happening;
  }

  pop(): Happening | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, heap[below] as Happening)) below++;
      const child = heap[below] as Happening;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  if (a.time !== b.time) return a.time < b.time;
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie;
}
