// The rings of a run, read beside the nodes from NATS itself: what moved from epoch to epoch, and how much of it had to. Test code.
import { type Coordination, decodeRing, ownerOf, RING_SHARDS, type Ring } from '../../cluster/index.ts';
import { connectNatsCoordination } from '../../cluster/nats/index.ts';
import { createRealEnv } from '../../runtime/index.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const POLL_MS = 500;

export class Rings {
  private readonly coordination: Coordination;

  private constructor(coordination: Coordination) {
    this.coordination = coordination;
  }

  static async open(servers: readonly string[], cluster: string): Promise<Rings> {
    const env = createRealEnv(SILENT);
    return new Rings(await connectNatsCoordination({ servers, name: 'chaos', cluster, env }));
  }

  /** From that epoch on, oldest first. */
  async since(epoch: number): Promise<Ring[]> {
    const keys = await this.coordination.keys('ring.');
    const wanted = keys.filter((key) => Number(key.slice('ring.'.length)) >= epoch);
    const found = await Promise.all(wanted.map((key) => this.coordination.get(key)));
    const rings = found.flatMap((entry) => (entry === null ? [] : [decodeRing(entry.bytes)]));
    return rings.sort((a, b) => a.epoch - b.epoch);
  }

  async newest(): Promise<Ring | null> {
    return (await this.since(0)).at(-1) ?? null;
  }

  /** The first ring that is as wanted and has had no successor for so long; throws after the limit. */
  async quiet(what: string, holds: (ring: Ring) => boolean, quietMs: number, limitMs: number): Promise<Ring> {
    const end = performance.now() + limitMs;
    let last: { readonly ring: Ring; readonly since: number } | null = null;
    while (performance.now() < end) {
      const ring = await this.newest().catch(() => null);
      const now = performance.now();
      if (ring !== null && ring.epoch !== last?.ring.epoch) last = { ring, since: now };
      if (last !== null && holds(last.ring) && now - last.since >= quietMs) return last.ring;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`never came: ${what}; the newest ring is ${last === null ? 'none' : describe(last.ring)}`);
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
    if (before === undefined) continue;
    for (let shard = 0; shard < RING_SHARDS; shard++) if (ownerOf(before, shard) !== ownerOf(ring, shard)) moved++;
  }
  return moved;
}

/** The fewest moves that lead from the shares of one ring to those of another: what each gained. */
export function fewestMoves(from: Ring, to: Ring): number {
  const before = sharesOf(from);
  let gained = 0;
  for (const [id, count] of sharesOf(to)) gained += Math.max(0, count - (before.get(id) ?? 0));
  return gained;
}

export function sharesOf(ring: Ring): Map<string, number> {
  const shares = new Map<string, number>(ring.members.map(({ id }) => [id, 0]));
  for (let shard = 0; shard < RING_SHARDS; shard++) {
    const owner = ownerOf(ring, shard);
    if (owner !== null) shares.set(owner, (shares.get(owner) ?? 0) + 1);
  }
  return shares;
}

export function describe(ring: Ring): string {
  const shares = [...sharesOf(ring)].map(([id, count]) => `${id.split('#')[0]} ${count}`);
  return `epoch ${ring.epoch}: ${shares.join(', ')}`;
}
