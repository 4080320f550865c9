// `npm run bench -- history`: a history page of 50, and what a chat reads when it wakes, from a long log and from a short one. The cost
// must not grow with the log: the ratio is printed. Pages are taken in turns, at random places.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import type { LogId, Store } from '../../storage/index.ts';
import { openLmdbStore } from '../../storage/lmdb/index.ts';
import { openCqlBed } from '../store/servers.ts';

export interface HistoryRow {
  readonly store: string;
  readonly what: 'page' | 'wake';
  readonly entries: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  /** Of this process, for one. For LMDB that is all there is. */
  readonly clientUs: number;
  readonly serverUs: number | null;
}
export interface HistoryResult {
  readonly rows: readonly HistoryRow[];
  /** Long by short, of the medians; by store and what. */
  readonly ratios: Readonly<Record<string, number>>;
}

interface Bed {
  readonly store: Store;
  serverCpuUs(): number | null;
  close(): Promise<void>;
}

const PAGE = { entries: 50, bytes: 262_144 };
const TAIL = 64;
/** A log's end is known from its record, which is stored lazily: it lies behind by so many at the most. */
const HEAD_BEHIND = 512;
const COMMIT_ROWS = 1_000;
const COMMITS_AT_ONCE = 4;

export async function runHistoryBench(args: readonly string[]): Promise<HistoryResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      stores: { type: 'string', default: 'lmdb,cql' },
      long: { type: 'string', default: '1000000' },
      short: { type: 'string', default: '1000' },
      pages: { type: 'string', default: '2000' },
      bytes: { type: 'string', default: '120' },
      dir: { type: 'string', default: tmpdir() },
      cassandra: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const say = (line: string): void => void process[values.json ? 'stderr' : 'stdout'].write(`${line}\n`);
  const bytes = Buffer.alloc(Number(values.bytes), 7);
  const lengths = [Number(values.short), Number(values.long)];
  const pages = Number(values.pages);
  const rows: HistoryRow[] = [];
  const ratios: Record<string, number> = {};
  for (const name of values.stores.split(',')) {
    const bed = name === 'cql' ? await openCql(values.cassandra ?? null, say) : await openLmdb(values.dir);
    try {
      for (const length of lengths) {
        const begin = performance.now();
        await fill(bed.store, length, bytes);
        say(`${name}: ${length} entries in ${((performance.now() - begin) / 1_000).toFixed(1)} s`);
      }
      for (const [what, read] of [
        ['page', readPage],
        ['wake', wake],
      ] as const) {
        const found = await measure(bed, name, what, lengths, pages, read);
        rows.push(...found);
        for (const row of found) say(format(row));
        const [short, long] = found;
        const ratio = (long?.p50Ms ?? 0) / (short?.p50Ms ?? 1);
        ratios[`${name} ${what}`] = ratio;
        say(`${name}: a ${what} from ${lengths[1]} costs ${ratio.toFixed(2)} of one from ${lengths[0]}`);
      }
    } finally {
      await bed.close();
    }
  }
  return { rows, ratios };
}

const logOf = (length: number): LogId => `c:history-of-${length}`;

async function fill(store: Store, length: number, bytes: Buffer): Promise<void> {
  let next = 1;
  const work = async (): Promise<void> => {
    while (next <= length) {
      const first = next;
      next += COMMIT_ROWS;
      const count = Math.min(COMMIT_ROWS, length - first + 1);
      await store.commit(
        Array.from(
          { length: count },
          (_, i) => ({ t: 'entry', log: logOf(length), n: first + i, fence: 1, bytes }) as const,
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: COMMITS_AT_ONCE }, work));
  await store.commit([{ t: 'put', table: 'chat', partition: logOf(length), key: '', stamp: 1, bytes }]);
}

async function readPage(store: Store, length: number): Promise<void> {
  const to = PAGE.entries + Math.floor(Math.random() * (length - PAGE.entries));
  const page = await store.readLog(logOf(length), 1, to, PAGE, true);
  if (page.length !== PAGE.entries || page[0]?.n !== to) throw new Error('this is not the page');
}

/** What a chat reads before it serves: its rows, the end of its log from the number that its record knows, and the tail. */
async function wake(store: Store, length: number): Promise<void> {
  const log = logOf(length);
  const [, last] = await Promise.all([
    store.readRow('chat', log, ''),
    store.lastOf(log, Math.max(1, length - HEAD_BEHIND)),
    store.readRows('cursor', log, '', 100),
    store.readRow('dirty', '7', log),
  ]);
  if (last !== length) throw new Error('this is not the end');
  await store.readLog(log, last - TAIL + 1, last, PAGE, false);
}

async function measure(
  bed: Bed,
  store: string,
  what: 'page' | 'wake',
  lengths: readonly number[],
  count: number,
  read: (store: Store, length: number) => Promise<void>,
): Promise<HistoryRow[]> {
  const samples = lengths.map(() => ({ ms: [] as number[], clientUs: 0, serverUs: 0 }));
  const rounds = 20;
  const each = Math.ceil(count / rounds);
  for (let round = -2; round < rounds; round++) {
    for (const [at, length] of lengths.entries()) {
      const sample = samples[at];
      const cpu = process.cpuUsage();
      const server = bed.serverCpuUs() ?? 0;
      for (let i = 0; i < each; i++) {
        const begin = performance.now();
        await read(bed.store, length);
        if (round >= 0) sample?.ms.push(performance.now() - begin);
      }
      // The first two rounds warm up.
      if (sample === undefined || round < 0) continue;
      const used = process.cpuUsage(cpu);
      sample.clientUs += used.user + used.system;
      sample.serverUs += (bed.serverCpuUs() ?? 0) - server;
    }
  }
  return samples.map(({ ms, clientUs, serverUs }, at) => {
    ms.sort((a, b) => a - b);
    const share = (part: number): number => ms[Math.floor(ms.length * part)] ?? 0;
    return {
      store,
      what,
      entries: lengths[at] ?? 0,
      p50Ms: share(0.5),
      p90Ms: share(0.9),
      clientUs: clientUs / ms.length,
      serverUs: bed.serverCpuUs() === null ? null : serverUs / ms.length,
    };
  });
}

async function openLmdb(parent: string): Promise<Bed> {
  const directory = mkdtempSync(join(parent, 'parley-history-'));
  const store = await openLmdbStore(directory, { env: createRealEnv(silentLog) });
  return {
    store,
    serverCpuUs: () => null,
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openCql(addresses: string | null, say: (line: string) => void): Promise<Bed> {
  const bed = await openCqlBed(addresses, say);
  const store = await bed.open();
  return {
    store,
    serverCpuUs: bed.serverCpuUs,
    close: async () => {
      await store.close();
      await bed.close();
    },
  };
}

function format(row: HistoryRow): string {
  const server = row.serverUs === null ? '' : `, server ${row.serverUs.toFixed(0)} µs`;
  return `${row.store} ${row.what} of ${row.entries}: p50 ${row.p50Ms.toFixed(3)} ms, p90 ${row.p90Ms.toFixed(3)} ms, client ${row.clientUs.toFixed(0)} µs${server}`;
}
