// The shell of membership: timers from Env, calls of the coordination store and hints into the machine, its effects out. Decides nothing.
// Started by app/, which owns the coordination store. Every call that fails is as good as none: the machine asks again.
import type { Env, EnvTimer } from '../runtime/index.ts';
import { type Coordination, CoordinationError } from './coordination.ts';
import { decodeLive, encodeLive, idOfLiveKey, LIVE_PREFIX, type LiveRecord, liveKey } from './live.ts';
import type {
  Membership,
  MembershipConfig,
  MembershipEffect,
  MembershipEvents,
  MembershipInput,
} from './membership.ts';
import { TICK_MS } from './membership-limits.ts';
import { MembershipState } from './membership-state.ts';
import { INCARNATION_LENGTH, type NodeId } from './node-id.ts';
import { decodeRing, encodeRing, type Ring } from './ring.ts';

export interface MemberOptions extends Omit<MembershipConfig, 'incarnation'> {
  readonly env: Env;
  readonly coordination: Coordination;
  readonly events: MembershipEvents;
  /** The highest epoch that the database knows of; 0: none. Asked when the store has no ring. May reject: it is asked again. */
  storedEpoch(): Promise<number>;
}

export const RING_PREFIX = 'ring.';
export const ringKey = (epoch: number): string => `${RING_PREFIX}${epoch}`;
const GONE_TRIES = 3;

/** Starts to join at once; `ready` tells when it is in. */
export const startMember = (options: MemberOptions): Member => new Member(options);

export class Member implements Membership {
  /** Resolves when a ring holds us for the first time; rejects when this node must not run, or was closed before. */
  readonly ready: Promise<void>;
  private readonly env: Env;
  private readonly options: MemberOptions;
  private readonly state: MembershipState;
  private readonly queue: MembershipEffect[] = [];
  private readonly unwatch: (() => void)[] = [];
  private readonly drains: ((ok: boolean) => void)[] = [];
  private readonly puts = new Set<Promise<void>>();
  private isRunning = false;
  private isClosed = false;
  private looking = false;
  private ticking: EnvTimer = null;
  private isReady: () => void = () => {};
  private isRefused: (error: Error) => void = () => {};

  constructor(options: MemberOptions) {
    const { env, coordination } = options;
    this.env = env;
    this.options = options;
    this.state = new MembershipState({ ...options, incarnation: () => env.id().slice(0, INCARNATION_LENGTH) });
    this.ready = new Promise((resolve, reject) => {
      this.isReady = resolve;
      this.isRefused = reject;
    });
    // Who does not wait for it hears by onFatal.
    this.ready.catch(() => {});
    this.unwatch.push(
      coordination.watch(LIVE_PREFIX, (key, bytes) => this.hintedLive(key, bytes)),
      coordination.watch(RING_PREFIX, (_, bytes) => this.hintedRing(bytes)),
    );
    // Not within the constructor: events may come before the caller has us.
    this.ticking = env.setTimer(() => this.tick(), 0);
  }

  get self(): NodeId {
    return this.state.self;
  }

  get ring(): Ring | null {
    return this.state.ring;
  }

  private get epoch(): number {
    return this.state.ring?.epoch ?? 0;
  }

  holdsLease(now: number): boolean {
    return this.state.holdsLease(now);
  }

  get isLost(): boolean {
    return this.state.phase === 'lost';
  }

  alive(): readonly NodeId[] {
    return this.state.alive(this.env.now());
  }

  record(node: NodeId): LiveRecord | null {
    return this.state.peers.get(node)?.record ?? null;
  }

  surelyDead(node: NodeId, now: number): boolean {
    return this.state.surelyDead(node, now);
  }

  look(epoch: number): void {
    if (this.looking || epoch <= (this.ring?.epoch ?? 0)) return;
    this.looking = true;
    void this.tried(() => this.fetch(epoch)).then(() => {
      this.looking = false;
    });
  }

  done(epoch: number): void {
    this.feed({ t: 'done', epoch });
  }

  setWeight(weight: number): void {
    this.feed({ t: 'weight', weight });
  }

  drain(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.env.setTimer(() => resolve(false), limitMs);
      this.drains.push((ok) => {
        this.env.clearTimer(timer);
        resolve(ok);
      });
      this.feed({ t: 'drain' });
    });
  }

  async gone(): Promise<void> {
    const { self } = this;
    const record = this.state.end();
    this.stop();
    // A put that is under way must not land after the last one, and hide it.
    await Promise.allSettled(this.puts);
    for (let tries = 0; tries < GONE_TRIES; tries++) {
      const said = await this.tried(() => this.options.coordination.put(liveKey(self), encodeLive(record)));
      if (said !== null) return;
      await new Promise<void>((resolve) => this.env.setTimer(resolve, TICK_MS));
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.state.end();
    this.stop();
    this.isRefused(new Error('closed before it was a member'));
  }

  private stop(): void {
    this.env.clearTimer(this.ticking);
    for (const stop of this.unwatch.splice(0)) stop();
    for (const settle of this.drains.splice(0)) settle(false);
  }

  private tick(): void {
    if (this.isClosed || this.state.phase === 'ended') return;
    this.ticking = this.env.setTimer(() => this.tick(), TICK_MS);
    this.feed({ t: 'tick' });
  }

  /** One input after the other, also when an event's handler brings the next one. */
  private feed(input: MembershipInput): void {
    if (this.isClosed) return;
    this.queue.push(...this.state.step(input, this.env.now()));
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      for (let effect = this.queue.shift(); effect !== undefined; effect = this.queue.shift()) this.perform(effect);
    } finally {
      this.isRunning = false;
    }
  }

  private perform(effect: MembershipEffect): void {
    const { events } = this.options;
    switch (effect.t) {
      case 'renew':
        void this.tried(() => this.renew(effect.id, effect.record));
        break;
      case 'probe':
        void this.tried(() => this.probe(effect.id));
        break;
      case 'list':
        void this.tried(() => this.list());
        break;
      case 'find':
        void this.tried(() => this.find());
        break;
      case 'fetch':
        void this.tried(() => this.fetch(effect.epoch));
        break;
      case 'askStored':
        void this.tried(() => this.askStored());
        break;
      case 'propose':
        void this.tried(() => this.propose(effect.ring));
        break;
      case 'restore':
        void this.tried(() => this.restore(effect.ring));
        break;
      case 'onRing':
        this.log('info', { epoch: effect.ring.epoch, moves: effect.ring.moves.length }, 'a ring is in force');
        events.onRing(effect.ring, effect.before);
        if (this.state.phase === 'up') this.isReady();
        break;
      case 'onDown':
        this.log('info', { peer: effect.id }, 'a member is dead');
        events.onDown(effect.id);
        break;
      case 'onLeaseLost':
        this.log('warn', { why: effect.why }, 'the lease is lost');
        events.onLeaseLost(effect.why);
        break;
      case 'onRejoined':
        this.log('info', {}, 'joining anew');
        events.onRejoined(effect.self);
        break;
      case 'onFatal':
        this.log('error', { reason: effect.reason }, 'this node must not run');
        this.stop();
        this.isRefused(new Error(effect.reason));
        events.onFatal(effect.reason);
        break;
      case 'drained':
        for (const settle of this.drains.splice(0)) settle(effect.ok);
        break;
    }
  }

  /** The lease counts from when the put was sent, if after it no ring is found that we did not know. */
  private async renew(id: NodeId, record: LiveRecord): Promise<void> {
    const sentAt = this.env.now();
    const put = this.options.coordination.put(liveKey(id), encodeLive(record));
    this.puts.add(put);
    try {
      await put;
    } finally {
      this.puts.delete(put);
    }
    for (let epoch = this.epoch + 1; await this.fetch(epoch); epoch = Math.max(epoch, this.epoch) + 1);
    this.feed({ t: 'renewed', id, sentAt });
  }

  private async probe(id: NodeId): Promise<void> {
    const sentAt = this.env.now();
    const entry = await this.options.coordination.get(liveKey(id));
    this.feed({ t: 'read', id, record: entry === null ? null : decodeLive(entry.bytes), sentAt });
  }

  private async list(): Promise<void> {
    const keys = await this.options.coordination.keys(LIVE_PREFIX);
    this.feed({ t: 'listed', ids: keys.map(idOfLiveKey).filter((id) => id !== null) });
  }

  private async find(): Promise<void> {
    const keys = await this.options.coordination.keys(RING_PREFIX);
    const epochs = keys.map((key) => Number(key.slice(RING_PREFIX.length))).filter(Number.isSafeInteger);
    const newest = Math.max(0, ...epochs);
    if (newest > this.epoch) await this.fetch(newest);
    this.feed({ t: 'found' });
  }

  /** True: it is there. */
  private async fetch(epoch: number): Promise<boolean> {
    const sentAt = this.env.now();
    const entry = await this.options.coordination.get(ringKey(epoch));
    if (entry === null) {
      this.feed({ t: 'noRing', epoch, sentAt });
      return false;
    }
    const ring = decodeRing(entry.bytes);
    if (ring.epoch !== epoch) throw new Error(`ring ${ring.epoch} lies under the key of ${epoch}`);
    this.feed({ t: 'ring', ring });
    return true;
  }

  private async askStored(): Promise<void> {
    let epoch: number;
    try {
      epoch = await this.options.storedEpoch();
    } catch (error) {
      // A database that does not answer is no fault of ours; it is asked again.
      return this.log('warn', { error: String(error) }, 'the database did not tell the newest epoch');
    }
    this.feed({ t: 'stored', epoch });
  }

  private async propose(ring: Ring): Promise<void> {
    let outcome: 'won' | 'lost' | 'failed' = 'failed';
    try {
      outcome = await this.options.coordination.create(ringKey(ring.epoch), encodeRing(ring, this.self));
    } finally {
      if (outcome === 'won') this.feed({ t: 'ring', ring });
      this.feed({ t: 'proposed', epoch: ring.epoch, outcome });
    }
  }

  private async restore(ring: Ring): Promise<void> {
    const key = ringKey(ring.epoch);
    if ((await this.options.coordination.get(key)) !== null) return;
    await this.options.coordination.create(key, encodeRing(ring, this.self));
    this.log('warn', { epoch: ring.epoch }, 'a ring was gone from the store, and is put back');
  }

  private hintedLive(key: string, bytes: Uint8Array | null): void {
    const id = idOfLiveKey(key);
    const record = bytes === null ? null : decodeLive(bytes);
    if (id !== null && record !== null) this.feed({ t: 'hint', id, record });
  }

  private hintedRing(bytes: Uint8Array | null): void {
    if (bytes === null) return;
    void this.tried(async () => this.feed({ t: 'ring', ring: decodeRing(bytes) }));
  }

  /** Null: it failed, and was logged. The store's refusals are daily bread; anything else is worth a look. */
  private async tried<T>(run: () => Promise<T>): Promise<{ is: T } | null> {
    try {
      return { is: await run() };
    } catch (error) {
      const isExpected = error instanceof CoordinationError;
      this.log(isExpected ? 'debug' : 'error', { err: error }, 'a call for membership failed');
      return null;
    }
  }

  private log(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    this.env.log[level]({ self: this.self, ...fields }, message);
  }
}
