// What a connection cell holds. Small and flat: there is one for every idle socket.
import type { Ref } from '../runtime/index.ts';
import type { ActorDeps } from './deps.ts';
import type { Sink } from './ports.ts';

/** hello: waits for HELLO. verifying: the token is being checked. attaching: the session is asked. leaving: answers what is in flight, then closes. */
export type Phase = 'hello' | 'verifying' | 'attaching' | 'open' | 'leaving' | 'closed';

export interface ConnectionState {
  readonly deps: ActorDeps;
  readonly sink: Sink;
  phase: Phase;
  user: string;
  device: string;
  session: Ref | null;
  monitor: number;
  /** It has had its CAUGHT_UP: a lost session can be found again without a new sign-in. */
  level: boolean;
  /** The registration that this socket goes on with, as the session last said; empty while it is fresh. */
  sync: string;
  /** Told since the session has us. */
  gaps: number;
  /** Monotonic time of the last frame from the client, in whole milliseconds: a fraction would be an object of its own. */
  heard: number;
  /** Messages and requests taken and not yet answered, oldest first. */
  pending: Pending[];
  /** Looks for those that nobody answers; 0 while there was none. */
  pendingTimer: number;
  /** The next look for a session that was lost; 0: none is planned. */
  attachTimer: number;
  /** Acks that a full session refused, and that wait to be said again. */
  acksAgain: number;
  /** When the token expires, ms since 1970; null: never. */
  expires: number | null;
  timer: number;
  /** Kept from HELLO until the session has answered. */
  hello: {
    readonly agent: string;
    readonly sync: string | null;
    readonly known: readonly { readonly chat: string; readonly seq: number }[];
  } | null;
}

/** A message (`id`) or request (`ref`) that was passed on to a chat, or to the session (`chat` is null). */
export interface Pending {
  readonly ref: number | null;
  readonly chat: string | null;
  readonly id: string | null;
  /** Which node took it; null: this one, or not known. */
  readonly node: string | null;
  readonly atMs: number;
}
const NOTHING_PENDING: Pending[] = [];

export function newConnection(deps: ActorDeps, sink: Sink, now: number): ConnectionState {
  return {
    deps,
    sink,
    phase: 'hello',
    user: '',
    device: '',
    session: null,
    monitor: 0,
    level: false,
    sync: '',
    gaps: 0,
    heard: Math.ceil(now),
    pending: NOTHING_PENDING,
    pendingTimer: 0,
    attachTimer: 0,
    acksAgain: 0,
    expires: null,
    timer: 0,
    hello: null,
  };
}
