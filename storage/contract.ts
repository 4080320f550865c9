// The contract of the store seam, run against every store: `storeContract('lmdb', make)` inside a vitest file of the store.
// Knows the seam only. A store that passes is one that writers and chats can rely on.
import { afterEach, beforeEach, describe } from 'vitest';
import type { Store } from './store.ts';
import { fencesContract } from './testing/contract-fences.ts';
import { logsContract } from './testing/contract-logs.ts';
import { retentionContract } from './testing/contract-retention.ts';
import { rowsContract } from './testing/contract-rows.ts';
import { START, type StoreTraits, type StoreUnderTest, type TestBed } from './testing/test-bed.ts';
import { textOf } from './testing/writes.ts';

export type { StoreTraits, StoreUnderTest } from './testing/test-bed.ts';

export function storeContract(name: string, make: () => Promise<StoreUnderTest>, traits: StoreTraits = {}): void {
  describe(`${name} keeps the contract of a store`, () => {
    let data: StoreUnderTest;
    let current: Store | null = null;
    const opened: Store[] = [];
    const bed: TestBed = {
      now: START,
      get store() {
        if (current === null) throw new Error('no store is open');
        return current;
      },
      set store(store) {
        current = store;
      },
      open: async () => {
        const handle = await data.open(() => bed.now);
        opened.push(handle);
        return handle;
      },
      text: async (table, partition, key) => {
        const row = await bed.store.readRow(table, partition, key);
        return row === null ? null : `${row.stamp} ${textOf(row.bytes)}`;
      },
    };

    beforeEach(async () => {
      bed.now = START;
      data = await make();
      bed.store = await bed.open();
    });
    afterEach(async () => {
      for (const handle of opened.splice(0)) await handle.close();
      await data.discard();
    });

    logsContract(bed);
    rowsContract(bed);
    fencesContract(bed, traits);
    retentionContract(bed, traits);
  });
}
