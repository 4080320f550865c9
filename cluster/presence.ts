// The seam to a presence store: who is online, when an offline user was last seen, which nodes hold a user's sockets. A cache of what
// sessions know: losing it costs presence for one TTL and nothing else, so no call ever rejects. Drivers: cluster/redis, cluster/memory.

export interface PresenceValue {
  readonly user: string;
  readonly online: boolean;
  /** Ms since 1970; null: never, or hidden. */
  readonly lastSeen: number | null;
  /** Anybody may be told: privacy is `everyone` and nobody is blocked. Without it only the user's session may answer. */
  readonly open: boolean;
  /** `name#incarnation` of the node that has the session. */
  readonly owner: string;
  /** The nodes that hold its sockets; empty when offline. */
  readonly nodes: readonly string[];
}

export interface PresenceRecord {
  readonly online: boolean;
  readonly lastSeen: number | null;
  readonly open: boolean;
}
export interface SessionRecord {
  readonly owner: string;
  readonly nodes: readonly string[];
}

/** `none`: the store answers that it has nothing. `unknown`: it does not answer, or not in words that this version knows. */
export type Answered<T> = T | 'none' | 'unknown';

export interface PresenceStore {
  /** False while the store is known not to answer: calls return at once then. */
  readonly up: boolean;
  /** Each key with a TTL, the last value wins. False: some may not be written; write them again. At most `deadlineMs`. */
  write(values: readonly PresenceValue[]): Promise<boolean>;
  /** In the order of `users`. At most `deadlineMs`. */
  read(users: readonly string[]): Promise<readonly Answered<PresenceRecord>[]>;
  /** Which node has the session of each, while it is online. */
  readSessions(users: readonly string[]): Promise<readonly Answered<SessionRecord>[]>;
  close(): Promise<void>;
}

/** What metrics hear of. Called synchronously; must not throw. */
export interface PresenceObserver {
  /** `ok`: all of it. `partial`: some keys. `failed`: none, or late. `refused`: not even tried, the breaker is open. */
  batch(op: 'read' | 'write', users: number, latencyMs: number, outcome: 'ok' | 'partial' | 'failed' | 'refused'): void;
}

export interface PresenceTimes {
  /** Of what is said of an online user. Refreshed well before. */
  readonly onlineTtlMs: number;
  /** Of `last seen`; after it, the session is asked, which knows from its row. */
  readonly lastSeenTtlMs: number;
  /** Of one call. */
  readonly deadlineMs: number;
}
export const PRESENCE_TIMES: PresenceTimes = { onlineTtlMs: 30_000, lastSeenTtlMs: 86_400_000, deadlineMs: 500 };

/** Version first. JSON, so that a person with a Redis shell can read it. */
export const encodePresence = (v: PresenceValue): string =>
  JSON.stringify([1, v.online ? 1 : 0, v.lastSeen, v.open ? 1 : 0]);

export function decodePresence(text: string | null | undefined): Answered<PresenceRecord> {
  const parts = partsOf(text);
  if (typeof parts === 'string') return parts;
  const [, online, lastSeen, open] = parts;
  if (lastSeen !== null && typeof lastSeen !== 'number') return 'unknown';
  return { online: online === 1, lastSeen, open: open === 1 };
}

export const encodeSession = (v: PresenceValue): string => JSON.stringify([1, v.owner, v.nodes]);

export function decodeSession(text: string | null | undefined): Answered<SessionRecord> {
  const parts = partsOf(text);
  if (typeof parts === 'string') return parts;
  const [, owner, nodes] = parts;
  if (typeof owner !== 'string' || !Array.isArray(nodes)) return 'unknown';
  return { owner, nodes: nodes.map(String) };
}

/** What somebody else, or a later version, wrote under our keys is unknown, never a fault. */
function partsOf(text: string | null | undefined): readonly unknown[] | 'none' | 'unknown' {
  if (text === undefined) return 'unknown';
  if (text === null) return 'none';
  try {
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) && parts[0] === 1 ? parts : 'unknown';
  } catch {
    return 'unknown';
  }
}
