// What a node's presence service holds, pure: the users who are online here, changes to be written, and who waits for whom to come
// online. Handed `now`; presence-service.ts does the waiting and the calls.
import type { PresenceRecord, PresenceValue } from './ports.ts';

export interface PresenceLimits {
  /** Users online here whose keys are refreshed. The newest beyond it lapse after one TTL, and their sessions are asked. */
  readonly onlineMax: number;
  /** Changes that wait to be written, one a user, the last value wins. Beyond it the oldest is dropped. */
  readonly pendingMax: number;
  /** A change that could not be written for so long is dropped: what it would replace has lapsed. */
  readonly pendingMs: number;
  /** Pairs of who waits for whom. Beyond it the session of whom is asked, as if there were no store. */
  readonly waitingMax: number;
  /** For how long one waits, renewals apart. */
  readonly waitingMs: number;
  readonly batchUsersMax: number;
  readonly tickMs: number;
  readonly refreshMs: number;
  /** A refresh of all is spread over this, whenever they came. With `refreshMs`, well below the TTL. */
  readonly spreadMs: number;
  /** Users who are waited for are looked up this often. */
  readonly pollMs: number;
}
export const PRESENCE_LIMITS: PresenceLimits = {
  onlineMax: 200_000,
  pendingMax: 20_000,
  pendingMs: 30_000,
  waitingMax: 20_000,
  waitingMs: 75_000,
  batchUsersMax: 500,
  tickMs: 250,
  refreshMs: 10_000,
  spreadMs: 8_000,
  pollMs: 5_000,
};

export interface PresenceCounts {
  readonly online: number;
  readonly pending: number;
  /** Pairs of who waits for whom. */
  readonly waiting: number;
  /** Changes and refreshes given up for want of room or time. */
  readonly dropped: number;
}

/** What a session says of its user. */
export interface Said {
  readonly user: string;
  readonly online: boolean;
  readonly lastSeen: number | null;
  readonly open: boolean;
  /** Nodes of its sockets; the empty name is this one. */
  readonly nodes: readonly string[];
}
interface Online {
  readonly open: boolean;
  readonly nodes: readonly string[];
  writtenMs: number;
}
/** One thing to be written, and since when it waits. */
export interface Due {
  readonly said: Said;
  readonly sinceMs: number;
}
export type Pair = readonly [user: string, by: string];

/** A round that comes late makes up for so many. */
const ROUNDS_CAUGHT_UP_MAX = 8;
/** Of nearly all: one list, so that an online user costs one small object. */
const HERE: readonly string[] = Object.freeze(['']);

export class PresenceState {
  readonly limits: PresenceLimits;
  /** In the order in which they were written, the oldest first. */
  private readonly online = new Map<string, Online>();
  private readonly pending = new Map<string, Due>();
  /** Who waits for a user, until when; in the order in which users were looked up. */
  private readonly waiting = new Map<string, Map<string, number>>();
  private pairs = 0;
  private roundMs = Number.NEGATIVE_INFINITY;
  private refreshLeft = 0;
  private pollLeft = 0;
  private dropped = 0;

  constructor(limits: Partial<PresenceLimits> = {}) {
    this.limits = { ...PRESENCE_LIMITS, ...limits };
  }

  get counts(): PresenceCounts {
    const { online, pending, pairs, dropped } = this;
    return { online: online.size, pending: pending.size, waiting: pairs, dropped };
  }

  /** Nothing to write, to refresh or to look up, now or later. */
  get idle(): boolean {
    return this.online.size === 0 && this.pending.size === 0 && this.waiting.size === 0;
  }

  /** Returns who waited for this user to be here. */
  say(said: Said, now: number): Pair[] {
    const { user, online, open } = said;
    if (!online) {
      this.online.delete(user);
      this.queue(said, now);
      return [];
    }
    const before = this.online.get(user);
    const nodes = said.nodes.length === 1 && said.nodes[0] === '' ? HERE : said.nodes;
    const same = before?.open === open && before.nodes.length === nodes.length && before.nodes.join() === nodes.join();
    if (before !== undefined || this.online.size < this.limits.onlineMax) {
      if (!same) this.online.set(user, { open, nodes, writtenMs: before?.writtenMs ?? now });
    } else this.dropped++;
    if (!same || this.pending.has(user)) this.queue(said, now);
    return this.met(user);
  }

  private queue(said: Said, sinceMs: number): void {
    const { pending, limits } = this;
    if (!pending.has(said.user) && pending.size >= limits.pendingMax) {
      for (const oldest of pending.keys()) if (pending.delete(oldest)) break;
      this.dropped++;
    }
    pending.set(said.user, { said, sinceMs });
  }

  /** What this node knows better than any store: null, ask the store. */
  known(user: string): PresenceRecord | null {
    if (this.online.has(user)) return { online: true, lastSeen: null, open: false };
    return this.pending.get(user)?.said ?? null;
  }

  /** Begins a round: how many may be refreshed and looked up in it follows from the time since the last one. */
  begin(now: number): void {
    const elapsedMs = Math.max(0, Math.min(now - this.roundMs, this.limits.tickMs * ROUNDS_CAUGHT_UP_MAX));
    this.roundMs = now;
    this.refreshLeft = Math.ceil((this.online.size * elapsedMs) / this.limits.spreadMs);
    this.pollLeft = Math.ceil((this.waiting.size * elapsedMs) / this.limits.pollMs);
  }

  /**
   * A batch of changes, then of who is due; empty when the round has no more. `isHere`: the session lives on this node; who left
   * without a word is not refreshed, and lapses.
   */
  nextWrites(now: number, isHere: (user: string) => boolean): Due[] {
    const { pending, online, limits } = this;
    const batch: Due[] = [];
    for (const [user, due] of pending) {
      if (batch.length >= limits.batchUsersMax) return batch;
      pending.delete(user);
      if (now - due.sinceMs >= limits.pendingMs) this.dropped++;
      else batch.push(due);
      const entry = online.get(user);
      if (entry !== undefined) this.written(user, entry, now);
    }
    while (this.refreshLeft > 0 && batch.length < limits.batchUsersMax) {
      const [oldest] = online;
      if (oldest === undefined || now - oldest[1].writtenMs < limits.refreshMs) break;
      this.refreshLeft--;
      const [user, entry] = oldest;
      if (!isHere(user)) {
        online.delete(user);
        continue;
      }
      this.written(user, entry, now);
      const said = { user, online: true, lastSeen: null, open: entry.open, nodes: entry.nodes };
      batch.push({ said, sinceMs: now });
    }
    return batch;
  }

  private written(user: string, entry: Online, now: number): void {
    entry.writtenMs = now;
    this.online.delete(user);
    this.online.set(user, entry);
  }

  /** They may not have been written: again, unless something newer was said or the user left. */
  failed(batch: readonly Due[]): void {
    for (const { said, sinceMs } of batch)
      if (!this.pending.has(said.user) && said.online === this.online.has(said.user)) this.queue(said, sinceMs);
  }

  /** `by` was told that `user` is offline, and wants to hear when that ends. False: there is no room. */
  wait(user: string, by: string, now: number): boolean {
    const until = now + this.limits.waitingMs;
    const watchers = this.waiting.get(user);
    if (watchers?.has(by)) {
      watchers.set(by, until);
      return true;
    }
    if (this.pairs >= this.limits.waitingMax) return false;
    this.pairs++;
    if (watchers) watchers.set(by, until);
    else this.waiting.set(user, new Map([[by, until]]));
    return true;
  }

  leave(user: string, by: string): void {
    const watchers = this.waiting.get(user);
    if (!watchers?.delete(by)) return;
    this.pairs--;
    if (watchers.size === 0) this.waiting.delete(user);
  }

  /** A batch of whom to look up, those longest not looked at first; empty when the round has no more. */
  nextPoll(now: number): string[] {
    const { waiting, limits } = this;
    const users: string[] = [];
    for (const [user, watchers] of waiting) {
      // Those looked at are put behind all others: met again, all have been.
      if (this.pollLeft <= 0 || users.length >= limits.batchUsersMax || user === users[0]) break;
      this.pollLeft--;
      for (const [by, until] of watchers) if (until < now) this.leave(user, by);
      if (watchers.size === 0) continue;
      waiting.delete(user);
      waiting.set(user, watchers);
      users.push(user);
    }
    return users;
  }

  /** The user is online, or of another mind about who may know: those who wait are to ask the session. */
  met(user: string): Pair[] {
    const watchers = this.waiting.get(user);
    if (watchers === undefined) return [];
    this.waiting.delete(user);
    this.pairs -= watchers.size;
    return [...watchers.keys()].map((by) => [user, by]);
  }
}

export const asValue = (said: Said, self: string): PresenceValue => ({
  user: said.user,
  online: said.online,
  lastSeen: said.lastSeen,
  open: said.open,
  owner: self,
  nodes: said.nodes.map((node) => (node === '' ? self : node)),
});
