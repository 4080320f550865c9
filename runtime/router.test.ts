import { describe, expect, test } from 'vitest';
import { createKernel, ForeignRef, type Kernel, type Ref, type Router } from './index.ts';
import { doer, fail, go } from './testing/doer.ts';
import { TestEnv } from './testing/test-env.ts';

// Two kernels over one clock, keys that start with the node's name live there: the least that a cluster has to do.
const setup = () => {
  const env = new TestEnv();
  const notes: unknown[] = [];
  const kernels = new Map<string, Kernel>();
  const refs = new Map<string, ForeignRef>();
  const foreign = (node: string, ref: Ref | null): ForeignRef | null => {
    if (ref === null) return null;
    const name = `${node} ${ref.kind} ${ref.key}`;
    const known = refs.get(name) ?? new ForeignRef(node, ref.kind, ref.key);
    refs.set(name, known);
    return known;
  };
  const peer = (node: string): Kernel => kernels.get(node) ?? expect.fail();
  const routerOf = (self: string): Router => ({
    route(kind, key, mail, from, call) {
      const node = key.slice(0, 1);
      if (node === self) return 'local';
      return kernels.has(node) ? peer(node).routeLocal(kind, key, mail, foreign(self, from), call) : 'busy';
    },
    routeAll(kind, keys, mail, from) {
      const local: string[] = [];
      notes.push(`routeAll ${[...keys].join(' ')}`);
      for (const key of keys) if (this.route(kind, key, mail, from, 0) === 'local') local.push(key);
      return local;
    },
    hint(kind, keys, mail, from) {
      const local = [...keys].filter((key) => key.startsWith(self));
      for (const key of keys)
        if (!local.includes(key)) peer(key.slice(0, 1)).hintLocal(kind, key, mail, foreign(self, from));
      return local;
    },
    send(to, mail, from, lane) {
      const there = peer(to.node);
      if (lane === 'user') return there.routeLocal(to.kind, to.key, mail, foreign(self, from));
      there.reply(there.whereis(to.kind, to.key) ?? to, mail, foreign(self, from));
      return null;
    },
    answer: (to, call, value) => peer(to.node).foreignAnswer(call, { ok: true, value, reason: null }),
    refused(to, refused, call) {
      if (call > 0) peer(to.node).foreignAnswer(call, { ok: false, value: null, reason: refused.reason });
      else peer(to.node).foreignRefused(peer(to.node).whereis(to.kind, to.key) ?? to, refused);
    },
  });
  for (const node of ['x', 'y']) {
    const kernel = createKernel({ env, node, router: routerOf(node) });
    kernel.register(doer(notes, { restart: 'temporary' }));
    kernels.set(node, kernel);
  }
  return { env, notes, x: peer('x'), y: peer('y'), foreign };
};
const tellWhere = (notes: unknown[]) => go((ctx) => void notes.push(`${ctx.key} from ${ctx.sender?.key}`));

describe('a router', () => {
  test('places routed mail on another node, and the receiver can answer its sender', () => {
    const { env, notes, x } = setup();
    x.route(
      'doer',
      'x1',
      go((ctx) =>
        ctx.route(
          'doer',
          'y1',
          go((there) => {
            notes.push(`${there.key} from ${there.sender?.key}`);
            there.send(there.sender ?? there.self, tellWhere(notes));
          }),
        ),
      ),
    );
    env.run();
    expect(notes).toEqual(['y1 from x1', 'x1 from y1']);
  });

  test('may refuse, and the sender hears of it', () => {
    const { env, notes, x } = setup();
    x.route(
      'doer',
      'x1',
      go((ctx) => ctx.route('doer', 'z1', tellWhere(notes))),
    );
    env.run();
    expect(notes).toEqual(['x1: refused by z1 busy']);
  });

  test('gets all keys of one mail at once', () => {
    const { env, notes, x } = setup();
    x.route(
      'doer',
      'x1',
      go((ctx) => ctx.routeAll('doer', ['x2', 'y2', 'y3'], tellWhere(notes))),
    );
    env.run();
    expect(notes[0]).toBe('routeAll x2 y2 y3');
    expect(notes.slice(1).sort()).toEqual(['x2 from x1', 'y2 from x1', 'y3 from x1']);
  });

  test('gets hints, which wake nobody there either', () => {
    const { env, notes, x, y } = setup();
    y.spawn('doer', 'y2');
    x.route(
      'doer',
      'x1',
      go((ctx) => ctx.hint('doer', ['y2', 'y3'], tellWhere(notes))),
    );
    env.run();
    expect(notes).toEqual(['y2 from x1']);
  });

  test.each([
    ['an answer', go((ctx) => ctx.answer(5)), { ok: true, value: 5 }],
    ['a crash', fail(), { ok: false, reason: 'crashed' }],
    ['silence', go(() => {}), { ok: false, reason: 'deadline' }],
  ])('carries calls: %s', (_what, mail, expected) => {
    const { env, notes, x } = setup();
    x.route(
      'doer',
      'x1',
      go((ctx) => ctx.call('doer', 'y1', mail, 500, 3)),
    );
    env.advance(1_000);
    expect(notes).toEqual([['x1', { t: 'callResult', token: 3, value: null, reason: null, ...expected }]]);
  });

  test('brings back what a cell there did not take after all', () => {
    const { env, notes, x } = setup();
    x.route(
      'doer',
      'x1',
      go((ctx) => ctx.route('doer', 'y1', fail())),
    );
    env.run();
    expect(notes).toEqual(['x1: refused by y1 crashed']);
  });

  test('that loses a node yields down and exit with noconnection, once', () => {
    const { env, notes, x, foreign } = setup();
    const far = foreign('y', { kind: 'doer', key: 'y1' }) ?? expect.fail();
    x.route(
      'doer',
      'x1',
      go((ctx) => void ctx.monitor(far)),
    );
    x.route(
      'doer',
      'x2',
      go((ctx) => ctx.link(far)),
    );
    env.run();
    x.nodeDown('y');
    x.nodeDown('y');
    env.run();
    expect(notes).toEqual(['x1: down y1 noconnection']);
    expect(x.whereis('doer', 'x2')).toBeNull();
  });
});
