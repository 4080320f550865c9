// What the router asks of whoever knows the ring and the state of each shard. All of it is synchronous and cheap: it is asked per mail.
import type { Ref, Refusal } from '../runtime/index.ts';
import type { HeldMail } from './held-mail.ts';
import type { NodeId } from './node-id.ts';
import type { ShardMail } from './shard-mail.ts';

export interface Placement {
  readonly self: NodeId;
  readonly epoch: number;
  /** Null: this kind is not sharded; it is always here. */
  shardOf(kind: string, key: string): number | null;
  /** `here`: open on this node. `hold`: ours soon, or sealed and moving: give it to `hold`. Null: nobody known. */
  whereIs(shard: number): NodeId | 'here' | 'hold' | null;
  /** Keeps a mail until it is known where it belongs. Bounded: a refusal when full. Later `kernel.routeLocal`, or `router.forward`. */
  hold(
    shard: number,
    kind: string,
    key: string,
    mail: object,
    from: Ref | null,
    call: number,
    hops: number,
  ): Refusal | null;
  /** The rest of a mailbox of the shard's last owner. */
  rest(shard: number, mail: HeldMail): void;
  onShards(from: NodeId, mail: ShardMail): void;
  /** Whether mail of that incarnation, placed by a ring of that epoch, is still taken. */
  accepts(from: NodeId, epoch: number): boolean;
  /** There is a ring of that epoch: look for it. */
  stale(epoch: number): void;
}
