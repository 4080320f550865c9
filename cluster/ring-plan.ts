// The next ring from the last one: a minimal diff, its targets picked by weighted rendezvous hashing (Thaler and Ravishankar 1998; the
// logarithm's form for weights). Pure, and the same on every node; who is a member, and when it is time, is membership.ts.
import { type Move, ownerOf, RING_SHARDS, type Ring, type RingMember } from './ring.ts';

/** No node over 1.1 × its share (but for shares so small that rounding up is more) … */
const OVER = 1.1;
/** … nor under 0.9 ×: without it a newcomer would get only what the others have too much of. */
const UNDER = 0.9;
/** Shards that change hands in one epoch when nobody died: 5 %. */
export const PLANNED_MOVES_MAX = Math.floor(RING_SHARDS * 0.05);

export interface NextRingOptions {
  /** The lowest epoch that it may get: above all that is known of. Default 1; always above the last ring's. */
  readonly epochMin?: number;
  /** Whether a move of the last ring is known to be done. Default: all are. */
  readonly isDone?: (move: Move) => boolean;
}

/**
 * Null: nothing is to change, or there is nobody to own a shard.
 * An owner that is not in `members` is dead, one of weight 0 cannot work its shards: those go first; what is planned then waits for the
 * next epoch.
 * One that drains loses its shards, and is left out of the ring after that.
 */
export function nextRing(
  prev: Ring | null,
  members: readonly RingMember[],
  options: NextRingOptions = {},
): Ring | null {
  const owning = new Set(prev === null ? [] : prev.owners.map((owner) => prev.members[owner]?.id));
  const kept = members.filter((member) => !member.draining || owning.has(member.id)).sort(byId);
  const table = new Table(prev, kept);
  if (!table.hasTargets) return null;
  if (!table.placeOrphans()) table.rebalance();
  if (prev !== null && table.changed === 0 && sameMembers(prev.members, kept)) return null;
  return {
    epoch: Math.max((prev?.epoch ?? 0) + 1, options.epochMin ?? 1),
    members: kept,
    owners: table.owners,
    moves: movesOf(prev, kept, table.owners, options.isDone ?? (() => true)),
  };
}

const byId = (a: RingMember, b: RingMember): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

const sameMembers = (a: readonly RingMember[], b: readonly RingMember[]): boolean =>
  a.length === b.length &&
  a.every((one, index) => {
    const other = b[index];
    return (
      one.id === other?.id && one.weight === other.weight && one.url === other.url && one.draining === other.draining
    );
  });

function movesOf(
  prev: Ring | null,
  members: readonly RingMember[],
  owners: readonly number[],
  isDone: (move: Move) => boolean,
): Move[] {
  const unfinished = new Map((prev?.moves ?? []).filter((move) => !isDone(move)).map((move) => [move.shard, move]));
  return owners.flatMap((owner, shard) => {
    const to = members[owner]?.id;
    if (to === undefined) return [];
    const from = prev === null ? null : ownerOf(prev, shard);
    const open = unfinished.get(shard);
    if (from === to) return open === undefined ? [] : [open];
    const earlier = open === undefined ? [] : [...(open.from === null ? [] : [open.from]), ...open.earlier];
    return [{ shard, from, to, earlier: [...new Set(earlier)].filter((id) => id !== to && id !== from) }];
  });
}

/** What a member has, and the band that it is to be in. */
interface Seat {
  readonly hash: number;
  readonly weight: number;
  readonly share: number;
  readonly least: number;
  readonly quota: number;
  readonly most: number;
  count: number;
}

class Table {
  readonly owners: number[];
  changed = 0;
  /** By member and shard; 0: not computed yet. Made when first used: mostly nothing is to change. */
  private scores: Float64Array | null = null;
  private readonly seats: readonly Seat[];

  constructor(prev: Ring | null, members: readonly RingMember[]) {
    const weightOf = (member: RingMember): number => (member.draining ? 0 : Math.max(0, member.weight));
    const total = members.reduce((sum, member) => sum + weightOf(member), 0);
    this.seats = members.map((member) => {
      const share = total === 0 ? 0 : (RING_SHARDS * weightOf(member)) / total;
      const quota = Math.ceil(share);
      return {
        hash: hashOf(member.name),
        weight: weightOf(member),
        share,
        least: Math.floor(share * UNDER),
        quota,
        most: Math.max(Math.floor(share * OVER), quota),
        count: 0,
      };
    });
    const index = new Map<string, number>();
    members.forEach((member, at) => {
      if (member.weight > 0) index.set(member.id, at);
    });
    this.owners = Array.from({ length: RING_SHARDS }, (_, shard) => {
      const before = prev === null ? null : ownerOf(prev, shard);
      return before === null ? -1 : (index.get(before) ?? -1);
    });
    for (const owner of this.owners) if (owner >= 0) this.seat(owner).count++;
  }

  get hasTargets(): boolean {
    return this.seats.some((seat) => seat.weight > 0);
  }

  /** False: there were none. The quotas together hold all shards, so there is always room. */
  placeOrphans(): boolean {
    for (let shard = 0; shard < RING_SHARDS; shard++) {
      if ((this.owners[shard] ?? -1) >= 0) continue;
      this.give(shard, this.best(shard, this.receivers(-1)));
    }
    return this.changed > 0;
  }

  /** Moves shards one by one, from who has most too many, until all are in their bands or enough have moved. */
  rebalance(): void {
    while (this.changed < PLANNED_MOVES_MAX) {
      const giver = this.giver();
      if (giver < 0) return;
      const receivers = this.receivers(giver);
      let [shard, to, high] = [-1, -1, -1];
      for (let each = 0; each < RING_SHARDS; each++) {
        if (this.owners[each] !== giver) continue;
        const candidate = this.best(each, receivers);
        const score = this.score(each, candidate);
        if (score > high) [shard, to, high] = [each, candidate, score];
      }
      this.give(shard, to);
    }
  }

  /** Who has most beyond its band; when some have too little, who has most beyond its share. −1: all is well. */
  private giver(): number {
    let [giver, most] = [-1, 0];
    this.seats.forEach((seat, index) => {
      if (seat.count - seat.most > most) [giver, most] = [index, seat.count - seat.most];
    });
    if (giver >= 0 || !this.seats.some((seat) => seat.count < seat.least)) return giver;
    this.seats.forEach((seat, index) => {
      if (seat.count - seat.share > most) [giver, most] = [index, seat.count - seat.share];
    });
    return giver;
  }

  /** Those with too little first, so that no shard has to move twice. */
  private receivers(giver: number): number[] {
    const below = (limit: (seat: Seat) => number): number[] =>
      this.seats.flatMap((seat, index) => (index !== giver && seat.count < limit(seat) ? [index] : []));
    const poor = below((seat) => seat.least);
    return poor.length > 0 ? poor : below((seat) => seat.quota);
  }

  private best(shard: number, receivers: readonly number[]): number {
    let [best, high] = [-1, -1];
    for (const index of receivers) {
      const score = this.score(shard, index);
      if (score > high) [best, high] = [index, score];
    }
    if (best < 0) throw new Error('no member has room for a shard');
    return best;
  }

  /** Kept once computed: each shard of a giver is looked at again for every move. */
  private score(shard: number, index: number): number {
    this.scores ??= new Float64Array(this.seats.length * RING_SHARDS);
    const at = index * RING_SHARDS + shard;
    const known = this.scores[at] ?? 0;
    if (known > 0) return known;
    const seat = this.seat(index);
    const uniform = (mix(seat.hash ^ Math.imul(shard + 1, 0x9e3779b1)) + 0.5) / 2 ** 32;
    const score = seat.weight / -Math.log(uniform);
    this.scores[at] = score;
    return score;
  }

  private give(shard: number, to: number): void {
    const from = this.owners[shard] ?? -1;
    if (from >= 0) this.seat(from).count--;
    this.seat(to).count++;
    this.owners[shard] = to;
    this.changed++;
  }

  private seat(index: number): Seat {
    const seat = this.seats[index];
    if (seat === undefined) throw new Error(`no member ${index}`);
    return seat;
  }
}

/** By name, not by id: a node that starts again gets again what it had. FNV-1a. */
function hashOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** MurmurHash3's finalizer: each bit of the input flips half of the output's. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
