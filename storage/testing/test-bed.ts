// What the parts of the store contract share: the store under test, opened anew for each test, and its clock.
import type { Entry, Store, Table } from '../store.ts';

/** One set of durable data, and the means to open it. */
export interface StoreUnderTest {
  /** A handle on the data, as of a process of its own. `wallNow` is asked for the time of writes. */
  open(wallNow: () => number): Promise<Store>;
  /** Everything is closed already; remove the data. */
  discard(): Promise<void>;
}

export interface StoreTraits {
  /** Deletes through `expire`; a store with TTLs does not. Default true. */
  readonly sweeps?: boolean;
  /** A second handle's fence fences the first at once, whatever it writes: the store is transactional. Default true. */
  readonly fencesAll?: boolean;
}

export interface TestBed {
  store: Store;
  now: number;
  /** Another handle on the same data. */
  open(): Promise<Store>;
  /** A row of `store` as `<stamp> <text>`, or null. */
  text(table: Table, partition: string, key: string): Promise<string | null>;
}

export const START = Date.UTC(2026, 0, 1, 12);
export const ALL = { entries: 1_000, bytes: 1_000_000 };
export const EVER = Number.MAX_SAFE_INTEGER;

export const numbers = (entries: readonly Entry[]) => entries.map((each) => each.n);
