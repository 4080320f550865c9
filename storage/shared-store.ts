// One embedded store for several nodes of one process: each shard has a fence of its own, which the stores of one node have not.
// Under it the store is as good as a remote one, so the rules of the fenced log hold, not its transactions. For `dev --nodes`, the bench
// and tests; real clusters have a database. The directory is not one for a single node: fences there are other numbers.
import type { FenceRow, Store } from './store.ts';
import { StoreError } from './store.ts';

/** Fences of one shard within one life of the process. */
const FENCES_PER_LIFE = 64;

/** Takes the store's own fence first. `close` of the handles does nothing: the store is closed by who opened it. */
export async function shareStore(store: Store, owner: string, shards: number): Promise<Store> {
  const life = await store.takeFence(0, owner);
  const first = life * FENCES_PER_LIFE;
  const rows: FenceRow[] = Array.from({ length: shards }, (_, shard) => ({ shard, fence: first, owner: '', epoch: 0 }));
  return {
    name: `shared ${store.name}`,
    transactional: false,
    commit: (writes) => store.commit(writes),
    readLog: (log, from, to, limit, back) => store.readLog(log, from, to, limit, back),
    lastOf: (log, from) => store.lastOf(log, from),
    findSent: (chat, sender, device, id) => store.findSent(chat, sender, device, id),
    readRow: (table, partition, key) => store.readRow(table, partition, key),
    readRows: (table, partition, after, limit) => store.readRows(table, partition, after, limit),
    takeFence: async (shard, taker, epoch = 0) => {
      const last = rows[shard];
      if (last === undefined) throw new RangeError(`there is no shard ${shard}`);
      if (last.epoch > epoch) throw new StoreError('fenced', `taken already in epoch ${last.epoch}`);
      const fence = last.fence + 1;
      if (fence >= first + FENCES_PER_LIFE)
        throw new StoreError('failed', 'a shard has moved too often in one process');
      rows[shard] = { shard, fence, owner: taker, epoch };
      return fence;
    },
    fences: async () => [...rows],
    expire: (wallNow, limit) => store.expire(wallNow, limit),
    close: async () => {},
  };
}
