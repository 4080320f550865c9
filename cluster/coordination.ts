// The seam to what nodes agree through: a small store of keys with one strong operation, `create`. Drivers: memory/, nats/.
// Liveness hangs on it, safety does not: who may write is decided by fences in the database.

export interface CoordinationEntry {
  readonly bytes: Uint8Array;
  /** Another number after each write of the key. */
  readonly revision: number;
}

export interface Coordination {
  /** One winner ever for a key. A rejection with `unknown` may have won. */
  create(key: string, bytes: Uint8Array): Promise<'won' | 'lost'>;
  /** Linearizable: what was acknowledged before the call is seen; never from a follower's copy. */
  get(key: string): Promise<CoordinationEntry | null>;
  /** The last one applied stays. Keys that start with `ring.` never vanish, others may an hour after their last put. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  keys(prefix: string): Promise<string[]>;
  /** Hints only: may be late, stale, out of order, lost. Null: the key has vanished. */
  watch(prefix: string, onChange: (key: string, bytes: Uint8Array | null) => void): () => void;
  close(): Promise<void>;
}

/** `unavailable`: nothing happened. `unknown`: it may have been applied, or may be yet. `closed`: by us. */
export type CoordinationCode = 'unavailable' | 'unknown' | 'closed';

/** Every call settles within this, if the store answers or not. */
export const COORDINATION_DEADLINE_MS = 2_000;

export class CoordinationError extends Error {
  readonly code: CoordinationCode;

  constructor(code: CoordinationCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CoordinationError';
    this.code = code;
  }
}

/** What may be a key: tokens of letters, digits, - and _, with dots between them. */
export const COORDINATION_KEY = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
