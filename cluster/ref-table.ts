// Which object stands for which address. An actor of another node is one ForeignRef here for as long as anybody holds it, since refs are
// compared by identity; an address that comes home is the actor's own again; who asks from outside of actors gets a number for a while.
import { type Env, ForeignRef, type Kernel, OutsideRef, type Ref } from '../runtime/index.ts';
import type { NodeId } from './node-id.ts';

/** An address on the wire: node, kind, key, and which incarnation of that name (0: not a cell). */
export type WireRef = readonly [node: string, kind: string, key: string, life: number];

const OUTSIDE = 'outside';
/** Replies to the outside are waited for so long, and for so many; then the oldest is forgotten, and its reply is a dead letter. */
const OUTSIDE_MS = 60_000;
const OUTSIDE_MAX = 16_384;
const FORMER_MAX = 16;
/** Foreign refs that were asked for last are held: two generations of so many. */
export const RECENT_MAX = 8_192;

interface Waiting {
  readonly ref: OutsideRef;
  readonly until: number;
}

export class RefTable {
  private readonly env: Env;
  private readonly self: () => NodeId;
  /** Incarnations that this process was before: their actors that still live are ours. */
  private readonly former = new Set<string>();
  private readonly kernel: () => Kernel;
  private readonly interned = new Map<string, WeakRef<ForeignRef>>();
  private readonly collected: FinalizationRegistry<string>;
  /** Of each node by key. A weak ref costs more than the rest of a mail's address, the more so when it is made anew for each. */
  private recent = new Map<string, Map<string, ForeignRef>>();
  private older = new Map<string, Map<string, ForeignRef>>();
  private recents = 0;
  private readonly waiting = new Map<number, Waiting>();
  private readonly numbers = new WeakMap<OutsideRef, number>();
  private lastNumber = 0;

  constructor(env: Env, self: () => NodeId, kernel: () => Kernel) {
    this.env = env;
    this.self = self;
    this.kernel = kernel;
    this.collected = new FinalizationRegistry((name) => {
      if (this.interned.get(name)?.deref() === undefined) this.interned.delete(name);
    });
  }

  /** Foreign refs that are alive, more or less: the collector is late. */
  get size(): number {
    return this.interned.size;
  }

  wireOf(ref: Ref): WireRef {
    if (ref instanceof ForeignRef) return [ref.node, ref.kind, ref.key, ref.life];
    const [kind, key, life] = this.nameOf(ref);
    return [this.self(), kind, key, life];
  }

  /** Of one that is not of another node. */
  nameOf(ref: Ref): readonly [kind: string, key: string, life: number] {
    const life = ref instanceof OutsideRef ? this.numberOf(ref) : this.kernel().foreign.lifeOf(ref);
    return [ref.kind, ref.key, life];
  }

  refOf(fields: WireRef): Ref {
    if (!Array.isArray(fields) || fields.length < 4) throw new Error('not an address');
    const [node, kind, key, life] = fields as WireRef;
    return this.ref(node, kind, key, life);
  }

  /** One of this node whose actor is gone is a bare name, which nobody takes mail for (`noproc`). */
  ref(node: string, kind: string, key: string, life: number): Ref {
    return node === this.self() || this.former.has(node)
      ? this.local(kind, key, life)
      : this.foreign(node, kind, key, life);
  }

  wasSelf(node: NodeId): void {
    this.former.add(node);
    for (const oldest of this.former) if (this.former.size > FORMER_MAX) this.former.delete(oldest);
  }

  local(kind: string, key: string, life: number): Ref {
    const found = kind === OUTSIDE ? this.waiting.get(life)?.ref : this.kernel().foreign.find(kind, key, life);
    return found ?? { kind, key };
  }

  foreign(node: string, kind: string, key: string, life: number): ForeignRef {
    const known = this.recent.get(node)?.get(key);
    if (known !== undefined && known.kind === kind && known.life === life) return known;
    const before = this.older.get(node)?.get(key);
    const isBefore = before !== undefined && before.kind === kind && before.life === life;
    const ref = isBefore ? before : this.intern(node, kind, key, life);
    this.keep(ref);
    return ref;
  }

  private keep(ref: ForeignRef): void {
    if (this.recents >= RECENT_MAX) {
      this.older = this.recent;
      this.recent = new Map();
      this.recents = 0;
    }
    let ofNode = this.recent.get(ref.node);
    if (ofNode === undefined) {
      ofNode = new Map();
      this.recent.set(ref.node, ofNode);
    }
    ofNode.set(ref.key, ref);
    this.recents++;
  }

  private intern(node: string, kind: string, key: string, life: number): ForeignRef {
    const name = `${node}\n${life}\n${kind}\n${key}`;
    const known = this.interned.get(name)?.deref();
    if (known !== undefined) return known;
    const ref = new ForeignRef(node, kind, key, life);
    this.interned.set(name, new WeakRef(ref));
    this.collected.register(ref, name);
    return ref;
  }

  private numberOf(ref: OutsideRef): number {
    const known = this.numbers.get(ref);
    if (known !== undefined && this.waiting.has(known)) return known;
    const now = this.env.now();
    for (const [number, { until }] of this.waiting) {
      if (until > now && this.waiting.size < OUTSIDE_MAX) break;
      this.waiting.delete(number);
    }
    const number = ++this.lastNumber;
    this.numbers.set(ref, number);
    this.waiting.set(number, { ref, until: now + OUTSIDE_MS });
    return number;
  }
}
