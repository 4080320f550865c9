// A presence store in memory: the simulation's, and that of several nodes in one process. Keeps TTLs by the clock that it is given, and
// can be wiped and taken away as a Redis can. Bounded by what is written within the longest TTL; expired keys go when they are met.
import {
  decodePresence,
  decodeSession,
  encodePresence,
  encodeSession,
  PRESENCE_TIMES,
  type PresenceStore,
  type PresenceTimes,
} from '../presence.ts';

export interface MemoryPresenceOptions extends Partial<PresenceTimes> {
  /** Monotonic ms. */
  now(): number;
  /** Keys at the most; the oldest is dropped. Default 1,000,000. */
  readonly keysMax?: number;
}

export interface MemoryPresence extends PresenceStore {
  /** Everything is forgotten, as when a Redis without a disk restarts. */
  wipe(): void;
  /** While true nothing is answered and nothing is written. */
  lost: boolean;
  /** Key by key, with what is left of its TTL: for tests. */
  ttls(): ReadonlyMap<string, number>;
}

interface Kept {
  readonly text: string;
  readonly until: number;
}

export function createMemoryPresence(options: MemoryPresenceOptions): MemoryPresence {
  const times = { ...PRESENCE_TIMES, ...options };
  const keysMax = options.keysMax ?? 1_000_000;
  const kept = new Map<string, Kept>();

  const put = (key: string, text: string, ttlMs: number): void => {
    // Written anew means youngest, so that the first is always the oldest.
    kept.delete(key);
    if (kept.size >= keysMax) for (const oldest of kept.keys()) if (kept.delete(oldest)) break;
    kept.set(key, { text, until: options.now() + ttlMs });
  };
  const get = (key: string): string | null => {
    const found = kept.get(key);
    if (found === undefined) return null;
    if (found.until > options.now()) return found.text;
    kept.delete(key);
    return null;
  };

  const store: MemoryPresence = {
    lost: false,
    get up() {
      return !store.lost;
    },
    write(values) {
      if (store.lost) return Promise.resolve(false);
      for (const value of values) {
        put(`presence:${value.user}`, encodePresence(value), value.online ? times.onlineTtlMs : times.lastSeenTtlMs);
        if (value.online) put(`session:${value.user}`, encodeSession(value), times.onlineTtlMs);
        else kept.delete(`session:${value.user}`);
      }
      return Promise.resolve(true);
    },
    read: (users) =>
      Promise.resolve(users.map((user) => decodePresence(store.lost ? undefined : get(`presence:${user}`)))),
    readSessions: (users) =>
      Promise.resolve(users.map((user) => decodeSession(store.lost ? undefined : get(`session:${user}`)))),
    close() {
      store.lost = true;
      return Promise.resolve();
    },
    wipe: () => kept.clear(),
    ttls: () => new Map([...kept].map(([key, { until }]) => [key, until - options.now()])),
  };
  return store;
}
