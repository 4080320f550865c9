// Token buckets per user, per pair (user in a chat) and per source, in messages and bytes. Pure state; `now` is handed in.
// Bounded: a bucket that is gone is a full one, so buckets that have filled up again are forgotten, and beyond a number the least
// recently used.

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}
export interface RateConfig {
  readonly userMessages: Rate;
  readonly userBytes: Rate;
  readonly pairMessages: Rate;
  readonly sourceMessages: Rate;
}
export const DEFAULT_RATES: RateConfig = {
  userMessages: { perSecond: 50, burst: 200 },
  userBytes: { perSecond: 1_000_000, burst: 4_000_000 },
  pairMessages: { perSecond: 30, burst: 120 },
  sourceMessages: { perSecond: 500, burst: 2_000 },
};
export const BUCKETS_MAX = 200_000;
export const REACH_COST = 0.1;
export const SIGN_IN_COST = 4;

export interface Bucket {
  tokens: number;
  atMs: number;
}

/** One scope: buckets of one rate by key. */
export class Buckets {
  private readonly rate: Rate;
  private readonly max: number;
  private young = new Map<string, Bucket>();
  private old = new Map<string, Bucket>();
  /** When the generations last changed. */
  private turnedMs = 0;
  /** The least that a bucket has held so far, and how long it takes to fill up from there. */
  private lowest = 0;
  private fillMs: number;

  constructor(rate: Rate, max = BUCKETS_MAX) {
    this.rate = rate;
    this.max = max;
    this.fillMs = (rate.burst / rate.perSecond) * 1_000;
  }

  /** Milliseconds to wait until `cost` could be paid; 0 when it can be paid now. Pays nothing. */
  wait(key: string, cost: number, now: number): number {
    return this.waitOf(this.bucket(key, now), cost);
  }

  pay(key: string, cost: number, now: number): void {
    this.take(this.bucket(key, now), cost);
  }

  take(b: Bucket, cost: number): void {
    b.tokens -= cost;
    if (b.tokens >= this.lowest) return;
    this.lowest = b.tokens;
    this.fillMs = ((this.rate.burst - b.tokens) / this.rate.perSecond) * 1_000;
  }

  waitOf(b: Bucket, cost: number): number {
    // A cost above the burst is allowed from a full bucket, or it would never be.
    const needed = Math.min(cost, this.rate.burst);
    return b.tokens >= needed ? 0 : Math.ceil(((needed - b.tokens) / this.rate.perSecond) * 1_000);
  }

  /** As of `now`. Good until the next call: whoever asks and then pays, as every message does, looks it up once. */
  bucket(key: string, now: number): Bucket {
    if (now - this.turnedMs > this.fillMs) this.turn(now);
    let b = this.young.get(key);
    if (!b) {
      b = this.old.get(key) ?? { tokens: this.rate.burst, atMs: now };
      if (this.young.size >= this.max / 2) this.turn(now);
      this.young.set(key, b);
    }
    if (now > b.atMs) b.tokens = Math.min(this.rate.burst, b.tokens + ((now - b.atMs) * this.rate.perSecond) / 1_000);
    b.atMs = now;
    return b;
  }

  /** Buckets kept; one that was used in both generations counts twice. */
  get size(): number {
    return this.young.size + this.old.size;
  }

  /** Two generations: what was not used during a whole one is forgotten, after `fillMs` because it is full. */
  private turn(now: number): void {
    this.old = this.young;
    this.young = new Map();
    this.turnedMs = now;
  }
}

export class RateLimiter {
  private readonly user: Buckets;
  private readonly bytes: Buckets;
  private readonly pair: Buckets;
  private readonly source: Buckets;

  constructor(config: RateConfig) {
    this.user = new Buckets(config.userMessages);
    this.bytes = new Buckets(config.userBytes);
    this.pair = new Buckets(config.pairMessages);
    this.source = new Buckets(config.sourceMessages);
  }

  /** A message of `bytes` from a user into a chat: 0 and paid, or the milliseconds to wait, and nothing paid. */
  message(user: string, chat: string, source: string, bytes: number, now: number): number {
    const ofUser = this.user.bucket(user, now);
    const ofBytes = this.bytes.bucket(user, now);
    const ofPair = this.pair.bucket(`${user} ${chat}`, now);
    const ofSource = this.source.bucket(source, now);
    const wait = Math.max(
      this.user.waitOf(ofUser, 1),
      this.bytes.waitOf(ofBytes, bytes),
      this.pair.waitOf(ofPair, 1),
      this.source.waitOf(ofSource, 1),
    );
    if (wait > 0) return wait;
    this.user.take(ofUser, 1);
    this.bytes.take(ofBytes, bytes);
    this.pair.take(ofPair, 1);
    this.source.take(ofSource, 1);
    return 0;
  }

  /**
   * A request: a tenth of a message of the user and the source, for each user that it wakes (`reach`, at least 1): one frame may name
   * 256 of them, and each costs a session and its rows.
   */
  frame(user: string, source: string, now: number, reach = 1): number {
    return this.other(user, source, REACH_COST * Math.max(1, reach), now);
  }

  /**
   * What is said without being asked for an answer (read cursors, watches): as much as requests, from a purse of its own, so that a
   * user at the limit of messages can still say what was read.
   */
  note(user: string, source: string, now: number, reach = 1): number {
    return this.other(`note ${user}`, source, REACH_COST * Math.max(1, reach), now);
  }

  /** A sign-in wakes a session and perhaps all its chats: as dear as some messages, from a purse of its own. */
  signIn(user: string, now: number): number {
    const key = `sign-in ${user}`;
    const wait = this.user.wait(key, SIGN_IN_COST, now);
    if (wait === 0) this.user.pay(key, SIGN_IN_COST, now);
    return wait;
  }

  private other(key: string, source: string, cost: number, now: number): number {
    const wait = Math.max(this.user.wait(key, cost, now), this.source.wait(source, cost, now));
    if (wait > 0) return wait;
    this.user.pay(key, cost, now);
    this.source.pay(source, cost, now);
    return 0;
  }
}
