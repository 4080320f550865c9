// What an error of the driver, or of the guard before it, says of the request: was it sent, and may it have been applied?
import { errors, types } from 'cassandra-driver';
import { isBrokenCircuitError, isBulkheadRejectedError } from 'cockatiel';
import { StoreError } from '../store.ts';

/**
 * `unsent`: surely not applied. `unknown`: applied or not, and perhaps only later. `invalid`: the server, or the driver before it,
 * understood it and will never take it; not a sign of trouble.
 */
export type Outcome = 'unsent' | 'unknown' | 'invalid';

const { responseErrorCodes } = types;
const INVALID_CODES: ReadonlySet<number> = new Set([
  responseErrorCodes.syntaxError,
  responseErrorCodes.unauthorized,
  responseErrorCodes.invalid,
  responseErrorCodes.configError,
  responseErrorCodes.alreadyExists,
]);

export function outcomeOf(error: unknown): Outcome {
  if (isBrokenCircuitError(error) || isBulkheadRejectedError(error)) return 'unsent';
  if (error instanceof errors.NoHostAvailableError) {
    // One that was sent before the driver ran out of servers may have been applied.
    return Object.values(error.innerErrors).every(isUnsent) ? 'unsent' : 'unknown';
  }
  if (error instanceof errors.ResponseError) return INVALID_CODES.has(error.code) ? 'invalid' : 'unknown';
  if (error instanceof errors.ArgumentError || error instanceof TypeError || error instanceof RangeError)
    return 'invalid';
  return 'unknown';
}

/** Why a server was passed over: a word (it is down), or an error that came before the request was written to it. */
function isUnsent(reason: unknown): boolean {
  if (typeof reason === 'string') return true;
  if (!(reason instanceof Error)) return false;
  if (reason instanceof errors.OperationTimedOutError || reason instanceof errors.ResponseError) return false;
  const { isSocketError, requestNotWritten } = reason as { isSocketError?: boolean; requestNotWritten?: boolean };
  return isSocketError !== true || requestNotWritten === true;
}

/** A read that has failed. What is no fault of the store's goes through as it is. */
export function readFault(error: unknown): unknown {
  if (error instanceof StoreError || outcomeOf(error) === 'invalid') return error;
  return new StoreError('failed', `cql: ${wordsOf(error)}`);
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof errors.NoHostAvailableError)) return error.message;
  const [reason] = Object.values(error.innerErrors) as unknown[];
  return `no server takes it (${reason instanceof Error ? reason.message : (reason ?? 'none is known')})`;
}
