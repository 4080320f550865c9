// What a chat cell holds, and small questions about it. The parts of its work are in chat-open, -post, -deliver, -read, -save.
import type { Ref } from '../runtime/index.ts';
import { type Entry, FENCE_STAMPS, type OwnedRecord, type Row } from '../storage/index.ts';
import { ChatLog } from './chat-log.ts';
import type { ActorDeps } from './deps.ts';
import { shardOf } from './deps.ts';
import type { FetchMail, HistoryMail } from './mail.ts';
import { type Member, Members } from './members.ts';

/** What a read of the store was for, by the token that its answer carries. */
export type Reading =
  | {
      readonly for: 'history';
      readonly mail: HistoryMail;
      readonly to: Ref;
      readonly member: Member;
      readonly from: number;
      readonly upTo: number;
      readonly lowest: number;
    }
  | { readonly for: 'fetch'; readonly mail: FetchMail; readonly after: number; readonly upTo: number }
  | { readonly for: 'retry'; readonly resume: (found: number | null) => void; readonly failed: () => void }
  | { readonly for: 'about'; readonly then: (found: boolean | null) => void }
  /** Undefined: the read failed; null: there is no such entry. */
  | { readonly for: 'again'; readonly resume: (stored: Entry | null | undefined) => void }
  | { readonly for: 'tail'; readonly from: number };

export const READINGS_MAX = 256;

/** How far a reader's cursors are in the store. */
export interface ReadStored {
  readonly user: string;
  readonly delivered: number;
  readonly read: number;
}

export interface ChatState {
  readonly chat: string;
  readonly deps: ActorDeps;
  readonly writer: Ref;
  readonly shard: number;
  /** Under which this cell writes, all its life. */
  readonly fence: number;
  /** Of the log; null while it loads, and on a transactional store. */
  record: OwnedRecord | null;
  phase: 'loading' | 'open' | 'broken';
  readonly members: Members;
  readonly blockers: Set<string>;
  readonly log: ChatLog;
  readonly readings: Map<number, Reading>;
  nextToken: number;
  /** Membership changes under way: user mail waits until they are durable, so that membership is never a guess. */
  changesPending: number;
  /** Everyone present, as routing wants it; null when membership changed. */
  presentUsers: string[] | null;
  dirty: boolean;
  /** By this owner: its mark beats whatever an earlier one's end of a mark still does. */
  marked: boolean;
  snapshotUpTo: number;
  snapshotStale: boolean;
  stamp: number;
  /** Cursor rows as read, until the members are known that they belong to. */
  openCursors: readonly Row[];
  readonly cursorsDirty: Set<string>;
  readonly readsUnconfirmed: Set<string>;
  /** Waiting for a cursor flush to be durable: what to tell readers then, by token. */
  readonly confirms: Map<number, ReadStored[]>;
  /** Blocks under way: who is to hear that they are durable, by token. */
  readonly blocking: Map<number, { readonly ref: number; readonly to: Ref }>;
  /** Senders who want counts of their latest message, newest last. */
  readonly counting: Map<string, { seq: number; delivered: number; read: number }>;
  readonly timers: { load: number; deadline: number; repeat: number; flush: number; counts: number; idle: number };
  repeatMs: number;
  lastMailMs: number;
  loadTries: number;
  loadSince: number;
}

export function newChatState(deps: ActorDeps, chat: string, now: number): ChatState {
  const shard = shardOf('chat', chat);
  return {
    chat,
    deps,
    writer: deps.writerFor(chat),
    shard,
    fence: deps.fenceOf(shard),
    record: null,
    phase: 'loading',
    members: new Members(),
    blockers: new Set(),
    log: new ChatLog(),
    readings: new Map(),
    nextToken: -1,
    changesPending: 0,
    presentUsers: null,
    dirty: false,
    marked: false,
    snapshotUpTo: 0,
    snapshotStale: false,
    stamp: 0,
    openCursors: [],
    cursorsDirty: new Set(),
    readsUnconfirmed: new Set(),
    confirms: new Map(),
    blocking: new Map(),
    counting: new Map(),
    timers: { load: 0, deadline: 0, repeat: 0, flush: 0, counts: 0, idle: 0 },
    repeatMs: REPEAT_MIN_MS,
    lastMailMs: now,
    loadTries: 0,
    loadSince: now,
  };
}

export const REPEAT_MIN_MS = 3_000;
export const REPEAT_MAX_MS = 60_000;
/** A sender hears at the latest after this that the store has not confirmed. */
export const CONFIRM_DEADLINE_MS = 10_000;
export const FLUSH_MS = 2_000;
export const COUNTS_MS = 300;
export const IDLE_MS = 60_000;
export const PRESSED_IDLE_MS = 5_000;
export const COUNTING_MAX = 32;

/** Writes of entries carry their number as token; all else counts down from −1. */
export function token(s: ChatState): number {
  return s.nextToken--;
}

/** The newest owner's writes win: the fence in the high part, a counter that goes on from what was stored in the low. */
/** Of a dirty mark for entry `n`, even; one more ends it. Of our fence: what an earlier owner wrote, and lands late, never wins. */
export const markStamp = (s: ChatState, n: number): number => s.fence * FENCE_STAMPS + 2 * n;

export function nextStamp(s: ChatState): number {
  s.stamp = Math.max(s.stamp, s.fence * FENCE_STAMPS) + 1;
  return s.stamp;
}

export function present(s: ChatState): string[] {
  if (s.presentUsers === null) {
    s.presentUsers = [];
    for (const m of s.members.all.values()) if (s.members.isPresent(m.user)) s.presentUsers.push(m.user);
  }
  return s.presentUsers;
}

/** A member's debt: entries up to here are its business, and its session has settled less. */
export function unsettled(s: ChatState, m: Member): boolean {
  return m.settled < s.members.lastFor(m, s.log.durable);
}
