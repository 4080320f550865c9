import { describe, expect, test } from 'vitest';
import { createKernel } from './index.ts';
import { TURN_MAILS_MAX } from './scheduler.ts';
import { doer, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = () => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  kernel.register(doer(notes));
  const note = (what: unknown) => go(() => void notes.push(what));
  /** A mail that takes so long to handle. */
  const busy = (ms: number) =>
    go((ctx) => {
      env.clockMs += ms;
      notes.push(ctx.key);
    });
  return { env, kernel, notes, note, busy };
};

/** The longest runs of equal values, in order. */
const runs = (values: readonly unknown[]): [unknown, number][] => {
  const found: [unknown, number][] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last !== undefined && last[0] === value) last[1]++;
    else found.push([value, 1]);
  }
  return found;
};

describe('turns', () => {
  test('are of 64 mails at the most, and go round', () => {
    const { env, kernel, notes, note } = setup();
    // A kind is known to be quick only after its first turns.
    for (let n = 0; n < 100; n++) {
      kernel.route(
        'doer',
        'a',
        go(() => {}),
      );
      env.run();
    }
    for (let n = 0; n < 200; n++) for (const key of ['a', 'b']) kernel.route('doer', key, note(key));
    env.run();
    expect(Math.max(...runs(notes).map(([, length]) => length))).toBe(TURN_MAILS_MAX);
    expect(runs(notes).slice(0, 4)).toEqual([
      ['a', 64],
      ['b', 64],
      ['a', 64],
      ['b', 64],
    ]);
  });

  test('of cells that send themselves mail without end let others have theirs, and end, though the clock stand still', () => {
    const { env, kernel, notes, note } = setup();
    const again = go((ctx) => ctx.send(ctx.self, again));
    kernel.route('doer', 'a', again);
    kernel.route('doer', 'b', note('b'));
    env.step();
    expect(notes).toEqual(['b']);
  });

  test('for system mail come before the run queue, but do not starve it', () => {
    const { env, kernel, notes, note } = setup();
    const busyOnes = Array.from({ length: 100 }, (_, n) => kernel.spawn('doer', `s${n}`));
    env.run();
    for (let n = 0; n < 40; n++) kernel.route('doer', `u${n}`, note('user'));
    for (const ref of busyOnes) kernel.reply(ref, { t: 'reply' });
    env.run();
    const order = runs(notes.map((each) => (each === 'user' ? 'user' : 'system')));
    expect(order[0]).toEqual(['system', 16]);
    expect(order[1]).toEqual(['user', 1]);
  });
});

describe('a slice', () => {
  test('ends after 8 ms for I/O, and another goes on', () => {
    const { env, kernel, notes, busy } = setup();
    for (let n = 0; n < 10; n++) kernel.route('doer', `c${n}`, busy(3));
    env.step();
    expect(notes.length).toBe(3);
    env.step();
    expect(notes.length).toBe(6);
  });

  test('ends after 8 ms for quick kinds too, whose turns are only sampled', () => {
    const { env, kernel, notes, busy } = setup();
    for (let n = 0; n < 100; n++)
      kernel.route(
        'doer',
        'quick',
        go(() => {}),
      );
    env.run();
    for (let n = 0; n < 3_000; n++) kernel.route('doer', `c${n}`, busy(0.02));
    env.step();
    expect(env.clockMs - 1_000).toBeLessThan(8 + 64 * 0.02 * 2);
    expect(notes.length).toBeLessThan(600);
  });

  test('that a slow kind overran is counted against that kind, among quick ones', () => {
    const { env, kernel, busy } = setup();
    kernel.register({ ...doer([]), name: 'slow' });
    for (let n = 0; n < 300; n++) kernel.route('doer', `c${n}`, busy(0.001));
    kernel.route('slow', 'a', busy(40));
    env.run();
    const overruns = kernel.kindStats().map(({ kind, overruns }) => [kind, overruns]);
    expect(overruns).toEqual([
      ['doer', 0],
      ['slow', 1],
    ]);
    expect(kernel.stats()).toMatchObject({ overruns: 1, overrunsUnblamed: 0 });
  });

  test('overrun by a kind that was quick until then blames it from the second time on', () => {
    const { env, kernel, busy } = setup();
    kernel.register({ ...doer([]), name: 'slow' });
    for (let n = 0; n < 200; n++) {
      kernel.route('slow', 'a', busy(0.001));
      kernel.route('doer', 'a', busy(0.001));
      env.run();
    }
    const stall = () => {
      kernel.route('slow', 'a', busy(40));
      for (let n = 0; n < 200; n++) kernel.route('doer', `c${n}`, busy(0.001));
      env.run();
    };
    stall();
    expect(kernel.stats()).toMatchObject({ overruns: 1, overrunsUnblamed: 1 });
    stall();
    expect(kernel.stats()).toMatchObject({ overruns: 2, overrunsUnblamed: 1 });
    expect(kernel.kindStats().map((kind) => kind.overruns)).toEqual([0, 1]);
  });

  test('is followed by the hooks, once a slice, after all its mails', () => {
    const { env, kernel, notes, note } = setup();
    kernel.onSliceEnd(() => void notes.push('end'));
    kernel.onSliceEnd(() => {
      throw new Error('a broken hook stops nobody');
    });
    kernel.onSliceEnd(() => void notes.push('second'));
    for (let n = 0; n < 3; n++) kernel.route('doer', `c${n}`, note(n));
    env.run();
    expect(notes).toEqual([0, 1, 2, 'end', 'second']);
  });

  test('is not run when there is nothing to do', () => {
    const { env, kernel } = setup();
    kernel.spawn('doer', 'a');
    env.run();
    const { slices } = kernel.stats();
    env.advance(60_000);
    expect(kernel.stats().slices).toBe(slices);
  });
});

describe('hold', () => {
  test('leaves user mail waiting, lets system mail through, until release', () => {
    const { env, kernel, notes, note } = setup();
    const ref = kernel.spawn('doer', 'a');
    kernel.send(
      ref,
      go((ctx) => ctx.hold()),
    );
    kernel.send(ref, note('user'));
    kernel.reply(ref, { t: 'state' });
    env.run();
    expect(notes).toEqual([['a', { t: 'state' }]]);
    expect(kernel.info(ref)).toMatchObject({ status: 'held', mailboxUser: 1 });
    kernel.replaceKind(
      doer(notes, {
        onReply(ctx) {
          ctx.release();
          return 0;
        },
      }),
    );
    kernel.reply(ref, { t: 'state' });
    env.run();
    expect(notes.at(-1)).toBe('user');
  });

  test('may be called by init, and keeps the bound of the mailbox', () => {
    const { env, kernel, notes, note } = setup();
    const init = (ctx: { hold(): void }, key: string) => {
      ctx.hold();
      return { key, arg: null };
    };
    kernel.register({ ...doer(notes, { init, mailboxMailsMax: 2 }), name: 'holder' });
    const refusals = [1, 2, 3].map((n) => kernel.route('holder', 'a', note(n)));
    env.run();
    expect(refusals).toEqual([null, null, 'mailboxFull']);
    expect(notes).toEqual([]);
  });
});

describe('the order of events', () => {
  test('is the same in every run over the same Env', () => {
    const story = (): unknown[] => {
      const { env, kernel, notes } = setup();
      const hop = (left: number): ReturnType<typeof go> =>
        go((ctx) => {
          notes.push([env.now(), ctx.key, left]);
          env.clockMs += env.random();
          if (env.random() < 0.1) throw new Error('bad luck');
          if (left > 0) ctx.route('doer', `c${Math.floor(env.random() * 20)}`, hop(left - 1));
          ctx.after(
            env.random() * 100,
            go(() => void notes.push(ctx.key)),
          );
        });
      for (let n = 0; n < 20; n++) kernel.route('doer', `c${n}`, hop(20));
      env.advance(30_000);
      return notes;
    };
    const first = story();
    expect(first.length).toBeGreaterThan(100);
    expect(story()).toEqual(first);
  });
});
