// What rounds under load have in common, against one server and against several nodes: the load, what makes a round invalid, and how its
// line says that it is.
import type { Load } from '../load/generate.ts';
import { isKept } from '../load/pairs.ts';
import type { BenchOptions } from '../options.ts';
import type { Round } from '../report/result.ts';

/** The generator may be late by so much in 1 % of its messages, ms; else the round is invalid. */
const LAG_P99_MS_MAX = 10;

export function loadOf(mode: Round['mode'], round: number, options: BenchOptions): Load {
  return mode === 'saturation'
    ? { mode, window: options.window }
    : { mode, perSecond: options.rate, seed: options.seed + round };
}

/** By how much each count has grown, per message. */
export function perMessage(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
  messages: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, (value - (before[name] ?? 0)) / messages]),
  );
}

/** Null: it counts. */
export function faultOf(round: Round, options: BenchOptions): string | null {
  if (round.refused > 0) return `${round.refused} messages were refused: ${round.refusals.join('; ')}`;
  if (round.mode === 'saturation') return null;
  if (round.lag.p99 > LAG_P99_MS_MAX) return `the generator lagged: p99 ${round.lag.p99.toFixed(1)} ms`;
  if (round.perSecond < options.rate * 0.95) return `only ${round.perSecond.toFixed(0)} a second got through`;
  return null;
}

/** The end of a round's line; empty when all is well. */
export function troubleOf(round: Round): string {
  const invalid = round.invalid === null ? '' : `  INVALID: ${round.invalid}`;
  return isKept(round.promises) ? invalid : `${invalid}  BROKEN ${JSON.stringify(round.promises)}`;
}
