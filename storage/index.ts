// The door of storage/: the seam and what works on any store. Drivers have doors of their own, for app/ and tests only.
export * from './retention.ts';
export * from './store.ts';
