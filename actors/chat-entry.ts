// The header of a stored entry, read from the frame that is stored.
import { decodeServerFrame, OP } from '../protocol/index.ts';
import type { Entry } from '../storage/index.ts';
import type { LogEntry } from './mail.ts';

/** The header of a stored entry. The frame was encoded by this code; one that does not decode is a broken invariant. */
export function entryOf(stored: Entry): LogEntry {
  const f = decodeServerFrame(stored.bytes);
  if (f.op !== OP.RECEIVE_MESSAGE) throw new Error('a log entry is no message');
  return { n: stored.n, sender: f.sender, device: f.device, type: f.type, frame: stored.bytes };
}
