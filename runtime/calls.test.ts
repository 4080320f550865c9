import { describe, expect, test } from 'vitest';
import { CALLS_MAX } from './calls.ts';
import { type Ctx, createKernel, type Kind } from './index.ts';
import { type Do, type DoerState, doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = (more: Partial<Kind<DoerState, Do>> = {}) => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const results: unknown[] = [];
  kernel.register(
    doer(results, {
      restart: 'temporary',
      onReply(_ctx, _state, reply) {
        results.push(reply);
        return 0;
      },
      ...more,
    }),
  );
  const ask = (run: Do['run'], deadlineMs = 100, key = 'callee') =>
    kernel.route(
      'doer',
      'caller',
      go((ctx) => ctx.call('doer', key, go(run), deadlineMs, 7)),
    );
  const result = (ok: boolean, value: unknown, reason: string | null) => [
    { t: 'callResult', token: 7, ok, value, reason },
  ];
  return { env, kernel, results, ask, result };
};

describe('a call', () => {
  test('is answered once, with the token of the caller, and leaves nothing behind', () => {
    const { env, kernel, results, ask, result } = setup();
    ask((ctx) => {
      ctx.answer(42);
      ctx.answer(43);
    });
    env.run();
    expect(kernel.stats()).toMatchObject({ calls: 0, timers: 0 });
    env.advance(10_000);
    expect(results).toEqual(result(true, 42, null));
  });

  test('without an answer ends at its deadline, and a late answer is not heard', () => {
    const { env, results, ask, result } = setup({
      init(ctx, key, arg) {
        if (key === 'callee') ctx.hold();
        return { key, arg };
      },
    });
    ask((ctx) => ctx.answer('late'));
    env.advance(99);
    expect(results).toEqual([]);
    env.advance(2);
    expect(results).toEqual(result(false, null, 'deadline'));
  });

  test('that is handled after its deadline is not answered twice', () => {
    const { env, kernel, results, ask, result } = setup();
    const callee = kernel.spawn('doer', 'callee');
    env.run();
    kernel.suspend(callee);
    ask((ctx) => ctx.answer('late'));
    env.advance(200);
    kernel.resume(callee);
    env.advance(200);
    expect(results).toEqual(result(false, null, 'deadline'));
  });

  test.each([
    ['crashes before it answers', fail().run, 'crashed'],
    ['ends without an answer', () => ({ reason: 'shutdown' }), 'deadline'],
  ])('to a cell that %s', (_what, run, reason) => {
    const { env, results, ask, result } = setup();
    ask(run);
    env.advance(1_000);
    expect(results).toEqual(result(false, null, reason));
  });

  test('is not refused any more by a crash after the answer', () => {
    const { env, results, ask, result } = setup();
    ask((ctx) => {
      ctx.answer('in time');
      throw new Error('after');
    });
    env.advance(1_000);
    expect(results).toEqual(result(true, 'in time', null));
  });

  test('that cannot be delivered is answered with why', () => {
    const { env, kernel, results, result } = setup();
    kernel.register({ ...doer([], { activate: 'spawn' }), name: 'spawned' });
    kernel.route(
      'doer',
      'caller',
      go((ctx) => ctx.call('spawned', 'nobody', { t: 'x' }, 100, 7)),
    );
    env.run();
    expect(results).toEqual(result(false, null, 'noproc'));
  });

  test('whose caller is gone is answered to nobody', () => {
    const { env, kernel, results, ask } = setup();
    ask((ctx: Ctx) => {
      kernel.stop(kernel.whereis('doer', 'caller') ?? ctx.self);
      ctx.answer(1);
    });
    env.advance(1_000);
    expect(results).toEqual([]);
    expect(kernel.deadLetters().total).toBe(1);
  });

  test('beyond the most that may be open is answered busy', () => {
    const { env, results, kernel, result } = setup({ mailboxMailsMax: CALLS_MAX });
    const callee = kernel.spawn('doer', 'callee');
    env.run();
    kernel.suspend(callee);
    const caller = go((ctx) => {
      for (let n = 0; n < CALLS_MAX; n++) ctx.call('doer', 'callee', { t: 'x' }, 60_000, n);
      ctx.call('doer', 'callee', { t: 'x' }, 60_000, 7);
    });
    kernel.route('doer', 'caller', caller);
    env.run();
    expect(results).toEqual(result(false, null, 'busy'));
  });

  test('answer means nothing outside of a call', () => {
    const { env, kernel, results } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx) => ctx.answer(1)),
    );
    env.advance(1_000);
    expect(results).toEqual([]);
  });
});

describe('ask, for code that is no actor', () => {
  test('resolves with the answer', async () => {
    const { env, kernel } = setup();
    const answer = kernel.ask(
      'doer',
      'a',
      go((ctx) => ctx.answer(ctx.key)),
      100,
    );
    env.run();
    await expect(answer).resolves.toMatchObject({ ok: true, value: 'a' });
  });

  test('resolves with why not, by the deadline', async () => {
    const { env, kernel } = setup();
    const crashed = kernel.ask('doer', 'a', fail(), 100);
    const silent = kernel.ask(
      'doer',
      'b',
      go(() => {}),
      100,
    );
    const nobody = kernel.ask(
      'nothing',
      'b',
      go(() => {}),
      100,
    );
    env.advance(101);
    expect(await Promise.all([crashed, silent, nobody])).toMatchObject([
      { ok: false, reason: 'crashed' },
      { ok: false, reason: 'deadline' },
      { ok: false, reason: 'noproc' },
    ]);
  });
});
