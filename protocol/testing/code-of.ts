// For tests: with which code something refuses.
import { type ErrorCode, ProtocolError } from '../errors.ts';

/** `none`: it does not refuse. Another error than the protocol's is thrown on. */
export function codeOf(attempt: () => unknown): ErrorCode | 'none' {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'none';
}
