import { describe, expect, test } from 'vitest';
import { createKernel, HIBERNATE, type HostOptions, type Kind, SpawnError } from './index.ts';
import { type Do, type DoerState, doer, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = (more: Partial<Kind<DoerState, Do>> = {}, options: HostOptions = {}) => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  const init = (_ctx: unknown, key: string, arg: unknown) => {
    notes.push(`init ${key}`);
    return { key, arg };
  };
  kernel.register(doer(notes, { init, ...more }), options);
  return { env, kernel, notes };
};
const nothing = go(() => {});

describe('names', () => {
  test('are found by kind and key, until the cell ends', () => {
    const { env, kernel } = setup();
    const ref = kernel.spawn('doer', 'a');
    expect(kernel.whereis('doer', 'a')).toBe(ref);
    expect([ref.kind, ref.key]).toEqual(['doer', 'a']);
    env.run();
    kernel.stop(ref);
    expect(kernel.whereis('doer', 'a')).toBeNull();
  });

  test('are taken once: spawning a living key throws', () => {
    const { kernel } = setup();
    kernel.spawn('doer', 'a');
    expect(() => kernel.spawn('doer', 'a')).toThrow(SpawnError);
    expect(() => kernel.spawn('unknown', 'a')).toThrow('noKind');
    expect(() => kernel.register(doer([]))).toThrow('registered');
  });

  test('of a kind that is activated by mail come alive with the first mail', () => {
    const { env, kernel, notes } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx, state) => void notes.push(`mail to ${ctx.key}, arg ${state.arg}`)),
    );
    env.run();
    expect(notes).toEqual(['init a', 'mail to a, arg undefined']);
  });

  test('of a kind that is not refuse mail with noproc', () => {
    const { kernel } = setup({ activate: 'spawn' });
    expect(kernel.route('doer', 'a', nothing)).toBe('noproc');
    expect(kernel.route('unknown', 'a', nothing)).toBe('noproc');
  });

  test('are no more than the host allows', () => {
    const { kernel } = setup({}, { cellsMax: 2 });
    kernel.spawn('doer', 'a');
    expect(kernel.route('doer', 'b', nothing)).toBeNull();
    expect(kernel.route('doer', 'c', nothing)).toBe('busy');
    expect(() => kernel.spawn('doer', 'c')).toThrow('busy');
  });
});

describe('a cell that hibernates', () => {
  test('leaves its name free, and comes back with the next mail, by name or by its old address', () => {
    const { env, kernel, notes } = setup();
    const ref = kernel.spawn('doer', 'a');
    kernel.send(
      ref,
      go(() => HIBERNATE),
    );
    env.run();
    expect(kernel.stats().cells).toBe(0);
    kernel.send(
      ref,
      go(() => HIBERNATE),
    );
    env.run();
    kernel.route('doer', 'a', nothing);
    env.run();
    expect(notes).toEqual(['init a', 'init a', 'init a']);
    expect(kernel.kindStats()[0]).toMatchObject({ hibernations: 2, cells: 1 });
  });

  test('stays while mail waits', () => {
    const { env, kernel, notes } = setup();
    kernel.route(
      'doer',
      'a',
      go(() => HIBERNATE),
    );
    kernel.route(
      'doer',
      'a',
      go(() => void notes.push('waited')),
    );
    env.run();
    expect(notes).toEqual(['init a', 'waited']);
  });

  test('stays while somebody watches it, is linked to it, or nothing could bring it back', () => {
    const hibernate = go(() => HIBERNATE);
    const watched = setup();
    watched.kernel.watch(watched.kernel.spawn('doer', 'a'), () => {});
    watched.kernel.route('doer', 'a', hibernate);
    const linked = setup();
    linked.kernel.route(
      'doer',
      'a',
      go((ctx) => ctx.link(linked.kernel.spawn('doer', 'b'))),
    );
    linked.kernel.route('doer', 'a', hibernate);
    const spawned = setup({ activate: 'spawn' });
    spawned.kernel.spawn('doer', 'a');
    spawned.kernel.route('doer', 'a', hibernate);
    for (const { env, kernel } of [watched, linked, spawned]) {
      env.run();
      expect(kernel.whereis('doer', 'a')).not.toBeNull();
      expect(kernel.kindStats()[0]).toMatchObject({ hibernations: 0 });
    }
  });

  test('does not get an answer meant for its former life', () => {
    const { env, kernel, notes } = setup();
    const ref = kernel.spawn('doer', 'a');
    kernel.send(
      ref,
      go(() => HIBERNATE),
    );
    env.run();
    kernel.reply(ref, { t: 'late' });
    env.run();
    expect(notes).toEqual(['init a']);
    expect(kernel.deadLetters().total).toBe(1);
  });
});

describe('passivation', () => {
  test('lets idle cells leave that agree, and no more than asked for', () => {
    const { env, kernel } = setup();
    for (const key of ['a', 'b', 'c', 'd']) kernel.spawn('doer', key);
    env.advance(10_000);
    kernel.route('doer', 'd', nothing);
    env.run();
    const agrees = (state: unknown) => (state as DoerState).key !== 'b';
    expect(kernel.passivate('doer', 5_000, 1, agrees)).toBe(1);
    expect(kernel.passivate('doer', 5_000, 10, agrees)).toBe(1);
    expect([...kernel.cells('doer')].map((ref) => ref.key)).toEqual(['b', 'd']);
  });

  test('does not touch a cell with a timer', () => {
    const { env, kernel } = setup();
    kernel.route(
      'doer',
      'a',
      go((ctx) => void ctx.after(60_000, nothing)),
    );
    env.advance(10_000);
    expect(kernel.passivate('doer', 5_000, 10, () => true)).toBe(0);
  });
});

describe('handing a cell off', () => {
  test('ends it and returns the rest of its mailbox, nobody refused', () => {
    const { env, kernel, notes } = setup();
    const ref = kernel.spawn('doer', 'a');
    env.run();
    kernel.suspend(ref);
    const mails = [go(() => {}), go(() => {})];
    kernel.route(
      'doer',
      'sender',
      go((ctx) => {
        ctx.route('doer', 'a', mails[0] as Do);
        ctx.call('doer', 'a', mails[1] as Do, 1_000, 1);
      }),
    );
    env.run();
    const rest = kernel.handOff(ref);
    env.run();
    expect(rest.map(({ mail }) => mail)).toEqual(mails);
    expect(rest.map(({ from, call }) => [from?.key, call > 0])).toEqual([
      ['sender', false],
      ['sender', true],
    ]);
    expect(notes).toEqual(['init a', 'init sender']);
    expect(kernel.whereis('doer', 'a')).toBeNull();
  });

  test('a sealed cell finishes what is under way, and leaves its mail to the next owner', () => {
    let busy = true;
    const { env, kernel, notes } = setup({
      onSeal: (ctx) => {
        notes.push(`seals ${ctx.key}`);
        ctx.after(
          10,
          go(() => notes.push('a timer of its own')),
        );
      },
      quiet: () => !busy,
    });
    const ref = kernel.spawn('doer', 'a');
    env.run();
    kernel.route(
      'doer',
      'a',
      go(() => notes.push('waits already')),
    );
    kernel.seal(ref);
    kernel.seal(ref);
    kernel.route(
      'doer',
      'a',
      go(() => notes.push('comes later')),
    );
    expect(kernel.isQuiet(ref)).toBe(false);
    env.advance(50);
    expect(notes).toEqual(['init a', 'seals a', 'a timer of its own']);
    busy = false;
    expect(kernel.isQuiet(ref)).toBe(true);
    expect(kernel.handOff(ref)).toHaveLength(2);
    env.run();
    expect(notes).toEqual(['init a', 'seals a', 'a timer of its own']);
  });
});
