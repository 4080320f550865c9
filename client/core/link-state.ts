// What a client shows of its connection, and what it does after losing one. Pure: the rules, without sockets or timers.
import { CLOSE_CODES, type CloseAction } from '../../protocol/index.ts';

export type ClientState =
  /** An attempt is under way, or the store is being read. */
  | { readonly is: 'connecting' }
  | { readonly is: 'online'; readonly user: string; readonly node: string }
  /** Attempt number `attempt` follows in `inMs`. */
  | { readonly is: 'reconnecting'; readonly attempt: number; readonly inMs: number; readonly reason: string }
  /** It does not come back by itself: `reason` is 'closed' after close(), else the name of the close code or error. */
  | { readonly is: 'stopped'; readonly reason: string; readonly code: number };

export interface Fault {
  readonly code: string;
  readonly retry: boolean;
  readonly afterMs: number;
  readonly at: number;
}
export interface Loss {
  readonly action: CloseAction;
  /** A name for people: that of the close code, or of the fault that came before it. */
  readonly reason: string;
  /** The server asks for at least this much patience. */
  readonly afterMs: number;
  readonly freshToken: boolean;
  /** The code of the error that came before the close; null: none did. */
  readonly code: string | null;
}

/** A fault explains a close that follows within this time. */
const FAULT_EXPLAINS_MS = 5_000;
/** Refusals of the whole connection, should the close code have been lost on the way. */
const FATAL = new Set(['unauthenticated', 'revoked', 'displaced', 'unsupported_version', 'too_many_devices']);

/**
 * What to do after a connection ended with `code`. A stale token is no reason to stop: when it had been used before, a fresh one is
 * tried first.
 */
export function lossOf(code: number, why: string, fault: Fault | null, now: number, tokenReused: boolean): Loss {
  const recent = fault !== null && now - fault.at <= FAULT_EXPLAINS_MS ? fault : null;
  const afterMs = recent?.afterMs ?? 0;
  const errorCode = recent?.code ?? null;
  const named = Object.entries(CLOSE_CODES).find(([, entry]) => entry.code === code);
  if (named === undefined) {
    const fatal = recent !== null && !recent.retry && FATAL.has(recent.code);
    const stale = recent?.code === 'token_expired' || (recent?.code === 'unauthenticated' && tokenReused);
    const action = fatal && !stale ? 'stop' : 'reconnect';
    return { action, reason: recent?.code ?? why, afterMs, freshToken: stale, code: errorCode };
  }
  const [name, { action }] = named;
  const refused = code === CLOSE_CODES.unauthenticated.code;
  const stale =
    code === CLOSE_CODES.tokenExpired.code || (refused && (tokenReused || recent?.code === 'token_expired'));
  return { action: stale ? 'reconnect' : action, reason: name, afterMs, freshToken: stale, code: errorCode };
}

/** A server may send us elsewhere, but not from a safe connection to an open one. */
export function mayFollow(from: string, to: string): boolean {
  return to.startsWith('wss://') || (to.startsWith('ws://') && from.startsWith('ws://'));
}
