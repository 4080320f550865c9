// Feeds the pressure machine twice a second with what Node measures of itself. The shell around pressure.ts; started by app/.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Pressure } from '../actors/index.ts';
import type { Env, EnvTimer } from '../runtime/index.ts';
import {
  CALM,
  DEFAULT_THRESHOLDS,
  nextPressure,
  type PressureLevel,
  type PressureSample,
  type PressureState,
  type PressureThresholds,
} from './pressure.ts';

const SAMPLE_MS = 500;
/** Resolution of Node's own timer; it counts as delay, and is taken off. */
const RESOLUTION_MS = 10;

export interface PressureMonitor extends Pressure {
  /** The newest sample, for metrics. */
  readonly sample: PressureSample;
  stop(): void;
}

export function startPressureMonitor(env: Env, thresholds: PressureThresholds = DEFAULT_THRESHOLDS): PressureMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let state: PressureState = CALM;
  let sample: PressureSample = { delayP99Ms: 0, heapShare: 0 };
  let timer: EnvTimer = env.setTimer(measure, SAMPLE_MS);

  function measure(): void {
    const p99 = histogram.count === 0 ? 0 : histogram.percentile(99) / 1e6 - RESOLUTION_MS;
    histogram.reset();
    const heap = getHeapStatistics();
    sample = { delayP99Ms: Math.max(0, p99), heapShare: heap.used_heap_size / heap.heap_size_limit };
    const before = state.level;
    state = nextPressure(state, sample, thresholds);
    if (state.level !== before) env.log.warn({ from: before, to: state.level, ...sample }, 'pressure changed');
    timer = env.setTimer(measure, SAMPLE_MS);
  }

  return {
    get level(): PressureLevel {
      return state.level;
    },
    get sample(): PressureSample {
      return sample;
    },
    stop(): void {
      env.clearTimer(timer);
      histogram.disable();
    },
  };
}
