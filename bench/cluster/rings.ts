// The rings of a cluster, read beside its nodes from NATS: what moved from epoch to epoch, and how much of it had to.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Coordination, decodeRing, ownerOf, RING_SHARDS, type Ring } from '../../cluster/index.ts';
import { connectNatsCoordination } from '../../cluster/nats/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';

const POLL_MS = 250;
const PREFIX = 'ring.';

export class Rings {
  private readonly coordination: Coordination;

  private constructor(coordination: Coordination) {
    this.coordination = coordination;
  }

  static async open(servers: readonly string[], cluster: string): Promise<Rings> {
    return new Rings(
      await connectNatsCoordination({ servers: [...servers], name: 'bench', cluster, env: createRealEnv(silentLog) }),
    );
  }

  /** From that epoch on, oldest first. */
  async since(epoch: number): Promise<Ring[]> {
    const keys = await this.coordination.keys(PREFIX);
    const wanted = keys.filter((key) => Number(key.slice(PREFIX.length)) >= epoch);
    const found = await Promise.all(wanted.map((key) => this.coordination.get(key)));
    const rings = found.flatMap((entry) => (entry === null ? [] : [decodeRing(entry.bytes)]));
    return rings.sort((a, b) => a.epoch - b.epoch);
  }

  /** The first ring of so many members, none of which drains, that has had no successor for so long; throws after the limit. */
  async quiet(members: number, quietMs: number, limitMs: number): Promise<Ring> {
    const end = performance.now() + limitMs;
    let since = performance.now();
    let epoch = 0;
    while (performance.now() < end) {
      const ring = (await this.since(epoch)).at(-1);
      if (ring !== undefined && ring.epoch !== epoch) {
        epoch = ring.epoch;
        since = performance.now();
      }
      const isIt = ring?.members.length === members && ring.members.every(({ draining }) => !draining);
      if (ring !== undefined && isIt && performance.now() - since >= quietMs) return ring;
      await sleep(POLL_MS);
    }
    throw new Error(`no ring of ${members} nodes came to rest`);
  }

  async close(): Promise<void> {
    await this.coordination.close();
  }
}

/** Shards whose owner changed from ring to ring, one after the other. */
export function movedIn(rings: readonly Ring[]): number {
  let moved = 0;
  for (const [i, ring] of rings.entries()) {
    const before = rings[i - 1];
    if (before !== undefined) moved += movedBetween(before, ring).size;
  }
  return moved;
}

export function movedBetween(before: Ring, after: Ring): Set<number> {
  const shards = Array.from({ length: RING_SHARDS }, (_, shard) => shard);
  return new Set(shards.filter((shard) => ownerOf(before, shard) !== ownerOf(after, shard)));
}

/** The fewest moves that lead from the shares of one ring to those of another: what each gained. */
export function fewestMoves(from: Ring, to: Ring): number {
  const before = sharesOf(from);
  let gained = 0;
  for (const [id, count] of sharesOf(to)) gained += Math.max(0, count - (before.get(id) ?? 0));
  return gained;
}

function sharesOf(ring: Ring): Map<string, number> {
  const shares = new Map<string, number>(ring.members.map(({ id }) => [id, 0]));
  for (let shard = 0; shard < RING_SHARDS; shard++) {
    const owner = ownerOf(ring, shard);
    if (owner !== null) shares.set(owner, (shares.get(owner) ?? 0) + 1);
  }
  return shares;
}
