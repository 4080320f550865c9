// What metrics are made of: gauges, totals and histograms that somebody else counts and a scrape reads. Beside metrics.ts the one file
// that knows prom-client.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Labels = Record<string, string>;
export type Sample = readonly [value: number, labels?: Labels];
export type Row<Of> = readonly [is: 'gauge' | 'total', name: string, help: string, pick: (of: Of) => number];

/** A histogram as its owner keeps it: how many were at most each bound and above the one before; one more than there are bounds. */
export interface KeptCounts {
  readonly counts: readonly number[];
  readonly sum: number;
}

export class PulledMetrics {
  readonly registry = new Registry();

  gauge(name: string, help: string, labelNames: string[], read: () => Iterable<Sample>): void {
    const collect = (): void => show(metric, labelNames, read());
    const metric = new Gauge({ name, help, labelNames, registers: [this.registry], collect });
  }

  /** A total that somebody else keeps. */
  total(name: string, help: string, labelNames: string[], read: () => Iterable<Sample>): void {
    const collect = (): void => show(metric, labelNames, read());
    const metric = new Counter({ name, help, labelNames, registers: [this.registry], collect });
  }

  rows<Of>(table: readonly Row<Of>[], labelNames: string[], read: () => readonly (readonly [Of, Labels])[]): void {
    for (const [is, name, help, pick] of table)
      this[is](name, help, labelNames, () => read().map(([of, labels]): Sample => [pick(of), labels]));
  }

  /** Of prom-client only the frame of it: it has no way to be told counts. */
  histogram(name: string, help: string, bounds: readonly number[], read: () => KeptCounts | null): void {
    const frame = new Histogram({ name, help, buckets: [...bounds], registers: [] });
    const get = async () => ({ ...(await frame.get()), values: valuesOf(name, bounds, read()) });
    this.registry.registerMetric({ name, get } as unknown as Histogram);
  }
}

/** What reads nothing shows nothing: a 0 would say that it was asked. */
function show(metric: Gauge | Counter, labelNames: readonly string[], samples: Iterable<Sample>): void {
  metric.reset();
  if (labelNames.length === 0) metric.remove();
  for (const [value, labels] of samples) metric.inc(labels ?? {}, value);
}

function valuesOf(name: string, bounds: readonly number[], kept: KeptCounts | null) {
  if (kept === null) return [];
  let upTo = 0;
  const buckets = kept.counts.map((count, index) => {
    upTo += count;
    return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf' }, value: upTo };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: kept.sum },
    { metricName: `${name}_count`, labels: {}, value: upTo },
  ];
}
