// Counters of a node by name and label, both from closed sets: what the metrics read. Plain numbers; counting costs a map lookup.
import type { Counters } from '../actors/index.ts';

type Name = Parameters<Counters['count']>[0];

export class CounterTable implements Counters {
  private readonly table = new Map<Name, Map<string, number>>();

  count(name: Name, label: string): void {
    let labels = this.table.get(name);
    if (labels === undefined) {
      labels = new Map();
      this.table.set(name, labels);
    }
    labels.set(label, (labels.get(label) ?? 0) + 1);
  }

  /** One more metric's labels and values. */
  of(name: Name): ReadonlyMap<string, number> {
    return this.table.get(name) ?? NONE;
  }
}
const NONE: ReadonlyMap<string, number> = new Map();
