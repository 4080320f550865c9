// The store of a cluster: Cassandra or ScyllaDB over CQL. Writes land partition by partition, late ones too, so the rules of the fenced
// log are the caller's (`transactional` false). Opened by app/ and tests, on a schema that `migrate` made.
import type { Client } from 'cassandra-driver';
import type { Entry, FenceRow, LogId, PageLimit, Row, Store, Table, Write } from '../store.ts';
import { StoreError } from '../store.ts';
import { batchesOf } from './batches.ts';
import { checkServers } from './boot-check.ts';
import { createClient } from './client.ts';
import { sendAll } from './commit.ts';
import { consistenciesOf } from './consistency.ts';
import { IN_TURN } from './control.ts';
import { readFault } from './faults.ts';
import { Fences } from './fences.ts';
import { Guard, type GuardStats } from './guard.ts';
import { CQL_LIMITS, type CqlLimits, type CqlOptions } from './options.ts';
import { Reads } from './reads.ts';

export class CqlStore implements Store {
  readonly name = 'cql';
  readonly transactional = false;
  private readonly client: Client;
  private readonly limits: CqlLimits;
  private readonly writing: Guard;
  private readonly reading: Guard;
  private readonly reads: Reads;
  private readonly fenceRows: Fences;
  private readonly underWay = new Set<Promise<unknown>>();
  private closed = false;

  constructor(client: Client, options: CqlOptions, limits: CqlLimits) {
    const { env } = options;
    const { writesMax, writesWaitingMax, readsMax, readsWaitingMax, breakAfter, breakMs } = limits;
    this.client = client;
    this.limits = limits;
    this.writing = new Guard(
      'writes',
      { atOnceMax: writesMax, waitingMax: writesWaitingMax, requestMs: limits.commitMs, breakAfter, breakMs },
      env,
    );
    this.reading = new Guard(
      'reads',
      { atOnceMax: readsMax, waitingMax: readsWaitingMax, requestMs: limits.readMs, breakAfter, breakMs },
      env,
    );
    this.reads = new Reads(
      (query, params, asked) => this.reading.run(() => client.execute(query, params as unknown[], asked)),
      limits.pageRowsMax,
    );
    this.fenceRows = new Fences(client, env, limits, consistenciesOf(options.consistency));
  }

  /** What is in flight and waits, for metrics. */
  get stats(): { readonly writes: GuardStats; readonly reads: GuardStats } {
    return { writes: this.writing.stats, reads: this.reading.stats };
  }

  commit(writes: readonly Write[]): Promise<void> {
    return this.track(async () => {
      if (writes.length === 0) return;
      await sendAll(this.client, this.writing, batchesOf(writes, this.limits), this.limits.batchesMax);
    });
  }

  readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Promise<Entry[]> {
    return this.read(() => this.reads.log(log, from, to, limit, back));
  }

  lastOf(log: LogId, from = 0): Promise<number> {
    return this.read(() => this.reads.lastOf(log, from));
  }

  findSent(chat: string, sender: string, device: string, id: string): Promise<number | null> {
    return this.read(() => this.reads.findSent(chat, sender, device, id));
  }

  readRow(table: Table, partition: string, key: string): Promise<Row | null> {
    return this.read(() => this.reads.row(table, partition, key));
  }

  readRows(table: Table, partition: string, after: string, limit: number): Promise<Row[]> {
    return this.read(() => this.reads.rows(table, partition, after, limit));
  }

  takeFence(shard: number, owner: string, epoch = 0): Promise<number> {
    return this.track(() => this.fenceRows.take(shard, owner, epoch));
  }

  fences(): Promise<FenceRow[]> {
    return this.read(() => this.reading.run(() => this.fenceRows.all()));
  }

  /** The tables have TTLs. */
  expire(): Promise<number> {
    return this.track(async () => 0);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.allSettled(this.underWay);
    await this.client.shutdown();
  }

  private read<T>(run: () => Promise<T>): Promise<T> {
    return this.track(async () => {
      try {
        return await run();
      } catch (error) {
        throw readFault(error);
      }
    });
  }

  private async track<T>(run: () => Promise<T>): Promise<T> {
    if (this.closed) throw new StoreError('failed', 'the store is closed');
    const running = run();
    this.underWay.add(running);
    try {
      return await running;
    } finally {
      this.underWay.delete(running);
    }
  }
}

/** Rejects when no server answers, when the schema is older than ours, or when the servers are not safe and that is to be refused. */
export async function openCqlStore(options: CqlOptions): Promise<CqlStore> {
  const limits = { ...CQL_LIMITS, ...options.limits };
  const client = createClient(options, options.keyspace, limits);
  watchServers(client, options);
  try {
    await client.connect();
    await checkServers(client, options);
  } catch (error) {
    await client.shutdown();
    throw isNoKeyspace(error) ? new Error(`keyspace ${options.keyspace} is not there: run parley migrate`) : error;
  }
  return new CqlStore(client, options, limits);
}

const isNoKeyspace = (error: unknown): boolean =>
  error instanceof Error && /Keyspace .* does not exist/.test(error.message);

function watchServers(client: Client, { env }: CqlOptions): void {
  client.on('hostDown', (host: { address: string }) =>
    env.log.warn({ server: host.address }, 'a database server is down'),
  );
  client.on('log', (_level: string, from: string, message: string) => {
    if (from === IN_TURN) env.log.warn({}, message);
  });
  client.on('hostUp', (host: { address: string }) => env.log.info({ server: host.address }, 'a database server is up'));
}
