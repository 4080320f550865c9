// A micro-benchmark of the CQL store: rows a second and processor time per row, by rows of a commit, by how many partitions they lie
// in, and by the rows that a batch may have. `runCqlBench(['--sizes', '1,10,100,1000', '--partitions', '1,10,1000', ...])`
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { Write } from '../../storage/index.ts';
import { openCqlBed } from './servers.ts';

export interface CqlBenchRow {
  readonly rows: number;
  readonly partitions: number;
  readonly batchRows: number;
  readonly inFlight: number;
  readonly perSecond: number;
  /** Processor time of this process, all threads, per row. */
  readonly clientUs: number;
  /** Of the server, per row; null when it is not ours to look into. */
  readonly serverUs: number | null;
  readonly commitMs: number;
}

const SHORT_MS = 300;

export async function runCqlBench(args: readonly string[]): Promise<CqlBenchRow[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: 'string', default: '1,10,100,1000' },
      partitions: { type: 'string', default: '1,10,100,1000' },
      'batch-rows': { type: 'string', default: '100' },
      'in-flight': { type: 'string', default: '1,8' },
      bytes: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '3' },
      cassandra: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const numbers = (text: string): number[] => text.split(',').map(Number);
  const bytes = Buffer.alloc(Number(values.bytes), 7);
  const say = (line: string): void => void process[values.json ? 'stderr' : 'stdout'].write(`${line}\n`);
  const bed = await openCqlBed(values.cassandra ?? null, say);
  const found: CqlBenchRow[] = [];
  let run = 0;
  say('rows  partitions  batch rows  in flight   rows/s   client µs/row   server µs/row   ms/commit');
  try {
    for (const batchRows of numbers(values['batch-rows'])) {
      const store = await bed.open({ batchRowsMax: batchRows });
      for (const rows of numbers(values.sizes)) {
        for (const partitions of numbers(values.partitions).filter((count) => count <= rows)) {
          for (const inFlight of numbers(values['in-flight'])) {
            const name = `${++run}`;
            let made = 0;
            const commit = async (): Promise<void> => {
              const first = made;
              made += rows;
              await store.commit(writesOf(name, first, rows, partitions, bytes));
            };
            await forMs(SHORT_MS, inFlight, commit);
            const cpu = process.cpuUsage();
            const server = bed.serverCpuUs();
            const begin = performance.now();
            const commits = await forMs(Number(values.seconds) * 1_000, inFlight, commit);
            const tookMs = performance.now() - begin;
            const used = process.cpuUsage(cpu);
            const serverAfter = bed.serverCpuUs();
            const count = commits * rows;
            const row: CqlBenchRow = {
              rows,
              partitions,
              batchRows,
              inFlight,
              perSecond: (count * 1_000) / tookMs,
              clientUs: (used.user + used.system) / count,
              serverUs: server === null || serverAfter === null ? null : (serverAfter - server) / count,
              commitMs: (tookMs * inFlight) / commits,
            };
            found.push(row);
            say(format(row));
          }
        }
      }
      await store.close();
    }
  } finally {
    await bed.close();
  }
  return found;
}

/** Entries of as many chats as partitions, each chat's numbers without gaps. */
function writesOf(run: string, first: number, rows: number, partitions: number, bytes: Buffer): Write[] {
  return Array.from({ length: rows }, (_, i): Write => {
    const chat = i % partitions;
    const n = Math.floor(first / partitions) + Math.floor(i / partitions) + 1;
    return { t: 'entry', log: `c:${run}.${chat}`, n, fence: 1, bytes };
  });
}

/** How often `work` was done. */
async function forMs(ms: number, atOnce: number, work: () => Promise<void>): Promise<number> {
  const until = performance.now() + ms;
  let done = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      await work();
      done++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return done;
}

function format(row: CqlBenchRow): string {
  const cells: [string, number][] = [
    [`${row.rows}`, 4],
    [`${row.partitions}`, 12],
    [`${row.batchRows}`, 12],
    [`${row.inFlight}`, 11],
    [row.perSecond.toFixed(0), 9],
    [row.clientUs.toFixed(1), 16],
    [row.serverUs === null ? '-' : row.serverUs.toFixed(1), 16],
    [row.commitMs.toFixed(1), 12],
  ];
  return cells.map(([text, width]) => text.padStart(width)).join('');
}
