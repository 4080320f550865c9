// A store that misbehaves as planned, around any store: for simulation, and for tests over real sockets and disks.
// The plan may be changed at any time. Knows the seam only.
import type { Env } from '../runtime/index.ts';
import type { Store, Write } from './store.ts';
import { StoreError } from './store.ts';

export interface FaultPlan {
  /** Added to each commit and each fence, before the store sees it. */
  slowMs: number | (() => number);
  /** Added to each read. */
  slowReadMs: number | (() => number);
  /** Every n-th commit rejects with `failed` and is not written; 0: none, 1: all. */
  failEvery: number;
  /** Every n-th commit rejects with `unknown`; 0: none. */
  unknownEvery: number;
  /** Of a commit that is to reject with `unknown`: was it written? */
  unknownApplies: () => boolean;
  /** Every n-th read rejects with `failed`; 0: none. */
  failReadEvery: number;
  /** While true, commits reject with `full` and are not written. */
  full: boolean;
}

export function faultPlan(changes: Partial<FaultPlan> = {}): FaultPlan {
  return {
    slowMs: 0,
    slowReadMs: 0,
    failEvery: 0,
    unknownEvery: 0,
    unknownApplies: () => true,
    failReadEvery: 0,
    full: false,
    ...changes,
  };
}

export function withFaults(store: Store, plan: FaultPlan, env: Pick<Env, 'setTimer'>): Store {
  let commits = 0;
  let reads = 0;
  const wait = (ms: number | (() => number)): Promise<void> | null => {
    const delayMs = typeof ms === 'function' ? ms() : ms;
    return delayMs > 0 ? new Promise((resolve) => env.setTimer(resolve, delayMs)) : null;
  };
  const read = async <T>(run: () => Promise<T>): Promise<T> => {
    reads++;
    const fails = isNth(reads, plan.failReadEvery);
    await wait(plan.slowReadMs);
    if (fails) throw new StoreError('failed', 'a planned fault');
    return run();
  };
  const commit = async (writes: readonly Write[]): Promise<void> => {
    commits++;
    const count = commits;
    await wait(plan.slowMs);
    if (plan.full) throw new StoreError('full', 'a planned full disk');
    if (isNth(count, plan.failEvery)) throw new StoreError('failed', 'a planned fault');
    if (!isNth(count, plan.unknownEvery)) return store.commit(writes);
    if (plan.unknownApplies()) await store.commit(writes);
    throw new StoreError('unknown', 'a planned timeout');
  };
  return {
    name: store.name,
    transactional: store.transactional,
    commit,
    readLog: (log, from, to, limit, back) => read(() => store.readLog(log, from, to, limit, back)),
    lastOf: (log, from) => read(() => store.lastOf(log, from)),
    findSent: (chat, sender, device, id) => read(() => store.findSent(chat, sender, device, id)),
    readRow: (table, partition, key) => read(() => store.readRow(table, partition, key)),
    readRows: (table, partition, after, limit) => read(() => store.readRows(table, partition, after, limit)),
    takeFence: async (shard, owner, epoch) => {
      await wait(plan.slowMs);
      return store.takeFence(shard, owner, epoch);
    },
    fences: () => read(() => store.fences()),
    expire: (wallNow, limit) => store.expire(wallNow, limit),
    close: () => store.close(),
  };
}

function isNth(count: number, every: number): boolean {
  return every > 0 && count % every === 0;
}
