// Latencies in HDR histograms, in microseconds: from the intended send time, which is what a user waits, and from the real one,
// which flatters a server that makes its load wait. Merged over workers as compressed text.
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

const HIGHEST_US = 120_000_000;
const DIGITS = 3;
export const newHistogram = (): Histogram =>
  build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: DIGITS,
  });

export const record = (histogram: Histogram, ms: number): void =>
  histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1_000))));

export const toText = (histogram: Histogram): string => encodeIntoCompressedBase64(histogram);

/** One histogram of all. */
export function merge(texts: readonly string[]): Histogram {
  const all = newHistogram();
  for (const text of texts) all.add(decodeFromCompressedBase64(text, 32));
  return all;
}

/** In milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** [percentile, ms], for a curve. */
  readonly curve: readonly (readonly [number, number])[];
}

const CURVE = [0, 10, 25, 50, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.3, 99.5, 99.7, 99.9, 99.95, 99.97, 99.99, 100];

export function summarize(histogram: Histogram): LatencySummary {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    count: histogram.totalCount,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.maxValue / 1_000,
    curve: CURVE.map((percentile) => [percentile, at(percentile)] as const),
  };
}
