import { describe, expect, test } from 'vitest';
import { SYSTEM_LANE_MAILS_MAX } from './core.ts';
import {
  CONTINUE,
  createKernel,
  type HostOptions,
  type Kernel,
  type Kind,
  SHED_NEVER,
  SHED_PRESENCE,
  SHED_RECEIPT,
  SHED_TYPING,
} from './index.ts';
import { type Do, type DoerState, doer, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = (more: Partial<Kind<DoerState, Do>> = {}, options: HostOptions = {}) => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  kernel.register(doer(notes, more), options);
  return { env, kernel, notes };
};
const nothing = go(() => {});
const lanesLent = (kernel: Kernel): number => kernel.stats().lanesLent;

describe('a mailbox', () => {
  test('takes nothing until the first mail, and gives its lane back when empty', () => {
    const { env, kernel } = setup();
    const ref = kernel.spawn('doer', 'a');
    env.run();
    expect(lanesLent(kernel)).toBe(0);
    kernel.send(ref, nothing);
    expect(lanesLent(kernel)).toBe(1);
    env.run();
    expect(lanesLent(kernel)).toBe(0);
  });

  test('holds 1,024 mails unless its kind says otherwise, and refuses more', () => {
    for (const [more, max] of [
      [{}, 1_024],
      [{ mailboxMailsMax: 3 }, 3],
    ] as const) {
      const { kernel } = setup(more);
      for (let n = 0; n < max; n++) expect(kernel.route('doer', 'a', nothing)).toBeNull();
      expect(kernel.route('doer', 'a', nothing)).toBe('mailboxFull');
      expect(kernel.mailboxLength(kernel.whereis('doer', 'a') ?? expect.fail())).toBe(max);
    }
  });

  test('that is full is told to a sending cell by its system lane, with the mail that was not taken', () => {
    const mails: unknown[] = [];
    const { env, kernel } = setup({
      mailboxMailsMax: 1,
      onRefused(_ctx, _state, refused) {
        mails.push([refused.kind, refused.key, refused.reason, refused.mail]);
        return CONTINUE;
      },
    });
    const second = go(() => {});
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        ctx.route('doer', 'b', nothing);
        ctx.route('doer', 'b', second);
      }),
    );
    env.run();
    expect(mails).toEqual([['doer', 'b', 'mailboxFull', second]]);
  });

  test('keeps the order of one sender', () => {
    const { env, kernel, notes } = setup();
    for (let n = 0; n < 200; n++)
      kernel.route(
        'doer',
        'a',
        go(() => void notes.push(n)),
      );
    env.run();
    expect(notes).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  test('has a system lane that goes before user mail', () => {
    const { env, kernel, notes } = setup();
    const ref = kernel.spawn('doer', 'a');
    kernel.send(
      ref,
      go(() => void notes.push('user')),
    );
    kernel.reply(ref, { t: 'system' });
    env.run();
    expect(notes).toEqual([['a', { t: 'system' }], 'user']);
  });

  test('whose system lane overflows crashes its cell', () => {
    const { env, kernel } = setup();
    const ref = kernel.spawn('doer', 'a');
    env.run();
    kernel.suspend(ref);
    for (let n = 0; n < SYSTEM_LANE_MAILS_MAX; n++) kernel.reply(ref, { t: 'reply' });
    expect(kernel.isAlive(ref)).toBe(true);
    kernel.reply(ref, { t: 'reply' });
    expect(kernel.isAlive(ref)).toBe(false);
    expect(kernel.kindStats()[0]).toMatchObject({ crashes: 1 });
  });
});

describe('shedding', () => {
  interface Classed extends Do {
    readonly shed: 0 | 1 | 2 | 3;
  }
  const shedding = (max: number) => {
    const set = setup({ mailboxMailsMax: max, shedClass: (mail) => (mail as Classed).shed });
    const put = (name: string, shed: 0 | 1 | 2 | 3) =>
      set.kernel.route('doer', 'a', { ...go(() => void set.notes.push(name)), shed } as Classed);
    return { ...set, put };
  };

  test('typing goes first, then presence, then receipts, and each is counted', () => {
    const { env, kernel, notes, put } = shedding(3);
    put('receipt', SHED_RECEIPT);
    put('typing', SHED_TYPING);
    put('presence', SHED_PRESENCE);
    for (const name of ['m1', 'm2', 'm3']) expect(put(name, SHED_NEVER)).toBeNull();
    env.run();
    expect(notes).toEqual(['m1', 'm2', 'm3']);
    expect(kernel.kindStats()[0]?.shed).toEqual({ receipt: 1, presence: 1, typing: 1 });
  });

  test('a message is refused, never shed', () => {
    const { put } = shedding(1);
    put('m1', SHED_NEVER);
    expect(put('m2', SHED_NEVER)).toBe('mailboxFull');
  });

  test('what comes and is as sheddable as all that waits is itself shed, and its sender not bothered', () => {
    const { env, kernel, notes, put } = shedding(1);
    put('first', SHED_TYPING);
    expect(put('second', SHED_TYPING)).toBeNull();
    env.run();
    expect(notes).toEqual(['first']);
    expect(kernel.kindStats()[0]?.shed.typing).toBe(1);
  });
});

describe('a hint', () => {
  test('reaches those that live, wakes nobody, and is never refused', () => {
    const { env, kernel, notes } = setup({ mailboxMailsMax: 1 });
    kernel.spawn('doer', 'b');
    kernel.route(
      'doer',
      'a',
      go((ctx) => {
        const hello = go((to) => void notes.push(`hint to ${to.key}`));
        ctx.hint('doer', ['b', 'b', 'nobody'], hello);
      }),
    );
    env.run();
    expect(notes).toEqual(['hint to b']);
    expect(kernel.whereis('doer', 'nobody')).toBeNull();
    expect(kernel.kindStats()[0]).toMatchObject({ hintsMissed: 2 });
  });
});
