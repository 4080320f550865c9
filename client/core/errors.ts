// One class of error, a closed set of codes: those of the wire, and those that only a client can have.
import { ERROR_CODES, type ErrorCode } from '../../protocol/index.ts';

const CLIENT_CODES = {
  aborted: { retry: true, about: 'The AbortSignal fired.' },
  closed: { retry: false, about: 'close() was called.' },
  expired: {
    retry: false,
    about: 'It waited so long that the server may have forgotten its id: sending could double it.',
  },
  outbox_full: { retry: true, about: 'Too many messages wait already.' },
  store_failed: { retry: true, about: 'The outbox could not be written.' },
  stopped: { retry: false, about: 'The server sent the client away; see the state.' },
  timeout: { retry: true, about: 'No answer in time.' },
  too_many_requests: { retry: true, about: 'Too many requests wait for an answer already.' },
  wrong_store: { retry: false, about: 'The store belongs to another user or device.' },
} as const;

export type ParleyErrorCode = ErrorCode | keyof typeof CLIENT_CODES;

export class ParleyError extends Error {
  readonly code: ParleyErrorCode;
  /** True when the same call may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds that the server wants one to wait first. */
  readonly afterMs: number;

  constructor(
    code: ParleyErrorCode,
    about?: string,
    more: { retryable?: boolean; afterMs?: number; cause?: unknown } = {},
  ) {
    const entry =
      code in ERROR_CODES ? ERROR_CODES[code as ErrorCode] : CLIENT_CODES[code as keyof typeof CLIENT_CODES];
    super(`${code}: ${about || entry.about}`, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ParleyError';
    this.code = code;
    this.retryable = more.retryable ?? entry.retry;
    this.afterMs = more.afterMs ?? 0;
  }
}

/** The error that an ERROR frame stands for. A code that this version does not know is `internal`, with its own `retry`. */
export function errorOf(frame: { code: string; retry: boolean; afterMs: number; about: string }): ParleyError {
  const known = frame.code in ERROR_CODES;
  const about = known ? frame.about : `${frame.code} ${frame.about}`;
  const more = { retryable: frame.retry, afterMs: frame.afterMs };
  return new ParleyError(known ? (frame.code as ErrorCode) : 'internal', about, more);
}
