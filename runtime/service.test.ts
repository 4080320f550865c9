import { describe, expect, test, vi } from 'vitest';
import {
  abandonSystems,
  CONTINUE,
  createKernel,
  type Kernel,
  type Kind,
  type Letter,
  type Ref,
  type ServiceKind,
  startService,
} from './index.ts';
import { TestEnv } from './testing/test-env.ts';

interface Job {
  readonly t: 'job';
  readonly n: number;
}
const job = (n: number): Job => ({ t: 'job', n });

const echo = (seen: number[][], more: Partial<ServiceKind<null, Job>> = {}): ServiceKind<null, Job> => ({
  name: 'echo',
  inboxMailsMax: 100,
  batchMailsMax: 10,
  init: () => null,
  receive(ctx, _state, batch) {
    seen.push(batch.map(({ mail }) => mail.n));
    for (const { from, mail } of batch) if (from !== null) ctx.reply(from, { t: 'done', n: mail.n });
  },
  ...more,
});

/** A cell that tells a service what it is told, and notes what comes back. */
const teller = (service: Ref, notes: unknown[]): Kind<null, Job> => ({
  name: 'teller',
  restart: 'temporary',
  activate: 'mail',
  init: () => null,
  receive(ctx, _state, mail) {
    if (!ctx.tell(service, mail)) notes.push(`not taken ${mail.n}`);
    return CONTINUE;
  },
  onReply(_ctx, _state, reply) {
    notes.push(reply);
    return CONTINUE;
  },
  onRefused(_ctx, _state, refused) {
    notes.push(`${refused.reason} ${(refused.mail as Job).n}`);
    return CONTINUE;
  },
});

const setup = (): { env: TestEnv; kernel: Kernel } => {
  const env = new TestEnv();
  return { env, kernel: createKernel({ env, node: 'n1' }) };
};

describe('a service', () => {
  test('gets the mail of many senders in one batch, with one wake-up', async () => {
    const { env, kernel } = setup();
    const seen: number[][] = [];
    const { ref, ready } = startService(kernel, echo(seen));
    await ready;
    const wakeUps = vi.spyOn(globalThis, 'setImmediate');
    for (let n = 0; n < 10; n++) expect(kernel.send(ref, job(n))).toBeNull();
    expect(wakeUps).toHaveBeenCalledTimes(1);
    wakeUps.mockRestore();
    await env.settle();
    expect(seen).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  test('never gets more at once than its batch, nor the next before the last is done', async () => {
    const { env, kernel } = setup();
    const sizes: number[] = [];
    let running = 0;
    const kind = echo([], {
      async receive(_ctx, _state, batch: readonly Letter<Job>[]) {
        expect(++running).toBe(1);
        sizes.push(batch.length);
        await Promise.resolve();
        running--;
      },
    });
    const { ref } = startService(kernel, kind);
    for (let n = 0; n < 25; n++) kernel.send(ref, job(n));
    await env.settle();
    expect(sizes).toEqual([10, 10, 5]);
  });

  test('of a process that a simulation let die is let go: nothing of it runs any more', async () => {
    const { env, kernel } = setup();
    const seen: number[][] = [];
    const { ref, ready } = startService(kernel, echo(seen));
    await ready;
    abandonSystems(env);
    kernel.send(ref, job(1));
    await env.settle();
    expect(seen).toEqual([]);
    const next = createKernel({ env, node: 'n1' });
    const successor = startService(next, echo(seen));
    await successor.ready;
    next.send(successor.ref, job(2));
    await env.settle();
    expect(seen).toEqual([[2]]);
  });

  test('answers a cell by its system lane, and refuses what its inbox cannot hold', async () => {
    const { env, kernel } = setup();
    const notes: unknown[] = [];
    const { ref } = startService(kernel, echo([], { inboxMailsMax: 2 }));
    kernel.register(teller(ref, notes));
    for (let n = 0; n < 3; n++) kernel.route('teller', 'a', job(n));
    await env.settle();
    expect(notes).toEqual(['not taken 2', { t: 'done', n: 0 }, { t: 'done', n: 1 }]);
  });

  test('that does not accept is told nothing until it does again', async () => {
    const { env, kernel } = setup();
    const seen: number[][] = [];
    const kind = echo(seen, {
      async init(ctx) {
        ctx.setAccepting(false);
        await ctx.sleep(50);
        ctx.setAccepting(true);
        return null;
      },
    });
    const { ref } = startService(kernel, kind);
    await env.settle(10);
    expect(kernel.send(ref, job(1))).toBe('busy');
    await env.settle(50);
    expect(kernel.send(ref, job(2))).toBeNull();
    await env.settle();
    expect(seen).toEqual([[2]]);
  });

  test('answers the outside by a promise, and the deadline answers when it does not', async () => {
    const { env, kernel } = setup();
    const { ref } = startService(
      kernel,
      echo([], {
        async receive(ctx, _s, [letter]) {
          if (letter?.mail.n === 1 && letter.from !== null) ctx.reply(letter.from, { t: 'done' });
        },
      }),
    );
    const answered = kernel.askService(ref, job(1), 100);
    await env.settle();
    await expect(answered).resolves.toMatchObject({ ok: true, value: { t: 'done' } });
    const late = kernel.askService(ref, job(2), 100);
    await env.settle(100);
    await expect(late).resolves.toMatchObject({ ok: false, reason: 'deadline' });
  });
});

describe('the actor behind a service', () => {
  test('is always named by us: names that nact makes up collide, and are drawn at random', () => {
    const { kernel } = setup();
    const drawn = vi.spyOn(Math, 'random');
    const [one, two] = [
      startService(kernel, echo([]), { name: 'same' }),
      startService(kernel, echo([]), { name: 'same' }),
    ];
    expect(drawn).not.toHaveBeenCalled();
    drawn.mockRestore();
    expect(one.ref).not.toBe(two.ref);
  });

  test('is woken once for many mails, by the setImmediate of the moment, which a simulation replaces', async () => {
    const { env, kernel } = setup();
    const seen: number[][] = [];
    const held: (() => void)[] = [];
    const replaced = vi.spyOn(globalThis, 'setImmediate').mockImplementation(((run: () => void) => {
      held.push(run);
    }) as never);
    const { ref } = startService(kernel, echo(seen));
    for (const n of [1, 2, 3]) kernel.send(ref, job(n));
    await Promise.resolve();
    expect(held.length).toBe(1);
    expect(seen).toEqual([]);
    held[0]?.();
    for (let n = 0; n < 50; n++) await Promise.resolve();
    replaced.mockRestore();
    expect(seen).toEqual([[1, 2, 3]]);
    expect(held.length).toBe(1);
    await env.settle();
  });
});

describe('a service that crashes', () => {
  const crashing = (seen: number[][], kind: Partial<ServiceKind<null, Job>> = {}): ServiceKind<null, Job> =>
    echo(seen, {
      async receive(ctx, _state, batch) {
        const numbers = batch.map(({ mail }) => mail.n);
        seen.push(numbers);
        await Promise.resolve();
        if (numbers.includes(13)) throw new Error('thirteen');
        for (const { from, mail } of batch) if (from !== null) ctx.reply(from, { t: 'done', n: mail.n });
      },
      ...kind,
    });

  test('refuses the batch in hand to its senders, keeps the rest of its inbox and handles it when restarted', async () => {
    const { env, kernel } = setup();
    const notes: unknown[] = [];
    const seen: number[][] = [];
    const handle = startService(kernel, crashing(seen, { batchMailsMax: 2 }));
    kernel.register(teller(handle.ref, notes));
    for (const n of [12, 13, 14]) kernel.route('teller', 'a', job(n));
    await env.settle();
    expect(seen).toEqual([[12, 13], [14]]);
    expect(notes).toEqual(['crashed 12', 'crashed 13', { t: 'done', n: 14 }]);
    expect(handle.info()).toMatchObject({ status: 'live', starts: 2, crashes: 1, lastCrash: 'crash: thirteen' });
  });

  test('puts no content on the console nor into the log', async () => {
    const { env, kernel } = setup();
    const printed = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')];
    for (const spy of printed) spy.mockImplementation(() => {});
    const { ref } = startService(kernel, crashing([]));
    kernel.send(ref, { t: 'job', n: 13, text: 'a secret' } as Job);
    await env.settle();
    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
    for (const spy of printed) spy.mockRestore();
    expect(env.lines.map((line) => line.message)).toEqual(['service crashed']);
    expect(JSON.stringify(env.lines)).not.toContain('secret');
  });

  test('does not end the process when the log throws, nor when its last word does', async () => {
    const { env, kernel } = setup();
    const rejections: unknown[] = [];
    const onRejection = (error: unknown): void => {
      rejections.push(error);
    };
    process.on('unhandledRejection', onRejection);
    const seen: number[][] = [];
    const handle = startService(
      kernel,
      crashing(seen, {
        onStop: () => {
          throw new Error('last word');
        },
      }),
    );
    env.log.error = () => {
      throw new Error('no log');
    };
    kernel.send(handle.ref, job(13));
    await env.settle();
    kernel.send(handle.ref, job(1));
    await env.settle();
    await handle.stop();
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
    expect(seen).toEqual([[13], [1]]);
  });

  test('lets those who watch it know', async () => {
    const { env, kernel } = setup();
    const downs: string[] = [];
    const { ref } = startService(kernel, crashing([]));
    kernel.watch(ref, (down) => downs.push(down.reason));
    kernel.send(ref, job(13));
    await env.settle();
    expect(downs).toEqual(['crash: thirteen']);
  });

  test('more often than its intensity gives up, and says so once', async () => {
    const { env, kernel } = setup();
    const gaveUp: string[] = [];
    const handle = startService(kernel, crashing([]), { onEscalate: (reason) => gaveUp.push(reason) });
    for (let n = 0; n < 4; n++) {
      kernel.send(handle.ref, job(13));
      await env.settle(100);
    }
    expect(gaveUp).toEqual(['crash: thirteen']);
    expect(handle.info()).toMatchObject({ status: 'stopped', starts: 4 });
    expect(kernel.send(handle.ref, job(1))).toBe('noproc');
  });

  test('as often, but not within the window, goes on', async () => {
    const { env, kernel } = setup();
    const handle = startService(kernel, crashing([]));
    for (let n = 0; n < 8; n++) {
      kernel.send(handle.ref, job(13));
      await env.settle(2_000);
    }
    expect(handle.info()).toMatchObject({ status: 'live', starts: 9 });
  });
});

describe('a service that is stopped', () => {
  test('takes no more, finishes what it took, then has its last word', async () => {
    const { env, kernel } = setup();
    const seen: number[][] = [];
    const words: string[] = [];
    const handle = startService(
      kernel,
      echo(seen, { batchMailsMax: 1, onStop: (_c, _s, reason) => void words.push(`${reason} after ${seen.length}`) }),
    );
    await handle.ready;
    for (let n = 0; n < 3; n++) kernel.send(handle.ref, job(n));
    const stopped = handle.stop();
    expect(kernel.send(handle.ref, job(3))).toBe('busy');
    await env.settle();
    await stopped;
    expect(seen).toEqual([[0], [1], [2]]);
    expect(words).toEqual(['shutdown after 3']);
    expect(kernel.send(handle.ref, job(4))).toBe('noproc');
  });

  test('is cut off at its limit; what it had in hand is refused, and what it does later has no effect', async () => {
    const { env, kernel } = setup();
    const notes: unknown[] = [];
    let release = (): void => {};
    const kind = echo([], {
      shutdownMs: 200,
      async receive(ctx, _state, [letter]) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        if (letter?.from) ctx.reply(letter.from, { t: 'too late' });
      },
    });
    const handle = startService(kernel, kind);
    kernel.register(teller(handle.ref, notes));
    kernel.route('teller', 'a', job(7));
    await env.settle();
    const stopped = handle.stop();
    await env.settle(199);
    expect(handle.info().status).toBe('stopping');
    await env.settle(1);
    await stopped;
    release();
    await env.settle();
    expect(notes).toEqual(['noproc 7']);
  });

  test('wakes from its sleep', async () => {
    const { env, kernel } = setup();
    const kind = echo([], {
      async receive(ctx) {
        await ctx.sleep(60_000);
        expect(ctx.stopping).toBe(true);
      },
    });
    const handle = startService(kernel, kind);
    kernel.send(handle.ref, job(1));
    await env.settle();
    await Promise.all([handle.stop(), env.settle()]);
    expect(handle.info()).toMatchObject({ status: 'stopped', batches: 1 });
  });
});
