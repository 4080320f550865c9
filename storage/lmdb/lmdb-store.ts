// The store of one node: LMDB, one environment in one directory. All writes go through one queue, one transaction at a time;
// commits that wait are joined into the next. Each transaction checks the fence inside itself, so a second process that takes
// it voids whatever the first has not stored yet: that one's commits reject with `fenced`. Opened by app/ and tests.
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Env } from '../../runtime/index.ts';
import type { Entry, FenceRow, LogId, PageLimit, Row, Store, Table, Write } from '../store.ts';
import { StoreError } from '../store.ts';
import { type Batch, buildBatch, DueMarks } from './batch.ts';
import { toStoreError } from './faults.ts';
import { decodeTaker, encodeTaker, type Taker } from './fence-row.ts';
import { Reads } from './reads.ts';
import { findExpired } from './sweep.ts';

export interface LmdbStoreOptions {
  readonly env: Pick<Env, 'wallNow'>;
  /** The store is `full` when its live pages pass this; default 64 GiB. The file may be larger by what a few batches touch. */
  readonly mapBytes?: number;
  /** For other processes than the node, the command line say: reads only, and never in the node's way. */
  readonly readOnly?: boolean;
}

const MAP_BYTES = 64 * 1024 ** 3;
/** Commits are joined up to so many writes. */
const JOINED_WRITES_MAX = 4_096;
/** Live pages are counted anew after so many bytes, and before each batch when the store is nearly full. */
const COUNT_EVERY_BYTES = 4 * 1024 * 1024;
const FENCE_KEY = Buffer.from('fence');
const FORMAT_KEY = Buffer.from('format');
const FORMAT = 1;

interface Commit {
  readonly t: 'commit';
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
/** Anything else that writes: takes its turn, alone. */
interface Turn {
  readonly t: 'turn';
  readonly run: () => Promise<void>;
}

export class LmdbStore implements Store {
  readonly name = 'lmdb';
  readonly transactional = true;
  private readonly directory: string;
  private readonly options: LmdbStoreOptions;
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly reads: Reads;
  /** The fence row alone, with the fence as its version: a transaction's condition on it is checked by LMDB's own thread. */
  private readonly fenceDb: Database<Buffer, Buffer>;
  private readonly dueMarks = new DueMarks();
  private readonly mapBytes: number;
  private readonly queue: (Commit | Turn)[] = [];
  private readonly shards = new Set<number>();
  private pumping: Promise<void> | null = null;
  private owner: string | null = null;
  private fence = 0;
  private bytesSinceCount = Number.POSITIVE_INFINITY;
  private pagesBytes = 0;
  private closed = false;

  constructor(directory: string, options: LmdbStoreOptions) {
    this.directory = directory;
    this.options = options;
    this.mapBytes = options.mapBytes ?? MAP_BYTES;
    const readOnly = options.readOnly === true;
    this.root = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      readOnly,
      maxDbs: 4,
      // Address space, not memory. The binding would enlarge a smaller map while it runs, and move it.
      mapSize: Math.max(MAP_BYTES, 2 * this.mapBytes),
      encoding: 'binary',
      keyEncoding: 'binary',
      cache: false,
      // One flush within the commit is a third cheaper than a commit and a flush beside it, and what is readable is durable.
      overlappingSync: false,
      // Each batch is one conditional block, which is a transaction's unit anyway. With batching by turns, the binding also
      // opens a block of its own around ours, whose promise nobody holds: a failed commit would end the process.
      eventTurnBatching: false,
    });
    this.fenceDb = this.root.openDB<Buffer, Buffer>('fence', {
      useVersions: true,
      encoding: 'binary',
      keyEncoding: 'binary',
    });
    // The binding's types do not say so, but a database that is not there is undefined.
    if (!this.fenceDb) throw new Error(`${directory} holds no store`);
    const data = this.root.openDB<Buffer, Buffer>('data', { encoding: 'binary', keyEncoding: 'binary' });
    this.reads = new Reads(data);
  }

  /** Before anything else. A new environment gets its fence row; a handle writes under the fence it found, until it takes one. */
  async start(): Promise<void> {
    if (this.options.readOnly !== true) {
      await this.fenceDb.ifNoExists(FENCE_KEY, () => {
        this.fenceDb.put(FENCE_KEY, Buffer.alloc(0), 0);
        this.fenceDb.put(FORMAT_KEY, Buffer.of(FORMAT), 0);
      });
      this.root.resetReadTxn();
    }
    const format = this.fenceDb.get(FORMAT_KEY)?.[0];
    if (format !== FORMAT) throw new Error(`${this.directory}: format ${format} is not ours, ${FORMAT}`);
    this.fence = this.storedFence();
  }

  commit(writes: readonly Write[]): Promise<void> {
    if (this.closed || this.options.readOnly === true) {
      return Promise.reject(new StoreError('failed', this.closed ? 'the store is closed' : 'opened read-only'));
    }
    if (writes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.queue.push({ t: 'commit', writes, resolve, reject });
      this.pumping ??= this.pump();
    });
  }

  /** Shards share the fence: one owner taking it for several shards gets one and the same. */
  takeFence(shard: number, owner: string, epoch = 0): Promise<number> {
    return this.turn(async () => {
      for (;;) {
        const stored = this.storedFence();
        const held = this.owner === owner && !this.shards.has(shard) && stored === this.fence;
        const fence = held ? stored : stored + 1;
        const taker = { shard, owner, epoch: Math.max(epoch, this.storedTaker()?.epoch ?? 0) };
        if (!(await this.moveFence(stored, fence, taker))) continue;
        if (!held) this.shards.clear();
        this.fence = fence;
        this.owner = owner;
        this.shards.add(shard);
        return fence;
      }
    });
  }

  fences(): Promise<FenceRow[]> {
    return this.read(() => {
      const fence = this.storedFence();
      const taker = this.storedTaker();
      return taker === null ? [] : [{ ...taker, fence }];
    });
  }

  expire(wallNow: number, limit: number): Promise<number> {
    return this.turn(async () => {
      const sweep = findExpired(this.reads, wallNow, limit);
      if (sweep.keys.length === 0) return 0;
      await this.write(sweep.keys, sweep.values);
      this.dueMarks.forget();
      this.bytesSinceCount = Number.POSITIVE_INFINITY;
      return sweep.found;
    });
  }

  readLog(log: LogId, from: number, to: number, limit: PageLimit, back: boolean): Promise<Entry[]> {
    return this.read(() => this.reads.log(log, from, to, limit, back));
  }

  lastOf(log: LogId, from = 0): Promise<number> {
    return this.read(() => Math.max(from, this.reads.lastOf(log)));
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

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.pumping;
    await this.root.close();
  }

  private read<T>(run: () => T): Promise<T> {
    if (this.closed) return Promise.reject(new StoreError('failed', 'the store is closed'));
    try {
      return Promise.resolve(run());
    } catch (error) {
      // A name that is no key is the caller's fault, not the store's.
      if (error instanceof RangeError) return Promise.reject(error);
      return toStoreError(error, this.directory).then((storeError) => Promise.reject(storeError));
    }
  }

  private turn<T>(run: () => Promise<T>): Promise<T> {
    if (this.closed || this.options.readOnly === true) {
      return Promise.reject(new StoreError('failed', this.closed ? 'the store is closed' : 'opened read-only'));
    }
    return new Promise((resolve, reject) => {
      const settled = async () => {
        try {
          resolve(await run());
        } catch (error) {
          reject(await toStoreError(error, this.directory));
        }
      };
      this.queue.push({ t: 'turn', run: settled });
      this.pumping ??= this.pump();
    });
  }

  private async pump(): Promise<void> {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      if (next.t === 'turn') await next.run();
      else await this.commitJoined(this.join(next));
    }
    this.pumping = null;
  }

  /** The commits that wait, up to the next turn, while they are not too many. */
  private join(first: Commit): Commit[] {
    const joined = [first];
    let writes = first.writes.length;
    for (let next = this.queue[0]; next?.t === 'commit'; next = this.queue[0]) {
      writes += next.writes.length;
      if (writes > JOINED_WRITES_MAX) break;
      joined.push(next);
      this.queue.shift();
    }
    return joined;
  }

  private async commitJoined(joined: Commit[]): Promise<void> {
    const commits = joined.filter((commit) => this.isOurs(commit));
    const writes = commits.length === 1 && commits[0] ? commits[0].writes : commits.flatMap((commit) => commit.writes);
    if (writes.length === 0) return;
    let batch: Batch;
    try {
      batch = buildBatch(writes, this.options.env.wallNow(), this.dueMarks, (key) => this.reads.stampAt(key));
    } catch (error) {
      // One of them holds what no store could take: a broken invariant of its sender, which is not the others' fault.
      if (commits.length === 1) commits[0]?.reject(error);
      else for (const commit of commits) await this.commitJoined([commit]);
      return;
    }
    try {
      this.checkRoom(batch.bytes);
      await this.write(batch.keys, batch.values);
      this.dueMarks.remember(batch.marked);
    } catch (error) {
      const storeError = await toStoreError(error, this.directory);
      for (const commit of commits) commit.reject(storeError);
      return;
    }
    for (const commit of commits) commit.resolve();
  }

  private isOurs(commit: Commit): boolean {
    for (const write of commit.writes) {
      if (write.t !== 'entry' || write.fence >= this.fence) continue;
      commit.reject(new StoreError('fenced', 'an older fence than ours'));
      return false;
    }
    return true;
  }

  /**
   * One transaction, durable when it resolves, on the condition that nobody has taken the fence since: all or nothing. So no
   * process can write once another has taken over, however late its batch, and stamps may be compared before it.
   */
  private async write(keys: readonly Buffer[], values: readonly (Buffer | null)[]): Promise<void> {
    if (keys.length === 0) return;
    const { db } = this.reads;
    const ours = await this.fenceDb.ifVersion(FENCE_KEY, this.fence, () => {
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i];
        const value = values[i];
        if (key === undefined || value === undefined) continue;
        if (value === null) db.remove(key);
        else db.put(key, value);
      }
    });
    this.root.resetReadTxn();
    if (!ours) throw new StoreError('fenced', `${this.storedTaker()?.owner} has taken over`);
  }

  private storedFence(): number {
    this.root.resetReadTxn();
    return this.fenceDb.getEntry(FENCE_KEY)?.version ?? 0;
  }

  /** Null: never taken. */
  private storedTaker(): Taker | null {
    const value = this.fenceDb.get(FENCE_KEY);
    return value === undefined || value.length === 0 ? null : decodeTaker(value);
  }

  private moveFence(from: number, to: number, taker: Taker): Promise<boolean> {
    return this.fenceDb.ifVersion(FENCE_KEY, from, () => {
      this.fenceDb.put(FENCE_KEY, encodeTaker(taker), to);
    });
  }

  /** The binding enlarges the map without an end, so the limit is ours to keep. */
  private checkRoom(bytes: number): void {
    this.bytesSinceCount += 2 * bytes;
    if (this.bytesSinceCount > COUNT_EVERY_BYTES || this.pagesBytes + this.bytesSinceCount > this.mapBytes * 0.75) {
      this.pagesBytes = livePagesBytes(this.reads.db.getStats());
      this.bytesSinceCount = 2 * bytes;
    }
    if (this.pagesBytes + bytes > this.mapBytes) throw new StoreError('full', `${this.mapBytes} bytes are in use`);
  }
}

export async function openLmdbStore(directory: string, options: LmdbStoreOptions): Promise<LmdbStore> {
  const store = new LmdbStore(directory, options);
  await store.start();
  return store;
}

function livePagesBytes(stats: object): number {
  const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } = stats as Record<string, number>;
  return (pageSize ?? 0) * ((treeBranchPageCount ?? 0) + (treeLeafPageCount ?? 0) + (overflowPages ?? 0));
}
