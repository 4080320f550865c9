// Writes a result to its directory, and as a table for a terminal.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digits } from './digits.ts';
import { reportHtml } from './html.ts';
import type { Figure, Result } from './result.ts';

export function writeResult(out: string, result: Result): void {
  writeFileSync(join(out, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(join(out, 'report.html'), reportHtml(result));
}

export function figureTable(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map((figure) => figure.name.length));
  return figures
    .map(
      (figure) =>
        `${figure.name.padEnd(width)}  ${digits(figure.value)} ${figure.unit}${rangeOf(figure)}${goalOf(figure)}`,
    )
    .join('\n');
}

function rangeOf({ low, high }: Figure): string {
  return low === high ? '' : ` (${digits(low)} to ${digits(high)})`;
}

function goalOf({ value, reach, aim }: Figure): string {
  if (reach === null || aim === null) return '';
  const verdict = value <= aim ? 'at the aim' : value <= reach ? 'within reach' : 'MISSED';
  return `  [reach ${reach}, aim ${aim}: ${verdict}]`;
}
