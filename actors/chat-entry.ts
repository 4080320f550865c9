// The header of a stored entry, read from the frame that is stored.
import { decodeServerFrame, OP } from '../protocol/index.ts';
import type { Entry, IndexOf } from '../storage/index.ts';
import type { LogEntry } from './mail.ts';

/** The header of a stored entry. The frame was encoded by this code; one that does not decode is a broken invariant. */
export function entryOf(stored: Entry): LogEntry {
  const f = decodeServerFrame(stored.bytes);
  if (f.op !== OP.RECEIVE_MESSAGE) throw new Error('a log entry is no message');
  return { n: stored.n, sender: f.sender, device: f.device, type: f.type, ts: f.ts, frame: stored.bytes };
}

/** The dedupe index of an entry that another owner wrote, written again when it is adopted. */
export const sentOf: IndexOf = (log, stored, fence) => {
  const f = log.startsWith('c:') ? decodeServerFrame(stored.bytes) : null;
  if (f?.op !== OP.RECEIVE_MESSAGE) return null;
  return { t: 'sent', chat: f.chat, sender: f.sender, device: f.device, id: f.id, n: stored.n, fence };
};
