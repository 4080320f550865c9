import { describe, expect, test } from 'vitest';
import { createKernel, type HostOptions, type Kind } from './index.ts';
import { type Do, type DoerState, doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = (more: Partial<Kind<DoerState, Do>> = {}, options: HostOptions = {}) => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  let inits = 0;
  const init = (_ctx: unknown, key: string, arg: unknown) => {
    notes.push(`init ${++inits}`);
    return { key, arg };
  };
  kernel.register(doer(notes, { init, ...more }), options);
  const note = (what: unknown) => go(() => void notes.push(what));
  const crash = (times = 1) => {
    for (let n = 0; n < times; n++) kernel.route('doer', 'a', fail());
  };
  return { env, kernel, notes, note, crash };
};

describe('a cell that crashes', () => {
  test('has the mail in hand refused to its sender, keeps the rest, and handles it after its pause', () => {
    const { env, kernel, notes, note } = setup();
    kernel.route(
      'doer',
      'sender',
      go((ctx) => {
        ctx.route('doer', 'a', fail());
        ctx.route('doer', 'a', note('rest'));
      }),
    );
    env.run();
    kernel.route('doer', 'a', note('new'));
    expect(notes).toEqual(['init 1', 'init 2', 'sender: refused by a crashed']);
    env.advance(99);
    expect(notes.length).toBe(3);
    env.advance(101);
    expect(notes.slice(3)).toEqual(['init 3', 'rest', 'new']);
  });

  test('queues new mail up to the bound while it pauses', () => {
    const { env, kernel, note, crash } = setup({ mailboxMailsMax: 2 });
    crash();
    env.run();
    expect([1, 2, 3].map((n) => kernel.route('doer', 'a', note(n)))).toEqual([null, null, 'mailboxFull']);
  });

  test('pauses longer each time, 100 ms to 5 s, with jitter', () => {
    const pauses: number[] = [];
    const { env, kernel } = setup(
      {
        init(_ctx, key, arg) {
          pauses.push(env.now());
          return { key, arg };
        },
      },
      { intensity: { restartsMax: 1_000, windowMs: 3_600_000 } },
    );
    const gaps: number[] = [];
    kernel.spawn('doer', 'a');
    env.run();
    for (let n = 0; n < 60; n++) {
      const at = env.now();
      kernel.route('doer', 'a', fail());
      env.advance(5_001);
      gaps.push((pauses.at(-1) ?? 0) - at);
    }
    expect(gaps.every((gap) => gap >= 100 && gap <= 5_001)).toBe(true);
    expect(gaps[0]).toBeLessThanOrEqual(201);
    expect(Math.max(...gaps)).toBeGreaterThan(4_000);
    expect(new Set(gaps.slice(-10)).size).toBeGreaterThan(5);
  });

  test('has its last word with the reason, and its error in the log without the mail', () => {
    const words: unknown[] = [];
    const { env, kernel } = setup({ onStop: (ctx, _state, reason) => void words.push([ctx.key, reason]) });
    kernel.route('doer', 'a', { ...fail('x'.repeat(500)), text: 'secret' } as Do);
    env.run();
    expect(words).toEqual([['a', `crash: ${'x'.repeat(200)}`]]);
    expect(env.lines.map((line) => line.message)).toEqual(['cell crashed']);
    expect(JSON.stringify(env.lines)).not.toContain('secret');
  });

  test('in its last word only logs that too', () => {
    const { env, kernel, notes, note } = setup({
      onStop: () => {
        throw new Error('again');
      },
    });
    kernel.route('doer', 'a', fail());
    env.advance(1_000);
    kernel.route('doer', 'a', note('alive'));
    env.run();
    expect(notes.at(-1)).toBe('alive');
    expect(env.lines.map((line) => line.message)).toEqual(['cell crashed', 'onStop threw']);
  });

  test('starts again with what it was spawned with', () => {
    const args: unknown[] = [];
    const { env, kernel } = setup({
      init(_ctx, key, arg) {
        args.push(arg);
        return { key, arg };
      },
    });
    kernel.spawn('doer', 'a', 'the arg');
    kernel.route('doer', 'a', fail());
    env.advance(1_000);
    expect(args).toEqual(['the arg', 'the arg']);
  });

  test('gets no answers that were meant for its former life', () => {
    const { env, kernel, notes, crash } = setup();
    const former = kernel.spawn('doer', 'a');
    crash();
    env.run();
    kernel.reply(former, { t: 'answer to the former' });
    env.advance(1_000);
    expect(notes).toEqual(['init 1', 'init 2']);
    expect(kernel.deadLetters().counts).toContainEqual({ kind: 'doer', reason: 'noproc', count: 1 });
  });

  test('gives back what its system lane held, as dead letters', () => {
    const { env, kernel, notes } = setup();
    const former = kernel.spawn('doer', 'a');
    kernel.replaceKind(
      doer(notes, {
        onReply() {
          throw new Error('boom');
        },
      }),
    );
    for (let n = 0; n < 3; n++) kernel.reply(former, { t: 'answer' });
    env.run();
    expect(kernel.deadLetters().counts).toEqual([
      { kind: 'doer', reason: 'crashed', count: 1 },
      { kind: 'doer', reason: 'noproc', count: 2 },
    ]);
    expect(kernel.stats().lanesLent).toBe(0);
  });

  test('still gets user mail by the address of its former life', () => {
    const { env, kernel, notes, note, crash } = setup();
    const former = kernel.spawn('doer', 'a');
    crash();
    env.advance(1_000);
    expect(kernel.send(former, note('by address'))).toBeNull();
    env.run();
    expect(notes.at(-1)).toBe('by address');
  });
});

describe('a cell that keeps crashing', () => {
  test('is parked after 3 restarts in 5 s: what waits and what comes is refused, the operator sees why', () => {
    const { env, kernel, notes, note, crash } = setup();
    crash(4);
    kernel.route(
      'doer',
      'sender',
      go((ctx) => ctx.route('doer', 'a', note('waits'))),
    );
    env.advance(4_000);
    expect(notes.filter((each) => each === 'sender: refused by a parked')).toHaveLength(1);
    expect(kernel.route('doer', 'a', note('new'))).toBe('parked');
    expect(kernel.parked()).toMatchObject([{ kind: 'doer', key: 'a', reason: 'crash: boom', crashes: 4 }]);
    expect(kernel.kindStats()[0]).toMatchObject({ crashes: 4, restarts: 3, parked: 1 });
  });

  test('comes back after the cool-down, forgiven', () => {
    const { env, kernel, notes, note, crash } = setup({}, { parkMs: 30_000 });
    crash(4);
    env.advance(4_000);
    env.advance(30_000);
    expect(kernel.parked()).toEqual([]);
    expect(kernel.route('doer', 'a', note('back'))).toBeNull();
    env.run();
    expect(notes.at(-1)).toBe('back');
    expect(kernel.kindStats()[0]).toMatchObject({ parked: 0 });
  });

  test.each(['mail', 'spawn'] as const)('comes back when the operator says so (%s)', (activate) => {
    const { env, kernel, notes, note } = setup({ activate });
    kernel.spawn('doer', 'a');
    for (let n = 0; n < 4; n++) kernel.route('doer', 'a', fail());
    env.advance(4_000);
    expect(kernel.unpark('doer', 'a')).toBe(true);
    expect(kernel.unpark('doer', 'a')).toBe(false);
    kernel.route('doer', 'a', note('back'));
    env.run();
    expect(notes.at(-1)).toBe('back');
  });

  test('in init is parked too, and the mail that woke it refused', () => {
    const { env, kernel } = setup({
      init: () => {
        throw new Error('no init');
      },
    });
    expect(
      kernel.route(
        'doer',
        'a',
        go(() => {}),
      ),
    ).toBeNull();
    env.advance(5_000);
    expect(kernel.parked()).toMatchObject([{ reason: 'crash: no init' }]);
    expect(kernel.deadLetters().counts).toEqual([{ kind: 'doer', reason: 'parked', count: 1 }]);
  });

  test('but seldom, is restarted for ever', () => {
    const { env, kernel, crash } = setup();
    for (let n = 0; n < 20; n++) {
      crash();
      env.advance(11_000);
    }
    expect(kernel.parked()).toEqual([]);
    expect(kernel.kindStats()[0]).toMatchObject({ restarts: 20 });
    expect(kernel.stats().timers).toBe(0);
  });
});

describe('restart policy', () => {
  const ends = [
    ['normal', go(() => ({ reason: 'normal' }))],
    ['shutdown', go(() => ({ reason: 'shutdown' }))],
    ['crash', fail()],
  ] as const;
  const restarted = { permanent: ['normal', 'shutdown', 'crash'], transient: ['crash'], temporary: [] } as const;
  for (const policy of ['permanent', 'transient', 'temporary'] as const) {
    test.each(ends)(`${policy}, after %s`, (how, end) => {
      const { env, kernel } = setup({ restart: policy, activate: 'spawn' });
      kernel.spawn('doer', 'a');
      kernel.route('doer', 'a', end);
      env.advance(1_000);
      expect(kernel.whereis('doer', 'a') !== null).toBe((restarted[policy] as readonly string[]).includes(how));
    });

    test(`${policy}, after kernel.stop: never`, () => {
      const { env, kernel } = setup({ restart: policy });
      const ref = kernel.spawn('doer', 'a');
      env.run();
      kernel.stop(ref);
      env.advance(1_000);
      expect(kernel.whereis('doer', 'a')).toBeNull();
    });
  }

  test('a kill is abnormal, and leaves no last word', () => {
    const words: string[] = [];
    const { env, kernel, notes } = setup({ onStop: (_c, _s, reason) => void words.push(reason) });
    const ref = kernel.spawn('doer', 'a');
    env.run();
    kernel.kill(ref);
    env.advance(1_000);
    expect(notes).toEqual(['init 1', 'init 2']);
    expect(words).toEqual([]);
  });

  test('a temporary cell that crashes refuses all that waits', () => {
    const { env, kernel, notes, note } = setup({ restart: 'temporary' });
    kernel.route(
      'doer',
      'sender',
      go((ctx) => {
        ctx.route('doer', 'a', fail());
        ctx.route('doer', 'a', note('never'));
      }),
    );
    env.advance(1_000);
    expect(notes.slice(2)).toEqual(['sender: refused by a crashed', 'sender: refused by a crashed']);
  });
});

describe('a cell that is stopped', () => {
  test('from within its own turn ends when the handler returns', () => {
    const { env, kernel, notes, note } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        kernel.stop(ctx.self);
        notes.push('rest of the handler');
      }),
    );
    kernel.route('doer', 'a', note('never'));
    env.run();
    expect(notes).toEqual(['init 1', 'rest of the handler']);
    expect(kernel.whereis('doer', 'a')).toBeNull();
  });

  test('by another in its turn does not disturb that one', () => {
    const { env, kernel, notes } = setup({ onStop: (ctx) => void notes.push(`last word of ${ctx.key}`) });
    const victim = kernel.spawn('doer', 'victim');
    env.run();
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        kernel.stop(victim);
        notes.push(`still ${ctx.key}`);
      }),
    );
    env.run();
    expect(notes.slice(2)).toEqual(['last word of victim', 'still a']);
  });

  test('normally by itself while mail waits is followed by one that handles it', () => {
    const { env, kernel, notes, note } = setup();
    kernel.route(
      'doer',
      'a',
      go(() => ({ reason: 'normal' })),
    );
    kernel.route('doer', 'a', note('waited'));
    env.run();
    expect(notes).toEqual(['init 1', 'init 2', 'waited']);
  });

  test('with the kernel: hosts in reverse order, each with its last word, and nothing runs after', async () => {
    const { env, kernel, notes, note } = setup({
      onStop: (ctx, _s, reason) => void notes.push(`${ctx.key} ${reason}`),
    });
    kernel.register({ ...doer(notes, { onStop: (ctx) => void notes.push(ctx.key) }), name: 'later' });
    for (const key of ['a', 'b']) kernel.spawn('doer', key);
    kernel.spawn('later', 'c');
    env.run();
    notes.length = 0;
    await kernel.shutdown();
    expect(notes).toEqual(['c', 'b shutdown', 'a shutdown']);
    expect(kernel.route('doer', 'a', note('never'))).toBe('noproc');
    expect(kernel.stats().cells).toBe(0);
  });
});
