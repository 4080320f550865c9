// The door of the LMDB store, for app/ and tests.
export { type LmdbStore, type LmdbStoreOptions, openLmdbStore } from './lmdb-store.ts';
