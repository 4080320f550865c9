// What members promise each other, looked at from outside: whoever holds a lease sent a renewal less than a lease ago that was acknowledged
// since, and knows the next ring if it was made before; and an epoch is one ring. All who wait for a lease to run out rely on it.
import type { Coordination } from '../coordination.ts';
import { LIVE_PREFIX, liveKey } from '../live.ts';
import { type Member, RING_PREFIX } from '../member.ts';
import { LEASE_MS } from '../membership-limits.ts';
import type { MemoryCoordination } from '../memory/coordination.ts';
import type { Ring } from '../ring.ts';
import type { NodeEnv, VirtualClock } from './virtual-clock.ts';

/** By the clock of the world, for a node whose own is slow. */
const LEASE_MS_MOST = LEASE_MS * 1.03;

export class MemberRules {
  /** By key: when the last renewal that was acknowledged was sent, by the clock of its node. */
  private readonly sentAt = new Map<string, number>();
  /** By epoch, by the clock of the world. */
  private readonly madeAt = new Map<number, number>();
  private readonly rings = new Map<number, string>();
  private readonly looked = new WeakSet<Ring>();
  private wasWiped = false;
  private readonly clock: VirtualClock;

  constructor(clock: VirtualClock, store: MemoryCoordination) {
    this.clock = clock;
    const hint = (key: string): void => void this.madeAt.set(Number(key.slice(RING_PREFIX.length)), clock.nowMs);
    store.listen({ prefix: RING_PREFIX, hint });
  }

  /** Nobody finds a ring that the store has forgotten, and another may be made of that epoch. */
  wiped(): void {
    this.madeAt.clear();
    this.wasWiped = true;
  }

  watched(env: NodeEnv, inner: Coordination): Coordination {
    const put = async (key: string, bytes: Uint8Array): Promise<void> => {
      const sentAt = env.now();
      await inner.put(key, bytes);
      if (key.startsWith(LIVE_PREFIX)) this.sentAt.set(key, Math.max(sentAt, this.sentAt.get(key) ?? 0));
    };
    return {
      create: (key, bytes) => inner.create(key, bytes),
      get: (key) => inner.get(key),
      put,
      keys: (prefix) => inner.keys(prefix),
      watch: (prefix, onChange) => inner.watch(prefix, onChange),
      close: () => inner.close(),
    };
  }

  /** What does not hold of that node. */
  fault({ env, member }: { readonly env: NodeEnv; readonly member: Member }): string | null {
    const other = this.otherRing(member);
    if (other !== null) return other;
    const now = env.now();
    if (!member.holdsLease(now)) return null;
    const sinceMs = now - (this.sentAt.get(liveKey(member.self)) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs > LEASE_MS) return `${member.self} holds a lease ${Math.round(sinceMs)} ms after its last renewal`;
    const epoch = member.ring?.epoch ?? 0;
    const ringMs = this.clock.nowMs - (this.madeAt.get(epoch + 1) ?? Number.POSITIVE_INFINITY);
    if (ringMs <= LEASE_MS_MOST) return null;
    return `${member.self} holds a lease, and does not know ring ${epoch + 1}, made ${Math.round(ringMs)} ms ago`;
  }

  private otherRing({ self, ring }: Member): string | null {
    if (ring === null || this.wasWiped || this.looked.has(ring)) return null;
    this.looked.add(ring);
    const text = JSON.stringify(ring);
    const known = this.rings.get(ring.epoch) ?? text;
    this.rings.set(ring.epoch, known);
    return known === text ? null : `${self} knows another ring ${ring.epoch} than others`;
  }
}
