import { describe, expect, test } from 'vitest';
import { createKernel } from './index.ts';
import { doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = () => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  kernel.register(doer(notes));
  const note = (what: unknown) => go(() => void notes.push(what));
  return { env, kernel, notes, note };
};

describe("a cell's timer", () => {
  test('brings its mail after the delay, not before, once, from no sender', () => {
    const { env, kernel, notes } = setup();
    const mail = go((ctx) => void notes.push([env.now(), ctx.sender]));
    kernel.route(
      'doer',
      'a',
      go((ctx) => void ctx.after(250.5, mail)),
    );
    env.run();
    const set = env.now();
    env.advance(250);
    expect(notes).toEqual([]);
    env.advance(10_000);
    expect(notes).toEqual([[set + 251, null]]);
  });

  test('goes by the system lane: also to a cell that holds its user mail', () => {
    const { env, kernel, notes, note } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        ctx.hold();
        ctx.after(10, note('timer'));
      }),
    );
    kernel.route('doer', 'a', note('user'));
    env.advance(20);
    expect(notes).toEqual(['timer']);
  });

  test('that is cancelled does not come, even when it fired and its mail waits', () => {
    const { env, kernel, notes, note } = setup();
    let timer = 0;
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        timer = ctx.after(10, note('timer'));
      }),
    );
    env.run();
    const ref = kernel.whereis('doer', 'a') ?? expect.fail();
    kernel.reply(ref, { t: 'reply' });
    kernel.suspend(ref);
    env.advance(20);
    expect(kernel.info(ref)).toMatchObject({ mailboxSystem: 2, timers: 1 });
    // The reply is handled first, and the cell is told to cancel in between.
    kernel.replaceKind(
      doer(notes, {
        onReply(ctx) {
          ctx.cancel(timer);
          return 0;
        },
      }),
    );
    kernel.resume(ref);
    env.run();
    expect(notes).toEqual([]);
    expect(kernel.info(ref)).toMatchObject({ timers: 0 });
    expect(kernel.kindStats()[0]).toMatchObject({ crashes: 0 });
  });

  test('among many is cancelled by its number, whenever it was set', () => {
    const { env, kernel, notes, note } = setup();
    const timers: number[] = [];
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        for (let n = 0; n < 40; n++) timers.push(ctx.after(10 + n, note(n)));
        for (let n = 0; n < 40; n += 2) ctx.cancel(timers[n] ?? -1);
        for (let n = 40; n < 44; n++) timers.push(ctx.after(10 + n, note(n)));
        ctx.cancel(timers[40] ?? -1);
        ctx.cancel(timers[40] ?? -1);
      }),
    );
    env.advance(1_000);
    const odd = Array.from({ length: 20 }, (_, n) => 2 * n + 1);
    expect(notes).toEqual([...odd, 41, 42, 43]);
    expect(kernel.stats().timers).toBe(0);
  });

  test('of another cell cannot be cancelled', () => {
    const { env, kernel, notes, note } = setup();
    let timer = 0;
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        timer = ctx.after(10, note('timer'));
      }),
    );
    env.run();
    kernel.route(
      'doer',
      'b',
      go((ctx) => ctx.cancel(timer)),
    );
    env.advance(20);
    expect(notes).toEqual(['timer']);
  });

  test.each([
    ['stops', go(() => ({ reason: 'normal' }))],
    ['crashes and is restarted', fail()],
    ['hibernates', go(() => 1)],
  ])('dies with a cell that %s', (_how, end) => {
    const { env, kernel, notes, note } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx) => void ctx.after(50_000, note('timer'))),
    );
    env.run();
    kernel.route('doer', 'a', end);
    env.advance(20_000);
    expect(kernel.stats().timers).toBe(0);
    env.advance(60_000);
    expect(notes).toEqual([]);
  });
});

describe('all timers of a kernel', () => {
  test('take one timer of the host', () => {
    const { env, kernel, note } = setup();
    for (let n = 0; n < 500; n++)
      kernel.route(
        'doer',
        `c${n}`,
        go((ctx) => void ctx.after(500 - n, note(n))),
      );
    env.run();
    expect(kernel.stats().timers).toBe(500);
    expect(env.timersSet).toBe(1);
  });

  test('are not delayed by a later one that is set after them', () => {
    const { env, kernel, notes } = setup();
    const from = env.now();
    const late = go(() => void notes.push(env.now() - from));
    for (const ms of [100, 10_000]) {
      kernel.route(
        'doer',
        'a',
        go((ctx) => void ctx.after(ms, late)),
      );
    }
    env.advance(20_000);
    expect(notes).toEqual([100, 10_000]);
  });

  test('due at one time come in the order they were set', () => {
    const { env, kernel, notes, note } = setup();
    for (let n = 0; n < 5; n++)
      kernel.route(
        'doer',
        `c${n}`,
        go((ctx) => void ctx.after(1_000, note(n))),
      );
    env.advance(2_000);
    expect(notes).toEqual([0, 1, 2, 3, 4]);
  });

  test('overdue by a long pause of the process come at once, in their order', () => {
    const { env, kernel, notes, note } = setup();
    for (const ms of [300, 100, 200])
      kernel.route(
        'doer',
        'a',
        go((ctx) => void ctx.after(ms, note(ms))),
      );
    env.run();
    env.clockMs += 5_000;
    env.advance(0);
    expect(notes).toEqual([100, 200, 300]);
  });

  test('end with the kernel', async () => {
    const { env, kernel, note } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx) => void ctx.after(1_000, note('timer'))),
    );
    env.run();
    await kernel.shutdown();
    expect(env.timersSet).toBe(0);
  });
});
