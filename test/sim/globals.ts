// What the simulation takes away from the process, before anything else is loaded: real time, real chance and the real setImmediate.
// nact calls the global setImmediate at dispatch time, so the scheduling of services belongs to the simulated world too.
// Imported first by main.ts; other files may import it as they like.

/** Where `setImmediate` goes while a world runs. */
export interface Immediates {
  setImmediate(run: () => void): unknown;
  clearImmediate(handle: unknown): void;
  /** Somebody used what no part of the simulation may: the name of it. */
  ambient(name: string): void;
}

const realSetImmediate = globalThis.setImmediate;
const realClearImmediate = globalThis.clearImmediate;
const realNow = globalThis.performance.now.bind(globalThis.performance);
let world: Immediates | null = null;

/** Milliseconds of the real clock: for measuring the simulation itself. */
export const realNowMs = (): number => realNow();

/** Resolves when every microtask, and whatever these made, has run. Asked from within a microtask: then no turn of the event loop is needed. */
export const drained = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** From here on the process belongs to this world, until null is given. */
export function possess(by: Immediates | null): void {
  world = by;
}

function replace(holder: object, name: string, replacement: (real: (...args: unknown[]) => unknown) => unknown): void {
  const real = Reflect.get(holder, name) as (...args: unknown[]) => unknown;
  Reflect.set(holder, name, replacement(real.bind(holder)));
}

globalThis.setImmediate = ((run: (...args: unknown[]) => void, ...args: unknown[]) =>
  world === null
    ? realSetImmediate(run, ...args)
    : world.setImmediate(() => run(...args))) as unknown as typeof globalThis.setImmediate;
globalThis.clearImmediate = ((handle: unknown) => {
  if (world === null) realClearImmediate(handle as NodeJS.Immediate);
  else world.clearImmediate(handle);
}) as unknown as typeof globalThis.clearImmediate;

for (const [holder, name] of [
  [Math, 'random'],
  [Date, 'now'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
] as const) {
  replace(holder, name, (real) => (...args: unknown[]) => {
    world?.ambient(name);
    return real(...args);
  });
}
