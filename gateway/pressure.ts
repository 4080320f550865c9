// How hard the node is pressed, from two measures: event-loop delay (p99 of the last half second) and the share of the heap in use.
// A pure state machine; pressure-monitor.ts feeds it. Levels are those of actors/ports.ts.

export type PressureLevel = 0 | 1 | 2 | 3;

export interface PressureThresholds {
  /** p99 of the event-loop delay from which each level holds, ms: presence stops, sign-ins stop, messages are refused. */
  readonly delayMs: readonly [number, number, number];
  /** Share of the heap limit in use from which messages are refused, 0 to 1. */
  readonly heapShare: number;
}

export const DEFAULT_THRESHOLDS: PressureThresholds = { delayMs: [50, 100, 250], heapShare: 0.85 };

export interface PressureSample {
  readonly delayP99Ms: number;
  readonly heapShare: number;
}

export interface PressureState {
  readonly level: PressureLevel;
  /** What the last sample asked for. */
  readonly asked: PressureLevel;
  /** Samples in a row that asked for a lower level. */
  readonly calm: number;
}

export const CALM: PressureState = { level: 0, asked: 0, calm: 0 };

/** Down only below this share of the threshold that led here, so that a value at the edge does not flap. */
const DOWN_SHARE = 0.7;
const HEAP_DOWN = 0.05;
/** Down one level only after this many calm samples in a row. */
const CALM_SAMPLES = 6;

/**
 * Up as far as two samples in a row ask for, since one alone may be a single pause: a start, a collection, a neighbour. The heap
 * needs no second opinion.
 */
export function nextPressure(
  state: PressureState,
  sample: PressureSample,
  thresholds: PressureThresholds,
): PressureState {
  const asked = levelOf(sample, thresholds, 1, 0);
  const full = sample.heapShare >= thresholds.heapShare;
  const up = full ? 3 : (Math.min(asked, state.asked) as PressureLevel);
  if (up >= state.level) return { level: up, asked, calm: 0 };
  if (levelOf(sample, thresholds, DOWN_SHARE, HEAP_DOWN) >= state.level) return { level: state.level, asked, calm: 0 };
  const calm = state.calm + 1;
  if (calm < CALM_SAMPLES) return { level: state.level, asked, calm };
  return { level: (state.level - 1) as PressureLevel, asked, calm: 0 };
}

function levelOf(sample: PressureSample, at: PressureThresholds, share: number, heapLess: number): PressureLevel {
  const [presence, signIns, messages] = at.delayMs;
  if (sample.delayP99Ms >= messages * share || sample.heapShare >= at.heapShare - heapLess) return 3;
  if (sample.delayP99Ms >= signIns * share) return 2;
  return sample.delayP99Ms >= presence * share ? 1 : 0;
}
