// What the shards of a node are given, and what they count of themselves. Types only; shards.ts is the shell that works them.
import type { Env, Kernel, Refusal } from '../runtime/index.ts';
import type { HeldMail } from './held-mail.ts';
import type { NodeId } from './node-id.ts';
import type { ShardMail } from './shard-mail.ts';

/** A fence as the database has it. */
export interface FenceRow {
  readonly shard: number;
  readonly fence: number;
  readonly owner: string;
  readonly epoch: number;
}

export interface ShardsOptions {
  readonly env: Env;
  readonly kernel: Kernel;
  /** The kinds that live in shards, and where a key does. */
  readonly kinds: readonly string[];
  shardOf(kind: string, key: string): number;
  self(): NodeId;
  holdsLease(now: number): boolean;
  surelyDead(node: NodeId, now: number): boolean;
  fences(): Promise<readonly FenceRow[]>;
  /** Rejects when it could not be taken, or when that is not known. */
  takeFence(shard: number, owner: NodeId, epoch: number): Promise<number>;
  /** The shard is open: chats that owe somebody something are to be woken. */
  opened(shard: number): void;
  /** Sends on what had been taken for a shard to its next owner, who handles it before what comes there directly. */
  rest(to: NodeId, shard: number, mail: HeldMail): Refusal | null;
  tell(to: NodeId, mail: ShardMail): void;
  /** Somebody knows of a newer ring than ours. */
  stale(epoch: number): void;
  /** All that the rings up to that epoch gave to us is open, and all that they took is gone. Told once an epoch. */
  settled(epoch: number): void;
  readonly takesAtOnce?: number;
}

export interface ShardCounts {
  readonly open: number;
  readonly waiting: number;
  readonly sealing: number;
  readonly held: number;
  readonly taken: number;
  readonly moved: number;
  readonly remainder: number;
}
