import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONTINUE, createKernel, type Kind } from './index.ts';
import { type Do, type DoerState, doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = (more: Partial<Kind<DoerState, Do>> = {}) => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: unknown[] = [];
  kernel.register(doer(notes, more));
  const start = (key: string) => {
    const ref = kernel.spawn('doer', key);
    env.run();
    return ref;
  };
  const tell = (key: string, run: Do['run']) => {
    kernel.route('doer', key, go(run));
    env.run();
  };
  return { env, kernel, notes, start, tell };
};
const normally = go(() => ({ reason: 'normal' }));

describe('a monitor', () => {
  test.each([
    ['normal', normally],
    ['crash: boom', fail()],
    ['shutdown', go(() => ({ reason: 'shutdown' }))],
  ])('yields down once, with the reason %s', (reason, end) => {
    const { env, kernel, notes, start, tell } = setup();
    const watched = start('watched');
    tell('watcher', (ctx) => void ctx.monitor(watched));
    kernel.send(watched, end);
    env.advance(10_000);
    expect(notes).toEqual([`watcher: down watched ${reason}`]);
  });

  test('fires on a crash though the host restarts the cell, and does not go over to the next incarnation', () => {
    const { env, kernel, notes, start, tell } = setup();
    const watched = start('watched');
    tell('watcher', (ctx) => void ctx.monitor(watched));
    for (let n = 0; n < 2; n++) {
      kernel.route('doer', 'watched', fail());
      env.advance(1_000);
    }
    expect(notes).toEqual(['watcher: down watched crash: boom']);
    expect(kernel.whereis('doer', 'watched')).not.toBe(watched);
  });

  test('on an actor that is gone yields noproc at once', () => {
    const { kernel, notes, start, tell } = setup();
    const watched = start('watched');
    kernel.stop(watched);
    tell('watcher', (ctx) => void ctx.monitor(watched));
    expect(notes).toEqual(['watcher: down watched noproc']);
  });

  test('taken back yields nothing, not even a down that waits already', () => {
    const { env, kernel, notes, start } = setup();
    const watched = start('watched');
    kernel.route(
      'doer',
      'watcher',
      go((ctx) => {
        const [first, second] = [ctx.monitor(watched), ctx.monitor(watched)];
        ctx.demonitor(first);
        kernel.stop(watched);
        ctx.demonitor(second);
      }),
    );
    env.run();
    expect(notes).toEqual([]);
  });

  test('among many is taken back by its number, and the rest fire in the order of their making', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(60), { maxLength: 60 }), (count, taken) => {
        const { kernel, start, tell } = setup();
        const down: number[] = [];
        const watched = start('watched');
        kernel.replaceKind(
          doer([], {
            onDown(_ctx, _state, { monitor }) {
              down.push(monitor);
              return CONTINUE;
            },
          }),
        );
        let kept: number[] = [];
        tell('watcher', (ctx) => {
          for (let n = 0; n < count; n++) kept.push(ctx.monitor(watched));
          for (const at of taken) {
            const id = kept[at] ?? -1;
            ctx.demonitor(id);
            ctx.demonitor(id);
            kept = kept.filter((each) => each !== id);
            if (at % 3 === 0) kept.push(ctx.monitor(watched));
          }
        });
        expect(kernel.info(watched)).toMatchObject({ monitoredBy: kept.length });
        kernel.stop(watched);
        tell('watcher', (ctx) => ctx.demonitor(kept[0] ?? -1));
        expect(down).toEqual(kept);
      }),
      { numRuns: 50 },
    );
  });

  test('ends with its watcher', () => {
    const { kernel, start, tell } = setup();
    const watched = start('watched');
    tell('watcher', (ctx) => void ctx.monitor(watched));
    expect(kernel.info(watched)).toMatchObject({ monitoredBy: 1 });
    tell('watcher', () => ({ reason: 'normal' }));
    expect(kernel.info(watched)).toMatchObject({ monitoredBy: 0 });
  });

  test('may be held by code that is no actor, until it lets go', () => {
    const { kernel, start } = setup();
    const reasons: string[] = [];
    const [one, two] = [start('one'), start('two')];
    kernel.watch(one, (down) => void reasons.push(down.reason));
    kernel.watch(two, (down) => void reasons.push(down.reason))();
    kernel.stop(one);
    kernel.stop(two);
    expect(reasons).toEqual(['shutdown']);
  });

  test('several on one cell by one watcher each yield their own down', () => {
    const { kernel, start, tell } = setup();
    const ids: number[] = [];
    const watched = start('watched');
    kernel.replaceKind(
      doer([], {
        onDown(_ctx, _state, down) {
          ids.push(-down.monitor);
          return CONTINUE;
        },
      }),
    );
    tell('watcher', (ctx) => void ids.push(ctx.monitor(watched), ctx.monitor(watched)));
    tell('watched', () => ({ reason: 'normal' }));
    expect(ids[2]).toBe(-(ids[0] ?? 0));
    expect(ids[3]).toBe(-(ids[1] ?? 0));
  });
});

describe('a link', () => {
  test('takes both down on a crash, whichever it was', () => {
    for (const first of ['a', 'b']) {
      const { env, kernel, start, tell } = setup({ restart: 'temporary' });
      const b = start('b');
      tell('a', (ctx) => ctx.link(b));
      kernel.route('doer', first, fail());
      env.run();
      expect([...kernel.cells()]).toEqual([]);
    }
  });

  test('is not felt when the other ends normally', () => {
    const { kernel, start, tell } = setup({ restart: 'temporary' });
    const b = start('b');
    tell('a', (ctx) => ctx.link(b));
    tell('b', () => ({ reason: 'normal' }));
    expect([...kernel.cells()].map((ref) => ref.key)).toEqual(['a']);
  });

  test('passes the reason on, through a chain, and restarts follow the policy of each', () => {
    const { env, kernel, notes, start, tell } = setup({ restart: 'transient' });
    const [a, b, c] = [start('a'), start('b'), start('c')];
    tell('a', (ctx) => ctx.link(b));
    tell('b', (ctx) => ctx.link(c));
    tell('watcher', (ctx) => void ctx.monitor(c));
    kernel.send(a, fail('first'));
    env.advance(1_000);
    expect(notes).toEqual(['watcher: down c crash: first']);
    expect(kernel.kindStats()[0]).toMatchObject({ restarts: 3, crashes: 1 });
  });

  test('is delivered as mail to a kind that traps exits, which lives on', () => {
    const exits: string[] = [];
    const { env, kernel, start, tell } = setup({
      restart: 'temporary',
      onExit(ctx, _state, exit) {
        exits.push(`${ctx.key}: ${exit.ref.key} ${exit.reason}`);
        return CONTINUE;
      },
    });
    const b = start('b');
    tell('a', (ctx) => ctx.link(b));
    kernel.send(b, fail());
    env.run();
    expect(exits).toEqual(['a: b crash: boom']);
    expect(kernel.whereis('doer', 'a')).not.toBeNull();
  });

  test('taken back, from either side, is not felt', () => {
    for (const side of ['a', 'b']) {
      const { env, kernel, start, tell } = setup({ restart: 'temporary' });
      const refs = { a: start('a'), b: start('b') };
      tell('a', (ctx) => ctx.link(refs.b));
      tell(side, (ctx) => ctx.unlink(side === 'a' ? refs.b : refs.a));
      kernel.send(refs.b, fail());
      env.run();
      expect([...kernel.cells()]).toEqual([refs.a]);
    }
  });

  test('to an actor that is gone is an exit with noproc', () => {
    const { kernel, start, tell } = setup({ restart: 'temporary' });
    const b = start('b');
    kernel.stop(b);
    tell('a', (ctx) => ctx.link(b));
    expect([...kernel.cells()]).toEqual([]);
  });
});
