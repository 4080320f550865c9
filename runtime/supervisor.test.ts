import { describe, expect, test } from 'vitest';
import {
  createKernel,
  type ServiceKind,
  type ServiceSpec,
  type Strategy,
  type SupervisorSpec,
  serviceSpec,
  startSupervisor,
} from './index.ts';
import { TestEnv } from './testing/test-env.ts';

interface Poke {
  readonly t: 'poke' | 'crash';
}
const setup = () => {
  const env = new TestEnv();
  const kernel = createKernel({ env, node: 'n1' });
  const notes: string[] = [];
  const running = new Set<string>();
  /** Notes its start and stop; crashes when told; two of a name at once are noted as a fault. */
  const worker = (name: string, more: Partial<ServiceKind<null, Poke>> = {}): ServiceSpec =>
    serviceSpec<null, Poke>(
      {
        name: 'worker',
        inboxMailsMax: 10,
        batchMailsMax: 10,
        init: async () => {
          if (running.has(name)) notes.push(`two of ${name}`);
          running.add(name);
          await Promise.resolve();
          notes.push(`+${name}`);
          return null;
        },
        receive(_ctx, _state, batch) {
          if (batch.some(({ mail }) => mail.t === 'crash')) throw new Error(`${name} broke`);
        },
        onStop: async () => {
          await Promise.resolve();
          running.delete(name);
          notes.push(`-${name}`);
        },
        ...more,
      },
      { name },
    );
  const start = (spec: SupervisorSpec, onEscalate = (reason: string) => void notes.push(`escalated ${reason}`)) =>
    startSupervisor(kernel, spec, { onEscalate });
  return { env, kernel, notes, worker, start };
};

describe('a supervision tree', () => {
  test('starts in the order of its data, each child when the one before is up, and stops leaf first in reverse', async () => {
    const { env, notes, worker, start } = setup();
    const tree = start({
      name: 'root',
      strategy: 'one_for_one',
      children: [
        worker('a'),
        { name: 'inner', strategy: 'one_for_all', children: [worker('b'), worker('c')] },
        worker('d'),
      ],
    });
    await tree.ready;
    expect(tree.tree()).toMatchObject({
      status: 'live',
      children: [{ name: 'a' }, { name: 'inner', children: [{ name: 'b' }, { name: 'c' }] }, { name: 'd' }],
    });
    await Promise.all([tree.stop(), env.settle()]);
    expect(notes).toEqual(['+a', '+b', '+c', '+d', '-d', '-c', '-b', '-a']);
    expect(tree.tree()).toMatchObject({ status: 'stopped' });
  });

  test.each<[Strategy, string[]]>([
    ['one_for_one', ['-b', '+b']],
    ['one_for_all', ['-b', '-c', '-a', '+a', '+b', '+c']],
    ['rest_for_one', ['-b', '-c', '+b', '+c']],
  ])('%s restarts as it should', async (strategy, expected) => {
    const { env, kernel, notes, worker, start } = setup();
    const tree = start({ name: 'root', strategy, children: ['a', 'b', 'c'].map((name) => worker(name)) });
    await tree.ready;
    notes.length = 0;
    kernel.send(tree.ref('b'), { t: 'crash' });
    await env.settle();
    expect(notes).toEqual(expected);
    expect(kernel.services().map((service) => service.status)).toEqual(['live', 'live', 'live']);
  });

  test('never runs two handlers of one service at once: a restart waits until the busy sibling is done', async () => {
    const { env, kernel, notes, worker, start } = setup();
    let finish = (): void => {};
    let handling = 0;
    const slow = worker('slow', {
      async receive() {
        expect(++handling).toBe(1);
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        handling--;
        notes.push('slow is done');
      },
    });
    const tree = start({ name: 'root', strategy: 'one_for_all', children: [slow, worker('b')] });
    await tree.ready;
    notes.length = 0;
    kernel.send(tree.ref('slow'), { t: 'poke' });
    await env.settle();
    kernel.send(tree.ref('b'), { t: 'crash' });
    await env.settle();
    expect(notes).toEqual(['-b']);
    finish();
    await env.settle();
    expect(notes).toEqual(['-b', 'slow is done', '-slow', '+slow', '+b']);
  });

  test('gives each child its time to stop, and goes on when it is over', async () => {
    const { env, notes, worker, start } = setup();
    const hangs = worker('hangs', { shutdownMs: 300, onStop: () => new Promise(() => {}) });
    const tree = start({ name: 'root', strategy: 'one_for_one', children: [worker('a'), hangs] });
    await tree.ready;
    const stopped = tree.stop();
    await env.settle(299);
    expect(notes).toEqual(['+a', '+hangs']);
    await env.settle(1);
    await stopped;
    expect(notes).toEqual(['+a', '+hangs', '-a']);
    expect(env.lines.map((line) => line.message)).toContain('service cut off');
  });

  test('escalates more than 3 restarts in 5 s: the branch stops, its supervisor above restarts it', async () => {
    const { env, kernel, notes, worker, start } = setup();
    const tree = start({
      name: 'root',
      strategy: 'one_for_one',
      children: [worker('a'), { name: 'inner', strategy: 'one_for_one', children: [worker('b'), worker('c')] }],
    });
    await tree.ready;
    for (let n = 0; n < 3; n++) {
      kernel.send(tree.ref('b'), { t: 'crash' });
      await env.settle();
    }
    notes.length = 0;
    kernel.send(tree.ref('b'), { t: 'crash' });
    await env.settle();
    expect(notes).toEqual(['-b', '-c', '+b', '+c']);
    expect(tree.tree()).toMatchObject({ status: 'live' });
  });

  test('that escalates to the top is stopped whole, and its owner told once', async () => {
    const { env, kernel, notes, worker, start } = setup();
    const tree = start({
      name: 'root',
      strategy: 'one_for_one',
      intensity: { restartsMax: 1, windowMs: 1_000 },
      children: [worker('a'), worker('b')],
    });
    await tree.ready;
    for (let n = 0; n < 3; n++) {
      kernel.send(tree.ref('a'), { t: 'crash' });
      await env.settle();
    }
    expect(notes).toEqual(['+a', '+b', '-a', '+a', '-a', '-b', 'escalated crash: a broke']);
    expect(kernel.services()).toEqual([]);
  });

  test('with a child whose init fails tries it again before it starts the next', async () => {
    const { env, notes, worker, start } = setup();
    let fails = 2;
    const flaky = worker('flaky', {
      init() {
        if (fails-- > 0) throw new Error('not yet');
        notes.push('+flaky');
        return null;
      },
    });
    const tree = start({ name: 'root', strategy: 'one_for_one', children: [flaky, worker('b')] });
    await env.settle();
    await tree.ready;
    expect(notes).toEqual(['+flaky', '+b']);
  });

  test('that cannot start rejects, and does not end the process', async () => {
    const { env, worker, start } = setup();
    const never = worker('never', {
      init() {
        throw new Error('never');
      },
    });
    const tree = start({ name: 'root', strategy: 'one_for_one', children: [never] });
    await env.settle();
    await expect(tree.ready).rejects.toThrow('root did not start');
  });

  test('names its services before they are started; mail waits for them', async () => {
    const { env, kernel, worker, start } = setup();
    let got = 0;
    const late = worker('late', {
      receive(_ctx, _state, batch) {
        got += batch.length;
      },
    });
    const tree = start({ name: 'root', strategy: 'one_for_one', children: [worker('a'), late] });
    expect(kernel.send(tree.ref('late'), { t: 'poke' })).toBeNull();
    await env.settle();
    expect(got).toBe(1);
    expect(() => tree.ref('nobody')).toThrow('no service nobody');
  });

  test('takes a service in later, and lets it go', async () => {
    const { env, kernel, notes, worker, start } = setup();
    const tree = start({ name: 'root', strategy: 'one_for_one', children: [worker('a')] });
    await tree.ready;
    const { service } = worker('b');
    const added = tree.startService(service, { name: 'b' });
    await added.ready;
    await Promise.all([added.stop(), env.settle()]);
    expect(notes).toEqual(['+a', '+b', '-b']);
    expect(kernel.send(added.ref, { t: 'poke' })).toBe('noproc');
    await Promise.all([kernel.shutdown(), env.settle()]);
    expect(notes.at(-1)).toBe('-a');
  });

  test('does not restart a temporary child', async () => {
    const { env, kernel, notes, worker, start } = setup();
    const tree = start({
      name: 'root',
      strategy: 'one_for_all',
      children: [worker('a'), { ...worker('b'), restart: 'temporary' }],
    });
    await tree.ready;
    kernel.send(tree.ref('b'), { t: 'crash' });
    await env.settle();
    expect(notes).toEqual(['+a', '+b', '-b']);
  });
});
