// What a session cell holds: a user's devices, what each still owes, and where each chat stands for this user. Small: most sessions idle.
// Pure state; session-deliver, -inbox, -devices, -presence and -asks do the work.
import { LIMITS, TYPE } from '../protocol/index.ts';
import type { Ref } from '../runtime/index.ts';
import { FENCE_STAMPS, type OwnedRecord } from '../storage/index.ts';
import { type ActorDeps, shardOf } from './deps.ts';
import type { DismissedMail, LogEntry } from './mail.ts';
import type { DeviceRow, UserRow } from './rows.ts';

/** Pushed to a device and not yet acked. `i` is its number in the inbox, 0 while it is not (known to be) there. */
export interface Flight {
  readonly chat: string;
  readonly n: number;
  readonly bytes: number;
  i: number;
}

/**
 * offline: no socket. greeting: told what it missed, nothing is pushed yet. catchup: fed from the inbox in pages.
 * live: what comes is pushed at once. removed: offline for good, as soon as its row is gone.
 */
export type Mode = 'offline' | 'greeting' | 'catchup' | 'live' | 'removed';

export interface Device {
  readonly id: string;
  /** Names this registration; a device that gives it back has what it had. Empty until all gaps of a fresh device are told. */
  sync: string;
  agent: string;
  seen: number;
  conn: Ref | null;
  monitor: number;
  mode: Mode;
  /** Handed over of the inbox, up to here. */
  fed: number;
  /** As stored: the cursor from which a reconnect goes on. */
  storedCursor: number;
  flight: Flight[];
  flightBytes: number;
  reading: boolean;
  /** A CAUGHT_UP is owed when it is level. */
  announce: boolean;
  /** What the device said, or acked, while it was not live: not to be pushed again. */
  has: Map<string, number> | null;
  /** Up to where it was told to read by itself: not to be pushed either, but not known to be had. */
  told: Map<string, number> | null;
  /** Messages of its device id that are older (ms since 1970) are of a life that it forgot, and are pushed as others' are. */
  since: number;
}

/** An entry that is neither acked by all devices nor in the inbox yet. */
export interface Item {
  readonly entry: LogEntry;
  /** What its change says about this user's membership: its row has to be stored before it settles. */
  readonly mine: boolean;
  queued: boolean;
  done: boolean;
}

export interface ChatView {
  readonly chat: string;
  /** Everything up to here has reached this session; −1: it does not know. */
  known: number;
  settled: number;
  delivered: number;
  readonly items: Item[];
  /** Cumulative acks by device, while there are items. */
  acks: Map<string, number> | null;
  fetchedMs: number;
}

/** One write to the inbox under way. */
export interface Append {
  readonly token: number;
  readonly items: readonly { readonly view: ChatView; readonly item: Item; readonly i: number }[];
}

/** A connection that is to go, and why. */
export interface Evicted {
  readonly conn: Ref;
  readonly why: DismissedMail['why'];
}
export interface SessionState {
  readonly user: string;
  readonly deps: ActorDeps;
  readonly shard: number;
  /** Under which this cell writes, all its life. */
  readonly fence: number;
  /** Of the inbox; null while it loads, and on a transactional store. */
  record: OwnedRecord | null;
  phase: 'loading' | 'open' | 'broken';
  devices: Device[];
  chats: Map<string, ChatView> | null;
  inboxHead: number;
  inboxNext: number;
  appends: Append[];
  itemsHeld: number;
  bytesHeld: number;
  row: UserRow | null;
  stamp: number;
  nextToken: number;
  /** What an answer is for, by token. */
  waits: Map<number, Wait> | null;
  watchers: Map<string, number> | null;
  /** Whom each device watches, by its connection: a watch lives as long as that. */
  watching: Map<Ref, Set<string>> | null;
  /** As last told to watchers. */
  shownOnline: boolean;
  lastSeen: number | null;
  evicting: readonly Evicted[];
  /** Devices that were removed lately: what they sent may still be on its way. The newest last, at most as many as there may be. */
  removed: readonly string[];
  timerEvict: number;
  timerMoment: number;
  timerFlush: number;
  timerPresence: number;
  timerWatch: number;
  timerIdle: number;
  timerLoad: number;
  loadTries: number;
  loadSince: number;
}

export type Wait =
  | {
      readonly for: 'feed';
      readonly device: Device;
      readonly conn: Ref;
      readonly from: number;
      readonly upTo: number;
      readonly greet: boolean;
    }
  | {
      readonly for: 'bodies';
      readonly device: Device;
      readonly conn: Ref;
      readonly done: (bytes: Uint8Array | null) => void;
    }
  | { readonly for: 'reply'; readonly to: Ref; readonly ref: number }
  | { readonly for: 'removed'; readonly to: Ref; readonly ref: number; readonly device: Device }
  | { readonly for: 'block'; readonly to: Ref; readonly ref: number; readonly user: string; readonly on: boolean }
  | {
      readonly for: 'rows';
      readonly done: (rows: readonly { readonly key: string; readonly bytes: Uint8Array }[] | null) => void;
    }
  | { readonly for: 'summary'; readonly done: (summary: unknown, ok: boolean) => void }
  | { readonly for: 'contact'; readonly by: string };

export const WAITS_MAX = 512;
export const EVICT_MS = 200;
export const MOMENT_MS = 1_000;
export const FLUSH_MS = 5_000;
/**
 * A device that was known lived elsewhere, by a clock that differs by less, and what it sent may still be on its way. Its own message that
 * comes back is a double, which it drops.
 */
export const CLOCK_SKEW_MS = 5_000;
export const PRESENCE_MS = 2_000;
export const WATCH_RENEW_MS = 30_000;
/** How soon a watch that was shed under pressure is tried again. */
export const PRESSED_RENEW_MS = 3_000;
export const WATCH_TTL_MS = 75_000;
export const IDLE_MS = 30_000;
/** Under pressure idle sessions leave sooner. */
export const PRESSED_IDLE_MS = 5_000;
export const ITEMS_HELD_MAX = 512;
export const BYTES_HELD_MAX = 4_194_304;
export const FLIGHT_BYTES_MAX = LIMITS.bufferedStopBytes;
export const WATCHERS_MAX = 2_000;
export const VIEWS_MAX = 2_000;
/** Chats of which a device that is behind may say how far it is. */
export const HAS_MAX = 4_096;

export function newSession(deps: ActorDeps, user: string, now: number): SessionState {
  const shard = shardOf('session', user);
  return {
    user,
    deps,
    shard,
    fence: deps.fenceOf(shard),
    record: null,
    phase: 'loading',
    devices: NO_DEVICES,
    chats: null,
    inboxHead: 0,
    inboxNext: 0,
    appends: NO_APPENDS,
    itemsHeld: 0,
    bytesHeld: 0,
    row: null,
    stamp: 0,
    nextToken: 1,
    waits: null,
    watchers: null,
    watching: null,
    shownOnline: false,
    lastSeen: null,
    evicting: NO_EVICTED,
    removed: NO_REMOVED,
    timerEvict: 0,
    timerMoment: 0,
    timerFlush: 0,
    timerPresence: 0,
    timerWatch: 0,
    timerIdle: 0,
    timerLoad: 0,
    loadTries: 0,
    loadSince: Math.ceil(now),
  };
}
const NO_DEVICES: Device[] = [];
const NO_EVICTED: readonly Evicted[] = [];
const NO_REMOVED: readonly string[] = [];
const NO_APPENDS: Append[] = [];

export function newDevice(id: string, { sync, cursor, agent, seen, since }: DeviceRow): Device {
  return {
    id,
    sync,
    agent,
    seen,
    since,
    conn: null,
    monitor: 0,
    mode: 'offline',
    fed: cursor,
    storedCursor: cursor,
    flight: NO_FLIGHT,
    flightBytes: 0,
    reading: false,
    announce: false,
    has: null,
    told: null,
  };
}
/** Of every device that has nothing in flight; the first flight makes a list of its own. */
export const NO_FLIGHT: Flight[] = [];

/** Of the exact length: a list grown by spreading or pushing has room for sixteen more. */
export const withDevice = (devices: readonly Device[], one: Device): Device[] =>
  devices.length === 0 ? [one] : devices.concat(one);

export const viewOf = (s: SessionState, chat: string): ChatView | undefined => s.chats?.get(chat);

export function makeView(s: SessionState, chat: string): ChatView {
  s.chats ??= new Map();
  let view = s.chats.get(chat);
  if (!view) {
    if (s.chats.size >= VIEWS_MAX) dropQuietView(s.chats);
    view = { chat, known: -1, settled: 0, delivered: 0, items: [], acks: null, fetchedMs: Number.NEGATIVE_INFINITY };
    s.chats.set(chat, view);
  }
  return view;
}

/** A view that owes nothing may be forgotten: it costs one question to the chat when it is needed again. */
function dropQuietView(chats: Map<string, ChatView>): void {
  for (const view of chats.values()) if (view.items.length === 0) return void chats.delete(view.chat);
}

export function wait(s: SessionState, w: Wait): number {
  s.waits ??= new Map();
  const token = s.nextToken++;
  s.waits.set(token, w);
  return token;
}

/** The inbox is acked by this device up to here: before the first entry in flight that is in it. */
export function cursorOf(d: Device): number {
  let cursor = d.fed;
  for (const f of d.flight) if (f.i > 0 && f.i <= cursor) cursor = f.i - 1;
  return cursor;
}

export function deviceOf(s: SessionState, id: string): Device | undefined {
  return s.devices.find((d) => d.id === id);
}

export function nextStamp(s: SessionState): number {
  s.stamp = Math.max(s.stamp, s.fence * FENCE_STAMPS) + 1;
  return s.stamp;
}

/** Own messages need no push to the device that sent them: `sent` told it the number. Own changes do, `ok` tells none. */
export const isOwn = (s: SessionState, d: Device, e: LogEntry): boolean =>
  e.type < TYPE.created && e.sender === s.user && e.device === d.id && e.ts >= d.since;

/** What need not be pushed to a device that is not live: it has it, or reads it for itself. */
export const coveredUpTo = (d: Device, chat: string): number => Math.max(d.has?.get(chat) ?? 0, d.told?.get(chat) ?? 0);

export function windowOpen(d: Device): boolean {
  return d.flight.length < LIMITS.windowMessages && d.flightBytes < FLIGHT_BYTES_MAX;
}
