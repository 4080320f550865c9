// What the cells of a node are given at its start: addresses of services, the fence, limits. No driver is named here.
import type { Ref } from '../runtime/index.ts';
import type { Pressure } from './ports.ts';
import type { RateLimiter } from './rates.ts';

export interface Counters {
  /** One more of `name` with a label of a closed set; read by the metrics. */
  count(
    name: 'refused' | 'shed' | 'displaced' | 'zombie' | 'delivered' | 'sent' | 'nudged' | 'inboxed',
    label: string,
  ): void;
}

export interface ActorDeps {
  readonly node: string;
  /** The persistence actor that orders a partition's writes. */
  writerFor(partition: string): Ref;
  readonly reader: Ref;
  /** The fence under which this node owns a shard; throws when it does not. Asked once, when a cell starts. */
  fenceOf(shard: number): number;
  /** Whether it still owns the shard under that fence. Asked after a write, before anybody is told of it. */
  holds(shard: number, fence: number): boolean;
  /** The node that a chat is on, as this one knows; null: here, or on its way. */
  ownerOf(chat: string): string | null;
  readonly rates: RateLimiter;
  readonly pressure: Pressure;
  readonly counters: Counters;
  readonly verifierService: Ref;
  /** Writes presence for other nodes and answers for users who are away; null: sessions tell each other, and no more. */
  readonly presence: Ref | null;
  /** Where to connect to instead, when this node leaves; null: here again. */
  readonly elsewhere: string | null;
}

export const SHARDS = 1_024;

/** The shard of a key: FNV-1a over UTF-16 units, folded to 1,024. */
export function shardOf(kind: string, key: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < kind.length; i++) h = Math.imul(h ^ kind.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ 58, 0x01000193);
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193);
  // FNV's low bits are weak for short keys; fold the high ones in.
  h ^= h >>> 15;
  return (h >>> 0) % SHARDS;
}
