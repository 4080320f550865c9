// The door of the memory store, for app/ and tests.
export { createMemoryDisk, type MemoryDisk } from './disk.ts';
export { type MemoryStore, type MemoryStoreOptions, openMemoryStore } from './memory-store.ts';
