// Simple curves as inline SVG: latency over percentiles, whose axis stretches towards 100 as HDR plots do. Pure.

export interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly dashed: boolean;
  /** [percentile, ms] */
  readonly points: readonly (readonly [number, number])[];
}

const WIDTH = 760;
const HEIGHT = 320;
const MARGIN = { left: 60, right: 180, top: 12, bottom: 36 };
const TICKS = [0, 50, 90, 99, 99.9, 99.99];
const NINES_MAX = 4.3;

/** 0, 90, 99, 99.9 … lie at equal distances. */
const nines = (percentile: number): number => Math.min(NINES_MAX, -Math.log10(Math.max(1e-9, 1 - percentile / 100)));

export function latencySvg(curves: readonly Curve[]): string {
  const values = curves.flatMap((curve) => curve.points.map(([, ms]) => ms)).filter((ms) => ms > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(...values, 1)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values, 1)));
  const x = (percentile: number): number =>
    MARGIN.left + (nines(percentile) / NINES_MAX) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (ms: number): number => {
    const share = (Math.log10(Math.max(low, ms)) - Math.log10(low)) / Math.max(1, Math.log10(high) - Math.log10(low));
    return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
  };
  const right = WIDTH - MARGIN.right;
  const parts: string[] = [];
  for (let ms = low; ms <= high; ms *= 10) {
    parts.push(`<line x1="${MARGIN.left}" x2="${right}" y1="${y(ms)}" y2="${y(ms)}" class="grid"/>`);
    parts.push(`<text x="${MARGIN.left - 6}" y="${y(ms) + 4}" text-anchor="end">${+ms.toPrecision(1)} ms</text>`);
  }
  for (const tick of TICKS) {
    const at = x(tick);
    parts.push(`<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" class="grid"/>`);
    parts.push(`<text x="${at}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${tick} %</text>`);
  }
  curves.forEach((curve, i) => {
    const line = curve.points.map(([percentile, ms]) => `${x(percentile).toFixed(1)},${y(ms).toFixed(1)}`).join(' ');
    const dash = curve.dashed ? ' stroke-dasharray="4 3"' : '';
    parts.push(`<polyline points="${line}" fill="none" stroke="${curve.colour}" stroke-width="2"${dash}/>`);
    const at = MARGIN.top + 12 + i * 16;
    parts.push(
      `<line x1="${right + 10}" x2="${right + 34}" y1="${at - 4}" y2="${at - 4}" stroke="${curve.colour}" stroke-width="2"${dash}/>`,
    );
    parts.push(`<text x="${right + 40}" y="${at}">${curve.name}</text>`);
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${parts.join('')}</svg>`;
}
