// How a connection says no, and how it ends.
import { type CloseName, ERROR_CODES, type ErrorCode, encodeFrame, OP } from '../protocol/index.ts';
import { CONTINUE, type Next, STOP_NORMAL } from '../runtime/index.ts';
import type { ConnectionState } from './connection-state.ts';
import type { FaultMail } from './mail.ts';

/** A leaving connection closes after this, answered or not. */
export const LEAVE_PATIENCE_MS = 3_000;

export function writeFault(s: ConnectionState, f: Omit<FaultMail, 't'>): void {
  const { ref, chat, id, code, afterMs, about } = f;
  s.sink.write(encodeFrame({ op: OP.ERROR, ref, chat, id, code, retry: ERROR_CODES[code].retry, afterMs, about }));
}

/** Say why, close, and end. */
export function close(s: ConnectionState, name: CloseName, code: ErrorCode, about: string): Next {
  if (s.phase === 'closed') return CONTINUE;
  writeFault(s, { ref: null, chat: null, id: null, code, afterMs: 0, about });
  s.sink.close(name);
  s.phase = 'closed';
  return STOP_NORMAL;
}

/** Closes a leaving connection once all that it took is answered. */
export function settleLeave(s: ConnectionState): Next {
  if (s.phase !== 'leaving' || s.pending.length > 0) return CONTINUE;
  s.sink.close(s.deps.elsewhere === null ? 'goingAway' : 'elsewhere');
  s.phase = 'closed';
  return STOP_NORMAL;
}
