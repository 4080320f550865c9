import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONTINUE, createKernel, createRealEnv, type Kind, silentLog, startService } from '../runtime/index.ts';
import { faultPlan, withFaults } from './faults.ts';
import { openLmdbStore } from './lmdb/index.ts';
import { readerKind } from './reader.ts';
import { entry } from './testing/writes.ts';
import type { LoadedMail, WriteMail, WriterObserver, WrittenMail } from './writer.ts';
import { createWriters, type Writers } from './writers.ts';

interface Sender {
  next: number;
  acked: number;
}
type Go = { readonly t: 'go' };

/** Keeps up to eight writes in flight, as a chat does, until it has `count` acked; then calls `done`. */
const senderKind = (writers: Writers, count: number, done: (key: string) => void): Kind<Sender, Go> => ({
  name: 'sender',
  restart: 'transient',
  activate: 'mail',
  init: () => ({ next: 1, acked: 0 }),
  receive(ctx, state) {
    while (state.next <= count && state.next - state.acked <= 8) {
      const mail: WriteMail = {
        t: 'write',
        token: state.next,
        partition: ctx.key,
        writes: [entry(`c:${ctx.key}`, state.next)],
      };
      if (!ctx.tell(writers.refFor(ctx.key), mail)) {
        ctx.after(5, { t: 'go' });
        break;
      }
      state.next++;
    }
    return CONTINUE;
  },
  onReply(ctx, state, reply) {
    for (const { token, ok } of (reply as WrittenMail).results) {
      // Released in order: never n before n − 1.
      if (!ok || token !== state.acked + 1) throw new Error(`token ${token} after ${state.acked}`);
      state.acked = token;
    }
    if (state.acked === count) done(ctx.key);
    return this.receive(ctx, state, { t: 'go' });
  },
});

test('cells, writers and LMDB together: acked in order, stored whole, refused early and not lost while the store is away', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-writers-'));
  const env = createRealEnv(silentLog);
  const kernel = createKernel({ env, node: 'n1' });
  const lmdb = await openLmdbStore(directory, { env });
  const plan = faultPlan({ failEvery: 10, unknownEvery: 7 });
  const store = withFaults(lmdb, plan, env);
  let batches = 0;
  let mails = 0;
  const observer: WriterObserver = {
    flushed: (_reason, count) => {
      batches++;
      mails += count;
    },
    committed: () => {},
    failed: () => {},
  };
  const writers = createWriters({
    store,
    count: 2,
    observer: () => observer,
    start: (kind) => startService(kernel, kind).ref,
  });
  const reader = startService(kernel, readerKind({ store }));

  const COUNT = 60;
  const keys = Array.from({ length: 40 }, (_, i) => `chat-${i}`);
  const left = new Set(keys);
  await new Promise<void>((resolve) => {
    kernel.register(
      senderKind(writers, COUNT, (key) => {
        left.delete(key);
        if (left.size === 0) resolve();
      }),
    );
    for (const key of keys) kernel.route('sender', key, { t: 'go' });
  });

  expect(new Set(keys.map((key) => writers.refFor(key))).size).toBe(2);
  expect(mails).toBe(COUNT * keys.length);
  expect(batches).toBeLessThan(mails / 4);
  for (const key of keys) expect(await lmdb.lastOf(`c:${key}`)).toBe(COUNT);

  const read = { t: 'read', token: 1, op: { kind: 'last', log: 'c:chat-3' } };
  expect((await kernel.askService(reader.ref, read, 1_000)).value).toMatchObject({ ok: true, value: COUNT });
  const load = { t: 'load', token: 2, partition: 'chat-3', reads: [{ kind: 'last', log: 'c:chat-3' }] };
  const loaded = await kernel.askService(writers.refFor('chat-3'), load, 1_000);
  expect(loaded.value as LoadedMail).toMatchObject({ t: 'loaded', ok: true, values: [COUNT] });

  await kernel.shutdown();
  await lmdb.close();
  rmSync(directory, { recursive: true, force: true });
});
