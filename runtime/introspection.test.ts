import { describe, expect, test } from 'vitest';
import { createKernel, type Kind, startService } from './index.ts';
import { type Do, type DoerState, doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = (more: Partial<Kind<DoerState, Do>> = {}) => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  kernel.register(doer(notes, more));
  return { env, kernel, notes };
};
const nothing = go(() => {});

describe('an operator sees', () => {
  test('of a cell its mailbox, mails, time, age, parent and bonds', () => {
    const { env, kernel } = setup();
    const other = kernel.spawn('doer', 'other');
    const ref = kernel.spawn('doer', 'a');
    kernel.send(
      ref,
      go((ctx) => {
        env.clockMs += 2;
        ctx.monitor(other);
        ctx.link(other);
        ctx.after(60_000, nothing);
      }),
    );
    env.advance(5_000);
    kernel.suspend(ref);
    kernel.send(ref, nothing);
    expect(kernel.info(ref)).toEqual({
      kind: 'doer',
      key: 'a',
      status: 'suspended',
      mailboxUser: 1,
      mailboxSystem: 0,
      mails: 1,
      timeMs: 2,
      ageMs: 5_000,
      idleMs: 5_000,
      parent: 'host:doer',
      monitoredBy: 0,
      monitors: 1,
      links: 1,
      timers: 1,
      crashes: 0,
      lastCrash: null,
    });
    expect(kernel.info(other)).toMatchObject({ monitoredBy: 1, links: 1 });
  });

  test.each([
    ['starting', [], 0],
    ['live', [nothing], 0],
    ['held', [go((ctx) => ctx.hold())], 0],
    ['backoff', [fail()], 10],
    ['parked', [fail(), fail(), fail(), fail()], 5_000],
  ] as const)('that a cell is %s', (status, mails, ms) => {
    const { env, kernel } = setup();
    kernel.spawn('doer', 'a');
    for (const mail of mails) kernel.route('doer', 'a', mail);
    if (mails.length > 0) env.advance(ms);
    expect(kernel.info(kernel.whereis('doer', 'a') ?? expect.fail())?.status).toBe(status);
  });

  test('of kinds and kernel the sums', () => {
    const { env, kernel } = setup();
    for (const key of ['a', 'b']) kernel.route('doer', key, nothing);
    env.run();
    expect(kernel.kindStats()).toMatchObject([{ kind: 'doer', cells: 2, spawned: 2, mails: 2 }]);
    expect(kernel.stats()).toMatchObject({ node: 'n1', cells: 2, runQueue: 0, lanesLent: 0 });
  });

  test('of a state what its kind redacts, and nothing else', () => {
    const { env, kernel } = setup({ redact: (state) => ({ keyLength: state.key.length }) });
    kernel.register({ ...doer([]), name: 'silent' });
    const [a, b] = [kernel.spawn('doer', 'abc'), kernel.spawn('silent', 'abc')];
    env.run();
    expect(kernel.getState(a)).toEqual({ keyLength: 3 });
    expect(kernel.getState(b)).toBe('(redacted)');
  });

  test('of services their inbox and counts', async () => {
    const { env, kernel } = setup();
    const { ref, ready } = startService(kernel, {
      name: 'svc',
      inboxMailsMax: 9,
      batchMailsMax: 9,
      init: () => null,
      receive: () => {},
    });
    await ready;
    for (let n = 0; n < 3; n++) kernel.send(ref, { t: 'x' });
    expect(kernel.services()).toMatchObject([{ kind: 'svc', status: 'live', inbox: 3, path: 'svc-supervisor/svc' }]);
    await env.settle();
    expect(kernel.services()).toMatchObject([{ inbox: 0, mails: 3, batches: 1 }]);
  });
});

describe('an operator may', () => {
  test('suspend a cell: nothing is handled, mail waits, timers too, until it is resumed', () => {
    const { env, kernel, notes } = setup();
    const ref = kernel.spawn('doer', 'a');
    kernel.send(
      ref,
      go(
        (ctx) =>
          void ctx.after(
            10,
            go(() => void notes.push('timer')),
          ),
      ),
    );
    env.run();
    kernel.suspend(ref);
    kernel.send(
      ref,
      go(() => void notes.push('user')),
    );
    kernel.reply(ref, { t: 'reply' });
    env.advance(100);
    expect(notes).toEqual([]);
    kernel.resume(ref);
    env.run();
    expect(notes).toEqual([['a', { t: 'reply' }], 'timer', 'user']);
  });

  test('replace a kind: the next mail meets the new one, with the state turned; what cannot be turned crashes', () => {
    const { env, kernel, notes } = setup({ restart: 'temporary', activate: 'spawn' });
    for (const key of ['a', 'b']) kernel.spawn('doer', key);
    env.run();
    const second: Kind<DoerState, Do> = {
      ...doer(notes),
      receive(_ctx, state) {
        notes.push(`second ${state.arg}`);
        return 0;
      },
    };
    kernel.replaceKind(second, (old) => {
      const state = old as DoerState;
      if (state.key === 'b') throw new Error('cannot');
      return { key: state.key, arg: 'turned' };
    });
    kernel.route('doer', 'a', nothing);
    env.advance(1_000);
    expect(notes).toContain('second turned');
    expect(kernel.kindStats()[0]).toMatchObject({ crashes: 1 });
  });

  test('trace what happens to each mail, and stop tracing', () => {
    const { env, kernel } = setup({ activate: 'spawn' });
    const seen: string[] = [];
    kernel.trace = (what, to, _mail, from) => void seen.push(`${what} ${to.key} ${from?.key ?? '-'}`);
    const ref = kernel.spawn('doer', 'a');
    kernel.send(ref, nothing);
    kernel.route('doer', 'nobody', nothing);
    env.run();
    kernel.stop(ref);
    expect(seen).toEqual(['started a -', 'queued a -', 'refused nobody -', 'handled a -', 'ended a -']);
    kernel.trace = null;
    kernel.route('doer', 'nobody', nothing);
    expect(seen.length).toBe(5);
  });
});

describe('dead letters', () => {
  test('are counted by kind and reason, and sampled without content', () => {
    const { env, kernel } = setup({ activate: 'spawn' });
    for (let n = 0; n < 500; n++) kernel.route('doer', 'nobody', { t: 'post', text: 'secret' });
    kernel.route('unknown', 'x', { t: 'long name '.repeat(10) });
    env.run();
    const report = kernel.deadLetters();
    expect(report.total).toBe(501);
    expect(report.counts).toEqual([
      { kind: 'doer', reason: 'noproc', count: 500 },
      { kind: 'unknown', reason: 'noproc', count: 1 },
    ]);
    expect(report.samples[0]).toMatchObject({
      kind: 'doer',
      key: 'nobody',
      reason: 'noproc',
      type: 'post',
      from: null,
    });
    expect(report.samples.at(-1)).toMatchObject({ kind: 'unknown', type: null });
    expect(report.samples.length).toBeLessThan(40);
    expect(JSON.stringify(report)).not.toContain('secret');
  });

  test('are also the answers that a kind has no ear for', () => {
    const env = new TestEnv();
    const kernel = createKernel({ env, node: 'n1' });
    kernel.register({ name: 'deaf', restart: 'temporary', activate: 'mail', init: () => null, receive: () => 0 });
    kernel.reply(kernel.spawn('deaf', 'a'), { t: 'answer' });
    env.run();
    expect(kernel.deadLetters().counts).toEqual([{ kind: 'deaf', reason: 'unhandled', count: 1 }]);
  });
});
