import { expect, test } from 'vitest';
import { faultPlan, withFaults } from './faults.ts';
import { createMemoryDisk } from './memory/disk.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import type { ReadOp } from './read-op.ts';
import { type ReadMail, type ReadResultMail, readerKind } from './reader.ts';
import { ServiceBench } from './testing/service-bench.ts';
import { testEnv } from './testing/test-env.ts';
import { entry, put, sent, textOf } from './testing/writes.ts';

const ann = { kind: 'chat', key: 'ann' };
const socket = { kind: 'connection', key: '7' };

async function setUp(options: { atOnceMax?: number; readDelayMs?: number } = {}) {
  const clock = testEnv();
  const memory = openMemoryStore(createMemoryDisk(), { env: clock.env, readDelayMs: options.readDelayMs ?? 0 });
  const stored = memory.commit([
    entry('c:a', 1),
    entry('c:a', 2),
    sent('a', 'ann', 'd', 'm1', 1),
    put('cursor', 'a', 'ann', 1, 'A'),
    put('cursor', 'a', 'bob', 1, 'B'),
  ]);
  await clock.advance(1);
  await stored;
  const plan = faultPlan();
  const store = withFaults(memory, plan, clock.env);
  const kind = readerKind({ store, ...(options.atOnceMax ? { atOnceMax: options.atOnceMax } : {}) });
  const bench = await new ServiceBench(kind, clock).start();
  const read = async (op: ReadOp, more: Partial<ReadMail> = {}) => {
    bench.tell(ann, { t: 'read', token: 1, op, ...more });
    await clock.advance(0);
    return bench.take(more.replyTo ?? ann)[0] as ReadResultMail | undefined;
  };
  return { clock, plan, bench, read };
}

test('a reader answers every kind of read', async () => {
  const { read } = await setUp();
  const page = await read({ kind: 'log', log: 'c:a', from: 1, to: 9, limit: { entries: 9, bytes: 999 }, back: true });
  expect((page?.value as { n: number }[] | undefined)?.map((each) => each.n)).toEqual([2, 1]);
  expect((await read({ kind: 'last', log: 'c:a' }))?.value).toBe(2);
  expect((await read({ kind: 'sent', chat: 'a', sender: 'ann', device: 'd', id: 'm1' }))?.value).toBe(1);
  const row = (await read({ kind: 'row', table: 'cursor', partition: 'a', key: 'bob' }))?.value;
  expect(textOf((row as { bytes: Uint8Array }).bytes)).toBe('B');
  const rows = (await read({ kind: 'rows', table: 'cursor', partition: 'a', after: '', limit: 9 }))?.value;
  expect((rows as { key: string }[]).map((each) => each.key)).toEqual(['ann', 'bob']);
});

test('a page can go straight to somebody else, with the sender’s context', async () => {
  const { read } = await setUp();
  const context = { request: 5 };
  const result = await read({ kind: 'last', log: 'c:a' }, { replyTo: socket, context, token: 8 });
  expect(result).toEqual({ t: 'readResult', token: 8, ok: true, value: 2, fault: null, context });
  expect(result?.context).toBe(context);
});

test('a read that fails says so', async () => {
  const { read, plan } = await setUp();
  plan.failReadEvery = 1;
  expect(await read({ kind: 'last', log: 'c:a' })).toMatchObject({ ok: false, value: null, fault: 'failed' });
});

test('no more reads at once than allowed; the rest wait, and all are answered before it stops', async () => {
  const { clock, bench } = await setUp({ atOnceMax: 2, readDelayMs: 10 });
  for (let token = 1; token <= 5; token++) bench.tell(ann, { t: 'read', token, op: { kind: 'last', log: 'c:a' } });
  await clock.advance(10);
  expect(bench.take(ann).length).toBe(2);
  await clock.advance(10);
  expect(bench.take(ann).length).toBe(2);
  const stopped = bench.stop();
  await clock.advance(10);
  await stopped;
  expect(bench.take(ann).length).toBe(1);
});
