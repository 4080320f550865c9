// What both JavaScript systems are measured with.

/** Runs a full collection; the child process is started with --expose-gc. */
export const collect = (): void => {
  if (globalThis.gc === undefined) throw new Error('start with --expose-gc');
  globalThis.gc();
};

export const heapBytes = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** The median of five full collections, in ms. */
export const fullGcMs = (): number => {
  const pauses: number[] = [];
  for (let n = 0; n < 5; n++) {
    const start = performance.now();
    collect();
    pauses.push(performance.now() - start);
  }
  return pauses.sort((a, b) => a - b)[2] ?? 0;
};

export const perSecond = (count: number, ms: number): number => (count / ms) * 1_000;

/** Returns the figure in the row's base unit: bytes, per second, or ms. */
export type Bench = (count: number) => Promise<number>;
