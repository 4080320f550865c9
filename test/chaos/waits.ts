// From what clients noted: how long a fault kept them waiting. Pure. Test code.
import type { Ask, Member } from './crowd.ts';

export interface Waits {
  readonly clients: number;
  /** From the fault's begin to the first `sent` for what was said after it: the quickest client, the middle one, the slowest. */
  readonly first: number | null;
  readonly p50: number | null;
  readonly max: number | null;
  /** Of any message that was said between the fault's begin and the end of its troubles. */
  readonly longest: number | null;
  /** Clients that heard no `sent` at all. */
  readonly silent: number;
}

export function waitsOf(asks: readonly Ask[], members: readonly Member[], from: number, to: number): Waits {
  const wanted = new Set(members);
  const firsts = new Map<Member, number>();
  let longest: number | null = null;
  const heard = new Set<Member>();
  for (const { member, at, sentAt, dropped } of asks) {
    if (at < from || at > to || dropped || !wanted.has(member)) continue;
    heard.add(member);
    if (sentAt === null) continue;
    longest = Math.max(longest ?? 0, sentAt - at);
    firsts.set(member, Math.min(firsts.get(member) ?? Number.POSITIVE_INFINITY, sentAt - from));
  }
  const times = [...firsts.values()].sort((a, b) => a - b);
  return {
    clients: heard.size,
    first: times[0] ?? null,
    p50: times[Math.floor((times.length - 1) / 2)] ?? null,
    max: times.at(-1) ?? null,
    longest,
    silent: heard.size - firsts.size,
  };
}

export const seconds = (ms: number | null): string => (ms === null ? '–' : `${(ms / 1_000).toFixed(1)} s`);

/** Columns as wide as their widest cell; numbers and times to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
