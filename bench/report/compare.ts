// Two results side by side. A change is named only where it is larger than what the rounds of either run varied by, and than the
// least that a shared machine varies by anyway.
import { readFileSync } from 'node:fs';
import { digits } from './digits.ts';
import type { Figure, Result } from './result.ts';

/** Two runs of the same code differ by this much on a shared machine, whatever their rounds say. */
const NOISE_SHARE = { '×': 0.05, other: 0.1 } as const;

export function compareFiles(before: string, after: string): string {
  return compareResults(readResult(before), readResult(after));
}

/** Throws a TypeError when it is no result. */
function readResult(path: string): Result {
  const result = JSON.parse(readFileSync(path, 'utf8')) as Result;
  if (result.format !== 1) throw new TypeError(`${path} is no result of this bench`);
  return result;
}

export function compareResults(before: Result, after: Result): string {
  if (before.scenario !== after.scenario) throw new TypeError('the two are of different scenarios');
  const lines = [`${before.environment.at} against ${after.environment.at}`];
  if (before.verdict !== 'kept' || after.verdict !== 'kept')
    lines.push(`CAUTION: ${before.verdict} against ${after.verdict}`);
  for (const name of differentOptions(before, after)) lines.push(`different: ${name}`);
  const width = Math.max(...after.figures.map((figure) => figure.name.length));
  for (const figure of after.figures) {
    const other = before.figures.find(({ name }) => name === figure.name);
    if (other === undefined) continue;
    const change = `${digits(other.value)} → ${digits(figure.value)} ${figure.unit}`;
    lines.push(`${figure.name.padEnd(width)}  ${change.padEnd(24)}  ${judge(other, figure)}`);
  }
  return lines.join('\n');
}

export function judge(before: Figure, after: Figure): string {
  const change = after.value - before.value;
  const share = change / before.value;
  const spread = Math.max(before.high - before.low, after.high - after.low);
  const noise = Math.max(spread, before.value * (before.unit === '×' ? NOISE_SHARE['×'] : NOISE_SHARE.other));
  const text = `${share >= 0 ? '+' : ''}${(share * 100).toFixed(1)} %`;
  if (Math.abs(change) <= noise) return `${text}  within noise`;
  return `${text}  ${change > 0 === (after.moreIsBetter === true) ? 'BETTER' : 'WORSE'}`;
}

function differentOptions(before: Result, after: Result): string[] {
  const names = new Set([...Object.keys(before.options), ...Object.keys(after.options)]);
  names.delete('out');
  names.delete('json');
  return [...names].filter((name) => JSON.stringify(before.options[name]) !== JSON.stringify(after.options[name]));
}
