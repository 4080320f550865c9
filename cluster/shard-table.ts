// Who works which shard here and now, pure: the ring says who should, this says who may. A shard is opened only when every node that may
// have owned it before has released it or is surely dead. Handed `now`; shards.ts is the shell that takes fences and moves cells.
// elsewhere → waiting → taking → open → sealing → elsewhere; a shard that moves on before it was opened is passing.
import type { NodeId } from './node-id.ts';
import { ownerOf, type Ring } from './ring.ts';

export type Phase = 'elsewhere' | 'waiting' | 'taking' | 'open' | 'sealing' | 'passing';

/** What a shard that is not open yet waits for. */
interface Claim {
  /** Those who may still own it. */
  readonly before: Set<NodeId>;
  /** Of the ring that made it ours. Who released it as of an older one may have got it back since. */
  readonly epoch: number;
  readonly sinceMs: number;
  /** Not to be taken before then, whoever is through with it. */
  notBeforeMs: number;
}

interface Slot {
  phase: Phase;
  fence: number;
  claim: Claim | null;
  /** Counts the times that this node began to own it: an answer for an earlier one is no news. */
  turn: number;
}

/** What a new ring asks for. */
export interface RingChange {
  /** Open here, another's now. */
  readonly seal: readonly number[];
  /** Ours now. */
  readonly claim: readonly number[];
  /** Was to be ours, and is another's before it was opened. */
  readonly pass: readonly number[];
}

/** Of a released shard: who said so, and as of which epoch. */
interface Release {
  readonly by: NodeId;
  readonly epoch: number;
}

export class ShardTable {
  ring: Ring | null = null;
  private readonly slots: Slot[];
  /** By phase; asked many times a second. */
  private readonly counts: Record<Phase, number> = {
    elsewhere: 0,
    waiting: 0,
    taking: 0,
    open: 0,
    sealing: 0,
    passing: 0,
  };
  /** Said before we saw the ring that makes it ours; one a shard. */
  private readonly early = new Map<number, Release>();

  constructor(count: number) {
    this.slots = Array.from({ length: count }, () => ({ phase: 'elsewhere', fence: 0, claim: null, turn: 0 }));
    this.counts.elsewhere = count;
  }

  phase(shard: number): Phase {
    return this.slot(shard).phase;
  }

  fence(shard: number): number {
    return this.slot(shard).fence;
  }

  turn(shard: number): number {
    return this.slot(shard).turn;
  }

  count(phase: Phase): number {
    return this.counts[phase];
  }

  get isEmpty(): boolean {
    return this.counts.elsewhere === this.slots.length;
  }

  /** For how long a shard has been waited for; 0 when it is not. */
  waitedMs(shard: number, now: number): number {
    const claim = this.slot(shard).claim;
    return claim === null ? 0 : now - claim.sinceMs;
  }

  /** A ring of a higher epoch than the last. `self` is who we are in it. */
  apply(ring: Ring, self: NodeId, now: number): RingChange {
    if (this.ring !== null && ring.epoch <= this.ring.epoch) throw new Error(`epoch ${ring.epoch} is no news`);
    const before = this.ring;
    this.ring = ring;
    const owners = new Map(ring.moves.map(({ shard, from, earlier }) => [shard, [from, ...earlier]]));
    const change = { seal: [] as number[], claim: [] as number[], pass: [] as number[] };
    for (let shard = 0; shard < this.slots.length; shard++) {
      const slot = this.slot(shard);
      const ours = ownerOf(ring, shard) === self;
      if (slot.phase === 'open' && !ours) {
        this.enter(slot, 'sealing');
        change.seal.push(shard);
      } else if (slot.phase === 'elsewhere' && ours) {
        const last = before === null ? null : ownerOf(before, shard);
        this.claim(shard, slot, [...(owners.get(shard) ?? []), last], self, now);
        change.claim.push(shard);
      } else if ((slot.phase === 'waiting' || slot.phase === 'taking') && !ours) {
        this.enter(slot, 'passing');
        change.pass.push(shard);
      } else if (slot.phase === 'passing' && ours) {
        this.enter(slot, 'waiting');
        for (const owner of owners.get(shard) ?? []) this.mayOwn(shard, owner, self);
      }
    }
    return change;
  }

  private claim(shard: number, slot: Slot, owners: readonly (NodeId | null)[], self: NodeId, now: number): void {
    const before = new Set<NodeId>();
    for (const owner of owners) if (owner !== null && owner !== self) before.add(owner);
    const release = this.early.get(shard);
    this.early.delete(shard);
    const epoch = this.ring?.epoch ?? 0;
    if (release !== undefined && release.epoch >= epoch) before.delete(release.by);
    this.enter(slot, 'waiting');
    slot.claim = { before, epoch, sinceMs: now, notBeforeMs: 0 };
    slot.turn++;
  }

  /** Another who may own it, as a ring or the database says. */
  mayOwn(shard: number, node: NodeId | null, self: NodeId): void {
    const { claim } = this.slot(shard);
    if (node !== null && node !== self) claim?.before.add(node);
  }

  /** That node holds nothing of the shard any more, as of that epoch. Said of an older epoch than the claim's it is no news: ask again. */
  released(shard: number, by: NodeId, epoch: number): void {
    const { claim } = this.slot(shard);
    if (claim === null) this.early.set(shard, { by, epoch });
    else if (epoch >= claim.epoch) claim.before.delete(by);
  }

  /** Those that we wait for, and for which shards. */
  asked(): Map<NodeId, number[]> {
    const asked = new Map<NodeId, number[]>();
    for (let shard = 0; shard < this.slots.length; shard++) {
      const { phase, claim } = this.slot(shard);
      if (phase === 'passing') continue;
      for (const node of claim?.before ?? []) {
        const shards = asked.get(node);
        if (shards === undefined) asked.set(node, [shard]);
        else shards.push(shard);
      }
    }
    return asked;
  }

  /** Nobody is waited for who is surely dead. */
  forget(isDead: (node: NodeId) => boolean): void {
    const dead = new Map<NodeId, boolean>();
    for (const slot of this.slots) {
      for (const node of slot.claim?.before ?? []) {
        let gone = dead.get(node);
        if (gone === undefined) {
          gone = isDead(node);
          dead.set(node, gone);
        }
        if (gone) slot.claim?.before.delete(node);
      }
    }
  }

  /**
   * Shards that may be taken now, and those that can be passed on. The latter wait for nobody: whoever is next is told by its ring to wait
   * for all of them too, and two that passed a shard on would wait for each other.
   */
  ready(now: number): { readonly take: number[]; readonly pass: number[] } {
    const take: number[] = [];
    const pass: number[] = [];
    for (let shard = 0; shard < this.slots.length; shard++) {
      const { phase, claim } = this.slot(shard);
      if (claim === null || claim.notBeforeMs > now) continue;
      if (phase === 'waiting' && claim.before.size === 0) take.push(shard);
      else if (phase === 'passing') pass.push(shard);
    }
    return { take, pass };
  }

  taking(shard: number): void {
    this.enter(this.expect(shard, 'waiting'), 'taking');
  }

  /** It could not be taken now: again later. */
  notTaken(shard: number): void {
    const slot = this.slot(shard);
    if (slot.phase === 'taking') this.enter(slot, 'waiting');
  }

  /** Neither taken nor passed on before then. */
  notBefore(shard: number, notBeforeMs: number): void {
    const { claim } = this.slot(shard);
    if (claim !== null) claim.notBeforeMs = Math.max(claim.notBeforeMs, notBeforeMs);
  }

  opened(shard: number, fence: number): void {
    const slot = this.expect(shard, 'taking');
    this.enter(slot, 'open');
    slot.fence = fence;
    slot.claim = null;
  }

  /** Sealed, passed on, or dropped: nothing of it is here any more. */
  left(shard: number, self: NodeId, now: number): void {
    const slot = this.slot(shard);
    this.enter(slot, 'elsewhere');
    slot.fence = 0;
    slot.claim = null;
    // It came back to us while it was being sealed.
    if (this.ring !== null && ownerOf(this.ring, shard) === self) this.claim(shard, slot, [], self, now);
  }

  /** The lease is lost: nothing is ours, whatever the ring says. The next ring names us anew, or does not. */
  dropAll(): number[] {
    const dropped: number[] = [];
    for (let shard = 0; shard < this.slots.length; shard++) {
      const slot = this.slot(shard);
      if (slot.phase === 'elsewhere') continue;
      dropped.push(shard);
      this.enter(slot, 'elsewhere');
      slot.fence = 0;
      slot.claim = null;
      slot.turn++;
    }
    this.early.clear();
    return dropped;
  }

  private enter(slot: Slot, phase: Phase): void {
    this.counts[slot.phase]--;
    this.counts[phase]++;
    slot.phase = phase;
  }

  private slot(shard: number): Slot {
    const slot = this.slots[shard];
    if (slot === undefined) throw new RangeError(`there is no shard ${shard}`);
    return slot;
  }

  private expect(shard: number, phase: Phase): Slot {
    const slot = this.slot(shard);
    if (slot.phase !== phase) throw new Error(`shard ${shard} is ${slot.phase}, not ${phase}`);
    return slot;
  }
}
