// The mail that connection, session and chat cells send each other: each union is an actor's protocol (OTP: its API).
// Plain data only, so that a carrier between nodes can take it as it is. Answers to a connection go to its address (`sender`).
import type { ErrorCode } from '../protocol/index.ts';
import type { Ref } from '../runtime/index.ts';

/** An entry of a chat's log on its way to members. `frame` is the encoded RECEIVE_MESSAGE, the same bytes that are stored. */
export interface LogEntry {
  readonly n: number;
  readonly sender: string;
  readonly device: string;
  readonly type: number;
  /** When the chat took it, ms since 1970. */
  readonly ts: number;
  readonly frame: Uint8Array;
}

// —— to a chat ——

export interface PostMail {
  readonly t: 'post';
  readonly user: string;
  readonly device: string;
  readonly id: string;
  readonly type: number;
  readonly body: Uint8Array;
  readonly about: number | null;
  readonly after: string | null;
  readonly retry: boolean;
}
export interface CreateMail {
  readonly t: 'create';
  readonly ref: number;
  readonly user: string;
  readonly device: string;
  readonly id: string;
  readonly kind: number;
  readonly members: readonly string[];
  readonly title: string;
}
export interface ChangeMail {
  readonly t: 'change';
  readonly ref: number;
  readonly user: string;
  readonly device: string;
  readonly id: string;
  readonly change: number;
  readonly users: readonly string[];
  readonly role: number;
  readonly title: string;
}
export interface HistoryMail {
  readonly t: 'history';
  readonly ref: number;
  readonly user: string;
  readonly from: number;
  readonly limit: number;
  readonly back: boolean;
}
export interface InfoMail {
  readonly t: 'info';
  readonly ref: number;
  readonly user: string;
  readonly after: string | null;
}
export interface TypingMail {
  readonly t: 'typing';
  readonly user: string;
  readonly on: boolean;
}
/** A session moved: `delivered` to a device at least, `settled`: every device acked or it is in the inbox. Cumulative. */
export interface GotMail {
  readonly t: 'got';
  readonly user: string;
  readonly delivered: number;
  readonly settled: number;
}
export interface ReadToMail {
  readonly t: 'readTo';
  readonly user: string;
  readonly seq: number;
}
/** A session lacks what follows `after`; null: it does not know where it was. Answered by DeliverMail. */
export interface FetchMail {
  readonly t: 'fetch';
  readonly user: string;
  readonly after: number | null;
}
/** A call: answered with ChatSummary, or null when the user is no member. */
export interface SummaryMail {
  readonly t: 'summary';
  readonly user: string;
}
export interface ChatSummary {
  readonly chat: string;
  readonly kind: number;
  readonly title: string;
  readonly peer: string | null;
  /** First and last entry that this user may see. */
  readonly first: number;
  readonly head: number;
  readonly delivered: number;
  readonly read: number;
  readonly role: number;
}
/** `user` refuses, or takes again, direct messages of the chat's other member. `replyTo` hears DoneMail once it is durable. */
export interface BlockMail {
  readonly t: 'block';
  readonly user: string;
  readonly on: boolean;
  readonly ref: number;
  readonly replyTo: Ref;
}
/** Wakes a chat that was marked dirty: it repeats deliveries by itself. */
export interface WakeMail {
  readonly t: 'wake';
}
export type ChatMail =
  | PostMail
  | CreateMail
  | ChangeMail
  | HistoryMail
  | InfoMail
  | TypingMail
  | GotMail
  | ReadToMail
  | FetchMail
  | SummaryMail
  | BlockMail
  | WakeMail
  | ChatTick;
/** A chat's own timers. */
export interface ChatTick {
  readonly t: 'tick';
  readonly what: 'load' | 'deadline' | 'repeat' | 'flush' | 'counts' | 'idle';
}

// —— to a session ——

/** Durable entries of a chat. Everything that this user may see of (base, upTo] is in `entries`. */
export interface DeliverMail {
  readonly t: 'deliver';
  readonly chat: string;
  readonly base: number;
  readonly upTo: number;
  /** The chat vouches that nothing up to `base` is this session's to ask for: it has just joined, or said that it knows nothing. */
  readonly joined: boolean;
  readonly entries: readonly LogEntry[];
}
/** The chat has heard `settled` only up to here, but holds entries up to `upTo`. */
export interface NudgeMail {
  readonly t: 'nudge';
  readonly chat: string;
  readonly settled: number;
  readonly upTo: number;
}
export interface ReceiptMail {
  readonly t: 'receipt';
  readonly chat: string;
  readonly user: string;
  readonly delivered: number;
  readonly read: number;
}
export interface CountsMail {
  readonly t: 'counts';
  readonly chat: string;
  readonly seq: number;
  readonly delivered: number;
  readonly read: number;
  readonly members: number;
}
export interface TypingStateMail {
  readonly t: 'typingState';
  readonly chat: string;
  readonly user: string;
  readonly on: boolean;
}
/** From a connection: this device is here. `known` is what it says it has. */
export interface AttachMail {
  readonly t: 'attach';
  readonly device: string;
  readonly agent: string;
  readonly sync: string | null;
  readonly known: readonly { readonly chat: string; readonly seq: number }[];
  /** True after the session was lost under a live connection: no WELCOME again. */
  readonly again: boolean;
}
export interface DetachMail {
  readonly t: 'detach';
  readonly device: string;
}
export interface AckMail {
  readonly t: 'ack';
  readonly device: string;
  readonly acks: readonly { readonly chat: string; readonly seq: number }[];
}
export interface ReadMail {
  readonly t: 'read';
  readonly device: string;
  readonly chat: string;
  readonly seq: number;
}
export interface ListChatsMail {
  readonly t: 'listChats';
  readonly ref: number;
  readonly after: string | null;
  readonly limit: number;
}
export interface WatchMail {
  readonly t: 'watchUsers';
  readonly users: readonly string[];
  readonly on: boolean;
}
export interface SetBlockMail {
  readonly t: 'setBlock';
  readonly ref: number;
  readonly user: string;
  readonly on: boolean;
}
export interface SetPrivacyMail {
  readonly t: 'setPrivacy';
  readonly ref: number;
  readonly presence: number;
}
export interface ListDevicesMail {
  readonly t: 'listDevices';
  readonly ref: number;
}
export interface RemoveDeviceMail {
  readonly t: 'removeDevice';
  readonly ref: number;
  readonly device: string;
}
/** From another user's session: tell me of your presence, for as long as I renew this. */
export interface WatchedMail {
  readonly t: 'watched';
  readonly by: string;
  readonly on: boolean;
  /** A presence service has told them that you are offline, and knows that they wait: nothing to do if that is so. */
  readonly noted?: true;
}
export interface PresenceMail {
  readonly t: 'presence';
  readonly user: string;
  readonly online: boolean;
  readonly lastSeen: number | null;
}
export type SessionMail =
  | DeliverMail
  | NudgeMail
  | ReceiptMail
  | CountsMail
  | TypingStateMail
  | AttachMail
  | DetachMail
  | AckMail
  | ReadMail
  | ListChatsMail
  | WatchMail
  | SetBlockMail
  | SetPrivacyMail
  | ListDevicesMail
  | RemoveDeviceMail
  | WatchedMail
  | PresenceMail
  | SessionTick;
export interface SessionTick {
  readonly t: 'tick';
  readonly what: 'load' | 'moment' | 'evict' | 'presence' | 'watch' | 'flush' | 'idle';
}

// —— to a connection ——

export interface PostedMail {
  readonly t: 'posted';
  readonly chat: string;
  readonly id: string;
  readonly seq: number;
  readonly ts: number;
}
/** A refusal of a message (`id`) or of a request (`ref`). */
export interface FaultMail {
  readonly t: 'fault';
  readonly ref: number | null;
  readonly chat: string | null;
  readonly id: string | null;
  readonly code: ErrorCode;
  readonly afterMs: number;
  readonly about: string;
}
export interface DoneMail {
  readonly t: 'done';
  readonly ref: number;
  readonly value: string | null;
}
/** Entries of (from, to) that the member may see, ascending, as encoded frames. */
export interface PageMail {
  readonly t: 'page';
  readonly ref: number;
  readonly chat: string;
  readonly from: number;
  readonly to: number;
  readonly more: boolean;
  readonly frames: readonly Uint8Array[];
}
export interface ChatInfoMail {
  readonly t: 'info';
  readonly ref: number;
  readonly chat: string;
  readonly kind: number;
  readonly title: string;
  readonly head: number;
  readonly count: number;
  readonly members: readonly {
    readonly user: string;
    readonly role: number;
    readonly delivered: number;
    readonly read: number;
  }[];
  readonly next: string | null;
}
/** Ready frames for the socket, in order. */
export interface PushMail {
  readonly t: 'push';
  readonly frames: readonly Uint8Array[];
}
/** A ready frame that answers a request. */
export interface ReplyMail {
  readonly t: 'reply';
  readonly ref: number;
  readonly frame: Uint8Array;
}
/** The session has this device. `sync` is empty until CAUGHT_UP when it is not resumed: the gaps are to be told first. */
export interface AttachedMail {
  readonly t: 'attached';
  readonly sync: string;
  readonly resumed: boolean;
}
/** What a fresh device has to read by itself. */
export interface GapMail {
  readonly t: 'gap';
  readonly chat: string;
  readonly from: number;
  readonly to: number;
  /** Counts from 1 since `attached`: a connection that missed one must not let its device take the `sync`. */
  readonly at: number;
}
/** The backlog is through; what follows is live. */
export interface CaughtUpMail {
  readonly t: 'caughtUp';
  readonly sync: string;
  /** How many gaps were told before. */
  readonly gaps: number;
}
/** The session will not, or no longer, serve this connection. */
export interface DismissedMail {
  readonly t: 'dismissed';
  readonly why: 'displaced' | 'revoked' | 'tooMany' | 'unavailable' | 'slow';
}
/** The node stops: say so to the client, finish, close. */
export interface LeaveMail {
  readonly t: 'leave';
  readonly delayMs: number;
  readonly url: string | null;
}
/** The link to that node broke, or it is dead: what it had taken and not answered may never be answered. */
export interface NodeDownMail {
  readonly t: 'nodeDown';
  /** Null: this node has lost its lease, and with it its own shards and what it knows of the others. */
  readonly node: string | null;
}
export type ConnectionTick =
  | { readonly t: 'tick'; readonly what: 'signIn' | 'silence' | 'attach' | 'late' | 'leave' }
  | { readonly t: 'tick'; readonly what: 'ack'; readonly acks: AckMail['acks'] };
