import { describe, expect, test } from 'vitest';
import { createKernel, ForeignRef, type Ref, type Router } from './index.ts';
import { doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = () => {
  const env = new TestEnv();
  const notes: unknown[] = [];
  const told: string[] = [];
  const router: Router = {
    route: () => 'local',
    link: (from, to) => void told.push(`link ${from.key} ${to.key}`),
    unlink: (from, to) => void told.push(`unlink ${from.key} ${to.key}`),
    exit: (from, to, reason) => void told.push(`exit ${from.key} ${to.key} ${reason}`),
  };
  const kernel = createKernel({ env, node: 'x', router });
  kernel.register(
    doer(notes, {
      onExit(ctx, _state, exit) {
        notes.push(`${ctx.key}: exit ${exit.ref.key} ${exit.reason}`);
        return 0;
      },
    }),
  );
  const far = new ForeignRef('y', 'doer', 'far', 3);
  const cell = kernel.spawn('doer', 'a');
  env.run();
  return { env, notes, told, kernel, far, cell };
};

describe('a life of a cell', () => {
  test('is found by its number, and only while it lasts', () => {
    const { env, kernel, cell } = setup();
    const life = kernel.foreign.lifeOf(cell);
    expect(kernel.foreign.find('doer', 'a', life)).toBe(cell);
    expect(kernel.foreign.find('doer', 'b', life)).toBeNull();
    expect(kernel.foreign.find('other', 'a', life)).toBeNull();
    kernel.route('doer', 'a', fail());
    env.run();
    expect(kernel.whereis('doer', 'a')).not.toBeNull();
    expect(kernel.foreign.find('doer', 'a', life)).toBeNull();
  });

  test('has a number of its own, however many names there are', () => {
    const { kernel } = setup();
    const lives = Array.from({ length: 1_000 }, (_, n) => kernel.foreign.lifeOf(kernel.spawn('doer', `k${n}`)));
    expect(new Set(lives).size).toBe(1_000);
    expect(kernel.foreign.lifeOf(new ForeignRef('y', 'doer', 'far'))).toBe(0);
  });
});

describe('a link from another node', () => {
  test('brings its actor’s end, and takes ours there', () => {
    const { env, notes, told, kernel, far, cell } = setup();
    expect(kernel.foreign.link(cell, far)).toBe(true);
    kernel.foreign.exit(cell, far, 'killed');
    kernel.foreign.exit(cell, far, 'killed');
    env.run();
    expect([notes, told]).toEqual([['a: exit far killed'], []]);
    kernel.foreign.link(cell, far);
    kernel.stop(cell);
    expect(told).toEqual(['exit a far shutdown']);
  });

  test('is none when the cell is gone, or it was taken back', () => {
    const { env, notes, told, kernel, far, cell } = setup();
    kernel.foreign.link(cell, far);
    kernel.foreign.unlink(cell, far);
    kernel.foreign.exit(cell, far, 'killed');
    env.run();
    kernel.stop(cell);
    const gone: Ref = { kind: 'doer', key: 'a' };
    expect([kernel.foreign.link(cell, far), kernel.foreign.link(gone, far)]).toEqual([false, false]);
    expect([notes, told]).toEqual([[], []]);
  });

  test('ends with noconnection when its node is lost', () => {
    const { env, notes, kernel, far, cell } = setup();
    kernel.foreign.link(cell, far);
    kernel.nodeDown('y');
    kernel.nodeDown('y');
    env.run();
    expect(notes).toEqual(['a: exit far noconnection']);
  });

  test('that a cell here made may be refused while it is being made', () => {
    const env = new TestEnv();
    const notes: unknown[] = [];
    const router: Router = {
      route: () => 'local',
      link: (from, to) => kernel.foreign.exit(from, to, 'noconnection'),
      monitor: (ref, monitor) => kernel.foreignDown(ref, monitor, 'noconnection'),
    };
    const kernel = createKernel({ env, node: 'x', router });
    kernel.register(doer(notes, { restart: 'temporary' }));
    const far = new ForeignRef('y', 'doer', 'far');
    kernel.route(
      'doer',
      'a',
      go((ctx) => void ctx.monitor(far)),
    );
    kernel.route(
      'doer',
      'b',
      go((ctx) => ctx.link(far)),
    );
    env.run();
    expect(notes).toEqual(['a: down far noconnection']);
    expect(kernel.whereis('doer', 'b')).toBeNull();
  });
});
