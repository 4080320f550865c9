// A micro-benchmark of the LMDB store: processor time per message (its entry and its dedupe index, durable), by batch size.
// `runStoreBench(['--batches', '1,8,64', '--messages', '20000', '--chats', '500', '--bytes', '120', '--dir', '/somewhere'])`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import type { Write } from '../../storage/index.ts';
import { buildBatch, DueMarks } from '../../storage/lmdb/batch.ts';
import { openLmdbStore } from '../../storage/lmdb/index.ts';
import { type CqlBenchRow, runCqlBench } from './cql.ts';

export interface StoreBenchRow {
  readonly batch: number;
  /** Processor time of all threads, user and system, per message. */
  readonly cpuUs: number;
  /** The part of it in which the event loop was busy. */
  readonly loopUs: number;
  /** The part of that which makes keys and values. */
  readonly buildUs: number;
  readonly commitMs: number;
  readonly perSecond: number;
}

const WARM_UP = 30;

/** `--store cql`: the other store, with options of its own. */
export async function runStoreBench(args: readonly string[]): Promise<readonly (StoreBenchRow | CqlBenchRow)[]> {
  const at = args.indexOf('--store');
  if (at === -1) return await runLmdbBench(args);
  const rest = args.filter((_, i) => i !== at && i !== at + 1);
  return args[at + 1] === 'cql' ? await runCqlBench(rest) : await runLmdbBench(rest);
}

async function runLmdbBench(args: readonly string[]): Promise<StoreBenchRow[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      batches: { type: 'string', default: '1,8,64' },
      messages: { type: 'string', default: '16000' },
      chats: { type: 'string', default: '500' },
      bytes: { type: 'string', default: '120' },
      dir: { type: 'string', default: tmpdir() },
    },
  });
  const directory = mkdtempSync(join(values.dir, 'parley-store-bench-'));
  const env = createRealEnv(silentLog);
  const store = await openLmdbStore(directory, { env });
  const chats = Number(values.chats);
  const bytes = Buffer.alloc(Number(values.bytes), 7);
  let made = 0;
  const makeBatch = (size: number): Write[] => {
    const writes: Write[] = [];
    for (let i = 0; i < size; i++) {
      const n = Math.floor(made / chats) + 1;
      // Scattered over the keys, as a batch of real chats is.
      const chat = `0123456789abcdef${String((made * 7_919) % chats).padStart(6, '0')}`;
      const id = `m${String((made * 7_919) % 1_000_003).padStart(20, '0')}`;
      writes.push({ t: 'entry', log: `c:${chat}`, n, fence: 1, bytes });
      writes.push({ t: 'sent', chat, sender: `user-${chat}`, device: 'phone', id, n, fence: 1 });
      made++;
    }
    return writes;
  };

  const rows: StoreBenchRow[] = [];
  print(`entry and dedupe index, ${bytes.length} bytes, ${chats} chats, durable, in ${values.dir}`);
  print('batch   cpu µs/msg   of which loop   of which build   ms/commit   messages/s');
  try {
    for (const batch of values.batches.split(',').map(Number)) {
      for (let i = 0; i < WARM_UP; i++) await store.commit(makeBatch(batch));
      const commits = Math.max(100, Math.min(1_500, Math.round(Number(values.messages) / batch)));
      const batches = Array.from({ length: commits }, () => makeBatch(batch));
      const cpu = process.cpuUsage();
      const loop = performance.eventLoopUtilization();
      const begin = performance.now();
      for (const writes of batches) await store.commit(writes);
      const tookMs = performance.now() - begin;
      const used = process.cpuUsage(cpu);
      const busy = performance.eventLoopUtilization(loop);
      const messages = commits * batch;
      rows.push({
        batch,
        cpuUs: (used.user + used.system) / messages,
        loopUs: (busy.active * 1_000) / messages,
        buildUs: (timeBuilding(batches) * 1_000) / messages,
        commitMs: tookMs / commits,
        perSecond: (messages * 1_000) / tookMs,
      });
      print(format(rows.at(-1)));
    }
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
  return rows;
}

function timeBuilding(batches: readonly (readonly Write[])[]): number {
  const marks = new DueMarks();
  const now = Date.now();
  for (const writes of batches) marks.remember(buildBatch(writes, now, marks, () => null).marked);
  const begin = performance.now();
  for (const writes of batches) buildBatch(writes, now, marks, () => null);
  return performance.now() - begin;
}

function format(row: StoreBenchRow | undefined): string {
  if (row === undefined) return '';
  const cells: [string, number][] = [
    [`${row.batch}`, 5],
    [row.cpuUs.toFixed(1), 13],
    [row.loopUs.toFixed(1), 16],
    [row.buildUs.toFixed(1), 17],
    [row.commitMs.toFixed(2), 12],
    [row.perSecond.toFixed(0), 13],
  ];
  return cells.map(([text, width]) => text.padStart(width)).join('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
