import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '../contract.ts';
import { openLmdbStore } from './lmdb-store.ts';

storeContract('lmdb', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-lmdb-'));
  return {
    open: (wallNow) => openLmdbStore(directory, { env: { wallNow } }),
    discard: async () => rmSync(directory, { recursive: true, force: true }),
  };
});
