// What a member says of itself, once a second, under `live.<name>.<incarnation>`: a small JSON record, so that an operator can read it.
// Pure encoding. Observers time how long a record stays as it is; no clock stands in it.
import { incarnationOf, type NodeId, nameOf, parseNodeId } from './node-id.ts';

export type LiveState = 'joining' | 'up' | 'draining' | 'gone';

export interface LiveRecord {
  readonly state: LiveState;
  /** Counts the puts of one incarnation: two records of one number are one put. */
  readonly n: number;
  readonly weight: number;
  readonly url: string | null;
  /** Version of the mail between nodes. */
  readonly wire: number;
  /** The newest ring seen; 0: none. */
  readonly epoch: number;
  /** All moves to this member are done up to this epoch. */
  readonly done: number;
}

export const LIVE_PREFIX = 'live.';

export const liveKey = (id: NodeId): string => `${LIVE_PREFIX}${nameOf(id)}.${incarnationOf(id)}`;

export function idOfLiveKey(key: string): NodeId | null {
  const tokens = key.split('.');
  return tokens.length === 3 && tokens[0] === 'live' ? parseNodeId(`${tokens[1]}#${tokens[2]}`) : null;
}

const STATES: readonly string[] = ['joining', 'up', 'draining', 'gone'] satisfies LiveState[];

export const encodeLive = (record: LiveRecord): Uint8Array => new TextEncoder().encode(JSON.stringify(record));

/** Null: no record. Fields of later versions are dropped. */
export function decodeLive(bytes: Uint8Array): LiveRecord | null {
  let value: Partial<LiveRecord> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<LiveRecord> | null;
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { state, n, weight, url, wire, epoch, done } = value;
  const numbers = [n, weight, wire, epoch, done];
  if (!STATES.includes(state ?? '') || !numbers.every((each) => Number.isFinite(each))) return null;
  return { state, n, weight, url: typeof url === 'string' ? url : null, wire, epoch, done } as LiveRecord;
}
