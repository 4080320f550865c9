// The kernel bench's rows, done by our own kernel as an application would: public API, production Env.
import {
  CONTINUE,
  createKernel,
  createRealEnv,
  type Kernel,
  type Kind,
  type Ref,
  silentLog,
} from '../../runtime/index.ts';
import { type Bench, fullGcMs, heapBytes, perSecond } from './measure.ts';
import type { RowName } from './rows.ts';

interface Mail {
  readonly t: 'mail';
}
const MAIL: Mail = { t: 'mail' };

interface Counter {
  n: number;
}

const newKernel = (): Kernel => createKernel({ env: createRealEnv(silentLog), node: 'bench' });

const kindOf = <S>(kind: Pick<Kind<S, Mail>, 'init' | 'receive'>): Kind<S, Mail> => ({
  name: 'bench',
  restart: 'temporary',
  activate: 'spawn',
  ...kind,
});

const idle = kindOf<Counter>({
  init: () => ({ n: 0 }),
  receive(_ctx, state) {
    state.n++;
    return CONTINUE;
  },
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const untilIdle = async (kernel: Kernel): Promise<void> => {
  do await turn();
  while (kernel.stats().runQueue > 0);
};

/** Spawns in pieces, as connections come; returns when each `init` has run. */
const fill = async (kernel: Kernel, count: number): Promise<void> => {
  for (let n = 0; n < count; n++) {
    kernel.spawn('bench', `user-${n}`);
    if (n % 10_000 === 9_999) await untilIdle(kernel);
  }
  await untilIdle(kernel);
};

const memory: Bench = async (count) => {
  const kernel = newKernel();
  kernel.register(idle);
  await fill(kernel, 1_000);
  const before = heapBytes();
  for (let n = 1_000; n < count; n++) {
    kernel.spawn('bench', `user-${n}`);
    if (n % 10_000 === 0) await untilIdle(kernel);
  }
  await untilIdle(kernel);
  const bytes = (heapBytes() - before) / (count - 1_000);
  if (kernel.stats().cells !== count) throw new Error('cells are missing');
  return bytes;
};

const pingpong: Bench = async (count) => {
  const kernel = newKernel();
  let left = count;
  let done = (): void => {};
  kernel.register(
    kindOf<Counter>({
      init: () => ({ n: 0 }),
      receive(ctx, state, mail) {
        state.n++;
        if (--left <= 0) done();
        else ctx.send(ctx.sender ?? b, mail);
        return CONTINUE;
      },
    }),
  );
  const a = kernel.spawn('bench', 'a');
  const b = kernel.spawn('bench', 'b');
  return timed(count, (resolve) => {
    done = resolve;
    kernel.send(a, MAIL);
  });
};

const RING = 10_000;
const TOKENS = 100;
const ring: Bench = async (count) => {
  const kernel = newKernel();
  let left = count;
  let done = (): void => {};
  const refs: Ref[] = [];
  kernel.register(
    kindOf<{ next: Ref | null }>({
      init: () => ({ next: null }),
      receive(ctx, state, mail) {
        state.next ??= refs[(Number(ctx.key) + 1) % RING] as Ref;
        if (--left <= 0) done();
        else ctx.send(state.next, mail);
        return CONTINUE;
      },
    }),
  );
  for (let n = 0; n < RING; n++) refs.push(kernel.spawn('bench', String(n)));
  await untilIdle(kernel);
  return timed(count, (resolve) => {
    done = resolve;
    for (let n = 0; n < TOKENS; n++) kernel.send(refs[(n * RING) / TOKENS] as Ref, MAIL);
  });
};

const FAN = 1_000;
const fanout: Bench = async (count) => {
  const kernel = newKernel();
  let rounds = Math.ceil(count / (FAN * 2));
  let done = (): void => {};
  const refs: Ref[] = [];
  kernel.register(
    kindOf<null>({
      init: () => null,
      receive(ctx, _state, mail) {
        if (ctx.sender !== null) ctx.send(ctx.sender, mail);
        return CONTINUE;
      },
    }),
  );
  kernel.register<Counter, Mail>({
    ...idle,
    name: 'hub',
    receive(ctx, state, mail) {
      if (state.n === 0 && --rounds < 0) done();
      else if (state.n === 0) for (const ref of refs) ctx.send(ref, mail);
      state.n = state.n === FAN ? 0 : state.n + 1;
      if (state.n === 0) ctx.send(ctx.self, mail);
      return CONTINUE;
    },
  });
  for (let n = 0; n < FAN; n++) refs.push(kernel.spawn('bench', String(n)));
  const hub = kernel.spawn('hub', 'hub');
  await untilIdle(kernel);
  return timed(count, (resolve) => {
    done = resolve;
    kernel.send(hub, MAIL);
  });
};

const spawn: Bench = async (count) => {
  const kernel = newKernel();
  kernel.register(idle);
  await fill(kernel, 20_000);
  const start = performance.now();
  for (let n = 20_000; n < count; n++) {
    kernel.spawn('bench', `user-${n}`);
    if (n % 10_000 === 0) await untilIdle(kernel);
  }
  await untilIdle(kernel);
  return perSecond(count - 20_000, performance.now() - start);
};

const TIMERS = 10;
const TIMERS_MS_MAX = 10_000;
const timer: Bench = async (count) => {
  const kernel = newKernel();
  kernel.register(idle);
  let worst = 0;
  let fired = 0;
  const due = new Map<string, number>();
  kernel.register<null, Mail>({
    name: 'sleeper',
    restart: 'temporary',
    activate: 'spawn',
    init: () => null,
    receive(ctx) {
      worst = Math.max(worst, performance.now() - (due.get(ctx.key) ?? 0));
      fired++;
      return CONTINUE;
    },
    onReply(ctx) {
      const delayMs = Number(ctx.key) * 5;
      due.set(ctx.key, performance.now() + delayMs);
      ctx.after(delayMs, MAIL);
      return CONTINUE;
    },
  });
  await fill(kernel, count);
  const refs = [...kernel.cells('bench')];
  const sleepers = Array.from({ length: TIMERS }, (_, n) => kernel.spawn('sleeper', String(n + 1)));
  for (const ref of refs) kernel.send(ref, MAIL);
  await untilIdle(kernel);
  for (const ref of refs) kernel.send(ref, MAIL);
  // The system lane goes first, so the timers are set when all the mail waits.
  for (const ref of sleepers) kernel.reply(ref, MAIL);
  await untilIdle(kernel);
  for (const end = performance.now() + TIMERS_MS_MAX; fired < TIMERS; ) {
    if (performance.now() > end) throw new Error(`only ${fired} of ${TIMERS} timers have fired`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return worst;
};

const gc: Bench = async (count) => {
  const kernel = newKernel();
  kernel.register(idle);
  await fill(kernel, count);
  return (fullGcMs() / kernel.stats().cells) * 1_000_000;
};

/** The rate of the whole, its cold start included. */
const timed = async (count: number, begin: (resolve: () => void) => void): Promise<number> => {
  const start = performance.now();
  await new Promise<void>(begin);
  return perSecond(count, performance.now() - start);
};

export const parley: Readonly<Record<RowName, Bench>> = { memory, pingpong, ring, fanout, spawn, timer, gc };
