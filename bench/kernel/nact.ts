// The kernel bench's rows, done by nact, for comparison: one system, actors under one parent each row, as nact is used.
import { dispatch, type Ref as NactRef, spawn as nactSpawn, start } from 'nact';
import { type Bench, fullGcMs, heapBytes, perSecond } from './measure.ts';
import type { RowName } from './rows.ts';

interface Mail {
  readonly from: NactRef<Mail> | null;
}
const MAIL: Mail = { from: null };

const newSystem = () => start();
type Parent = ReturnType<typeof newSystem>;

const idle = (parent: Parent, name: string): NactRef<Mail> =>
  nactSpawn(parent, (state: { n: number }) => ({ n: state.n + 1 }), name, { initialState: { n: 0 } });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const memory: Bench = async (count) => {
  const system = newSystem();
  for (let n = 0; n < 1_000; n++) idle(system, `user-${n}`);
  const before = heapBytes();
  for (let n = 1_000; n < count; n++) idle(system, `user-${n}`);
  return (heapBytes() - before) / (count - 1_000);
};

const pingpong: Bench = async (count) => {
  const system = newSystem();
  let left = count;
  let done = (): void => {};
  const play = (name: string): NactRef<Mail> => {
    const self: NactRef<Mail> = nactSpawn(
      system,
      (state: number, mail: Mail) => {
        if (--left <= 0) done();
        else dispatch(mail.from ?? b, { from: self });
        return state + 1;
      },
      name,
      { initialState: 0 },
    );
    return self;
  };
  const a = play('a');
  const b = play('b');
  const start = performance.now();
  await new Promise<void>((resolve) => {
    done = resolve;
    dispatch(a, MAIL);
  });
  return perSecond(count, performance.now() - start);
};

const RING = 10_000;
const TOKENS = 100;
const ring: Bench = async (count) => {
  const system = newSystem();
  let left = count;
  let done = (): void => {};
  const refs: NactRef<Mail>[] = [];
  for (let n = 0; n < RING; n++) {
    const next = (n + 1) % RING;
    const actor = nactSpawn(
      system,
      (state: number, mail: Mail) => {
        if (--left <= 0) done();
        else dispatch(refs[next] as NactRef<Mail>, mail);
        return state;
      },
      String(n),
      { initialState: 0 },
    );
    refs.push(actor);
  }
  const start = performance.now();
  await new Promise<void>((resolve) => {
    done = resolve;
    for (let n = 0; n < TOKENS; n++) dispatch(refs[(n * RING) / TOKENS] as NactRef<Mail>, MAIL);
  });
  return perSecond(count, performance.now() - start);
};

const FAN = 1_000;
const fanout: Bench = async (count) => {
  const system = newSystem();
  let rounds = Math.ceil(count / (FAN * 2));
  let done = (): void => {};
  const refs: NactRef<Mail>[] = [];
  for (let n = 0; n < FAN; n++) {
    const leaf = nactSpawn(
      system,
      (state: number, mail: Mail) => {
        if (mail.from !== null) dispatch(mail.from, MAIL);
        return state;
      },
      String(n),
      { initialState: 0 },
    );
    refs.push(leaf);
  }
  const hub: NactRef<Mail> = nactSpawn(
    system,
    (state: number) => {
      if (state > 1) return state - 1;
      if (--rounds < 0) done();
      else for (const ref of refs) dispatch(ref, { from: hub });
      return FAN;
    },
    'hub',
    { initialState: 0 },
  );
  const start = performance.now();
  await new Promise<void>((resolve) => {
    done = resolve;
    dispatch(hub, MAIL);
  });
  return perSecond(count, performance.now() - start);
};

const spawn: Bench = async (count) => {
  const system = newSystem();
  for (let n = 0; n < 5_000; n++) idle(system, `warm-${n}`);
  const start = performance.now();
  for (let n = 0; n < count; n++) idle(system, `user-${n}`);
  return perSecond(count, performance.now() - start);
};

const TIMERS = 10;
const timer: Bench = async (count) => {
  const system = newSystem();
  const refs: NactRef<Mail>[] = [];
  for (let n = 0; n < count; n++) refs.push(idle(system, `user-${n}`));
  for (const ref of refs) dispatch(ref, MAIL);
  await pause(100);
  let worst = 0;
  for (const ref of refs) dispatch(ref, MAIL);
  for (let n = 1; n <= TIMERS; n++) {
    const due = performance.now() + n * 5;
    setTimeout(() => {
      worst = Math.max(worst, performance.now() - due);
    }, n * 5);
  }
  await pause(TIMERS * 5 + 50);
  return worst;
};

const gc: Bench = async (count) => {
  const system = newSystem();
  for (let n = 0; n < count; n++) idle(system, `user-${n}`);
  return (fullGcMs() / count) * 1_000_000;
};

export const nact: Readonly<Record<RowName, Bench>> = { memory, pingpong, ring, fanout, spawn, timer, gc };
