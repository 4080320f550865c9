// What many seeds came to, added up.
import type { Outcome } from './simulation.ts';

export interface Tally {
  seeds: number;
  failed: number[];
  /** Those of them that ended their process, or made it stand still. */
  fatal: number[];
  events: number;
  virtualMs: number;
  acked: number;
  pushed: number;
  starts: number;
  connections: number;
  settleMsMost: number;
  /** By invariant: seeds that violated it first. */
  readonly violations: Record<string, number>;
  readonly faults: Record<string, number>;
  /** What the first seed that failed has violated. */
  first: string;
}

export function newTally(): Tally {
  return {
    seeds: 0,
    failed: [],
    fatal: [],
    events: 0,
    virtualMs: 0,
    acked: 0,
    pushed: 0,
    starts: 0,
    connections: 0,
    settleMsMost: 0,
    violations: {},
    faults: {},
    first: '',
  };
}

export function count(counts: Record<string, number>, name: string, times = 1): void {
  counts[name] = (counts[name] ?? 0) + times;
}

export function add(tally: Tally, { seed, counts, violations }: Outcome): void {
  tally.seeds++;
  tally.events += counts.events;
  tally.virtualMs += counts.virtualMs;
  tally.acked += counts.acked;
  tally.pushed += counts.pushed;
  tally.starts += counts.starts;
  tally.connections += counts.connections;
  tally.settleMsMost = Math.max(tally.settleMsMost, counts.settleMs);
  for (const [name, times] of Object.entries(counts.faults)) count(tally.faults, name, times);
  const first = violations[0];
  if (first === undefined) return;
  count(tally.violations, first.invariant);
  if (tally.first === '') tally.first = `${first.invariant}: ${first.about}`;
  tally.failed.push(seed);
}

export function join(into: Tally, from: Tally): void {
  into.seeds += from.seeds;
  into.failed.push(...from.failed);
  into.fatal.push(...from.fatal);
  into.events += from.events;
  into.virtualMs += from.virtualMs;
  into.acked += from.acked;
  into.pushed += from.pushed;
  into.starts += from.starts;
  into.connections += from.connections;
  if (into.first === '') into.first = from.first;
  into.settleMsMost = Math.max(into.settleMsMost, from.settleMsMost);
  for (const part of ['violations', 'faults'] as const)
    for (const [name, times] of Object.entries(from[part])) count(into[part], name, times);
}

const list = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .sort()
    .map(([name, times]) => `${times} ${name}`)
    .join(', ') || 'none';

export function tellTally(tally: Tally, seconds: number): string {
  const hours = (tally.virtualMs / 3_600_000).toFixed(1);
  return [
    `${tally.seeds} seeds in ${seconds.toFixed(1)} s: ${hours} h of virtual time, ${tally.events} events`,
    `${tally.acked} messages acked, ${tally.pushed} pushed, ${tally.starts} starts of the node, ${tally.connections} connections, slowest settling ${(tally.settleMsMost / 1_000).toFixed(1)} s`,
    `faults: ${list(tally.faults)}`,
    `violations: ${list(tally.violations)}`,
    `${tally.seeds - tally.failed.length} passed, ${tally.failed.length} failed, 0 skipped`,
  ].join('\n');
}
