import { describe, expect, it } from 'vitest';
import { judge } from './compare.ts';
import { figure, median } from './result.ts';

describe('compare', () => {
  it('takes the median and the range of rounds', () => {
    expect(figure('x', '×', [3, 1, 2])).toMatchObject({ value: 2, low: 1, high: 3 });
    expect(median([1, 2, 3, 10])).toBe(2.5);
  });

  it('says within noise when rounds varied by more than the change', () => {
    expect(judge(figure('x', '×', [1, 1.4]), figure('x', '×', [1.1, 1.2]))).toContain('within noise');
    expect(judge(figure('x', '×', [1.5]), figure('x', '×', [1.52]))).toContain('within noise');
  });

  it('names a change, and which way is better', () => {
    expect(judge(figure('x', '×', [2, 2.1]), figure('x', '×', [1.4, 1.5]))).toContain('BETTER');
    expect(judge(figure('x', 'µs', [20]), figure('x', 'µs', [40]))).toContain('WORSE');
    const more = { moreIsBetter: true };
    expect(judge({ ...figure('x', '/s', [20]), ...more }, { ...figure('x', '/s', [40]), ...more })).toContain('BETTER');
  });
});
