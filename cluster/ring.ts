// The ring: which node owns which of the 1,024 shards in an epoch, and what moved to get there. Data and its encoding; who computes
// the next one is ring-plan.ts, who decides when is membership.ts. A ring is created once under its epoch and never changed.
import { Packr } from 'msgpackr';
import { type NodeId, parseNodeId } from './node-id.ts';

/** The same number as the actors' hash is folded to; fixed for the life of a database. */
export const RING_SHARDS = 1_024;

export interface RingMember {
  readonly id: NodeId;
  readonly name: string;
  /** Share of the shards, against the others'; 0: none (a node that only holds connections). */
  readonly weight: number;
  /** Where clients connect; null: nowhere. */
  readonly url: string | null;
  readonly draining: boolean;
}

export interface Move {
  readonly shard: number;
  /** The owner of the epoch before; null: there was none. */
  readonly from: NodeId | null;
  readonly to: NodeId;
  /** Owners of still earlier epochs, whose handing over was not known to be done: they may hold it yet. Mostly empty. */
  readonly earlier: readonly NodeId[];
}

export interface Ring {
  readonly epoch: number;
  /** Ascending by id. */
  readonly members: readonly RingMember[];
  /** Of each shard the index of its owner in `members`; −1: none. */
  readonly owners: readonly number[];
  /** What changed hands, and moves of the epoch before that were not known to be done. Ascending by shard. */
  readonly moves: readonly Move[];
}

export function ownerOf(ring: Ring, shard: number): NodeId | null {
  return ring.members[ring.owners[shard] ?? -1]?.id ?? null;
}

export function memberOf(ring: Ring, id: NodeId): RingMember | null {
  return ring.members.find((member) => member.id === id) ?? null;
}

export function shardsOf(ring: Ring, id: NodeId): number[] {
  const index = ring.members.findIndex((member) => member.id === id);
  return index < 0 ? [] : ring.owners.flatMap((owner, shard) => (owner === index ? [shard] : []));
}

const VERSION = 1;
const NONE = 0xffff;
const packr = new Packr({ useRecords: false });

/** `proposer` makes the bytes of two proposers of one table differ, so that each can tell whether its own were taken. */
export function encodeRing(ring: Ring, proposer = ''): Uint8Array {
  const ids: NodeId[] = ring.members.map((member) => member.id);
  const indexes = new Map(ids.map((id, index) => [id, index]));
  const indexOf = (id: NodeId): number => {
    const known = indexes.get(id);
    if (known !== undefined) return known;
    indexes.set(id, ids.length);
    return ids.push(id) - 1;
  };
  const owners = new Uint8Array(RING_SHARDS * 2);
  const view = new DataView(owners.buffer);
  ring.owners.forEach((owner, shard) => {
    view.setUint16(shard * 2, owner < 0 ? NONE : owner);
  });
  const moves = ring.moves.map(({ shard, from, to, earlier }) => [
    shard,
    from === null ? -1 : indexOf(from),
    indexOf(to),
    ...earlier.map(indexOf),
  ]);
  const members = ring.members.map(({ weight, url, draining }) => [weight, url, draining]);
  return packr.pack([VERSION, ring.epoch, ids, members, owners, moves, proposer]);
}

/** Throws for bytes that are no ring, or one of a version that this program does not know. */
export function decodeRing(bytes: Uint8Array): Ring {
  const value: unknown = packr.unpack(bytes);
  if (!Array.isArray(value) || value[0] !== VERSION)
    throw new Error('a ring of a format that this version does not know');
  const [, epoch, rawIds, rawMembers, rawOwners, rawMoves] = value as unknown[];
  if (!isCount(epoch) || !Array.isArray(rawIds) || !Array.isArray(rawMembers) || !Array.isArray(rawMoves))
    throw new Error('a ring that is torn');
  if (!(rawOwners instanceof Uint8Array) || rawOwners.length !== RING_SHARDS * 2 || rawMembers.length > rawIds.length)
    throw new Error('a ring that is torn');
  const ids = rawIds.map((raw) => {
    const id = parseNodeId(raw);
    if (id === null) throw new Error('a ring with a member that is no node');
    return id;
  });
  const idAt = (index: unknown): NodeId => {
    const id = ids[index as number];
    if (id === undefined) throw new Error('a ring that names a member it has not');
    return id;
  };
  const members = (rawMembers as [number, string | null, boolean][]).map(([weight, url, draining], index) => {
    const id = idAt(index);
    return { id, name: id.slice(0, id.indexOf('#')), weight, url, draining };
  });
  const view = new DataView(rawOwners.buffer, rawOwners.byteOffset, rawOwners.byteLength);
  const owners = Array.from({ length: RING_SHARDS }, (_, shard) => {
    const owner = view.getUint16(shard * 2);
    if (owner !== NONE && owner >= members.length) throw new Error('a ring that names a member it has not');
    return owner === NONE ? -1 : owner;
  });
  const moves = (rawMoves as number[][]).map(([shard, from, to, ...earlier]) => ({
    shard: shard ?? 0,
    from: from === -1 ? null : idAt(from),
    to: idAt(to),
    earlier: earlier.map(idAt),
  }));
  return { epoch, members, owners, moves };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
