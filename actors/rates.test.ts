import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Buckets, DEFAULT_RATES, RateLimiter } from './rates.ts';

describe('a token bucket', () => {
  it('never lets through more than its burst and its rate', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 300 }), (waits) => {
        const b = new Buckets({ perSecond: 10, burst: 5 });
        let now = 0;
        let passed = 0;
        for (const w of waits) {
          now += w;
          if (b.wait('k', 1, now) === 0) {
            b.pay('k', 1, now);
            passed++;
          }
        }
        expect(passed).toBeLessThanOrEqual(5 + (now * 10) / 1_000 + 1e-9);
      }),
    );
  });
  it('says how long to wait, and then takes it', () => {
    const b = new Buckets({ perSecond: 2, burst: 1 });
    b.pay('k', 1, 0);
    const wait = b.wait('k', 1, 0);
    expect(wait).toBe(500);
    expect(b.wait('k', 1, wait)).toBe(0);
  });
  it('forgets who was quiet, and remembers at most so many', () => {
    const b = new Buckets({ perSecond: 0.001, burst: 1 }, 10);
    b.pay('first', 1, 0);
    for (let i = 0; i < 20; i++) b.pay(`k${i}`, 1, 1);
    expect(b.wait('first', 1, 2)).toBe(0);
    expect(b.wait('k19', 1, 2)).toBeGreaterThan(0);
  });
  it('is forgotten only when it is full', () => {
    const step = fc.record({ waitMs: fc.nat(700), key: fc.constantFrom('a', 'b', 'c'), cost: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const rate = { perSecond: 10, burst: 5 };
        const b = new Buckets(rate);
        const kept = new Map<string, { tokens: number; atMs: number }>();
        let now = 1_000;
        for (const { waitMs, key, cost } of steps) {
          now += waitMs;
          const { tokens, atMs } = kept.get(key) ?? { tokens: rate.burst, atMs: now };
          const held = Math.min(rate.burst, tokens + ((now - atMs) * rate.perSecond) / 1_000);
          expect(b.bucket(key, now).tokens).toBeCloseTo(held, 6);
          const pays = b.wait(key, cost, now) === 0;
          if (pays) b.pay(key, cost, now);
          kept.set(key, { tokens: pays ? held - cost : held, atMs: now });
        }
      }),
    );
  });
  it('is not kept by a crowd that came once', () => {
    const b = new Buckets({ perSecond: 10, burst: 5 });
    for (let i = 0; i < 1_000; i++) b.pay(`k${i}`, 1, i * 10);
    expect(b.size).toBeLessThan(150);
  });
  it('lets a cost above its burst through when it is full', () => {
    expect(new Buckets({ perSecond: 1, burst: 10 }).wait('k', 100, 0)).toBe(0);
  });
});

describe('the limiter', () => {
  it('limits a user over all chats, a pair, and a source over all users; a refusal pays nothing', () => {
    const small = { perSecond: 1, burst: 2 };
    const user = new RateLimiter({ ...DEFAULT_RATES, userMessages: small });
    expect([user.message('a', 'c1', 's', 1, 0), user.message('a', 'c2', 's', 1, 0)]).toEqual([0, 0]);
    expect(user.message('a', 'c3', 's', 1, 0)).toBe(1_000);
    expect(user.message('a', 'c3', 's', 1, 1_000)).toBe(0);
    const pair = new RateLimiter({ ...DEFAULT_RATES, pairMessages: small });
    pair.message('a', 'c', 's', 1, 0);
    pair.message('a', 'c', 's', 1, 0);
    expect(pair.message('a', 'c', 's', 1, 0)).toBeGreaterThan(0);
    expect(pair.message('a', 'other', 's', 1, 0)).toBe(0);
    const source = new RateLimiter({ ...DEFAULT_RATES, sourceMessages: small });
    source.message('a', 'c', 's', 1, 0);
    source.message('b', 'c', 's', 1, 0);
    expect(source.message('x', 'c', 's', 1, 0)).toBeGreaterThan(0);
    const bytes = new RateLimiter({ ...DEFAULT_RATES, userBytes: { perSecond: 100, burst: 1_000 } });
    expect(bytes.message('a', 'c', 's', 1_000, 0)).toBe(0);
    expect(bytes.message('a', 'c', 's', 100, 0)).toBe(1_000);
  });
  it('makes a request pay for each user that it wakes', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    let taken = 0;
    while (limiter.frame('a', 's', 0, 256) === 0) taken++;
    expect(taken).toBe(Math.floor(DEFAULT_RATES.userMessages.burst / 25.6));
    expect(limiter.frame('b', 's', 0, 256)).toBe(0);
  });
  it('lets a user at the limit of messages say what was read, at a rate of its own', () => {
    const limiter = new RateLimiter({ ...DEFAULT_RATES, userMessages: { perSecond: 1, burst: 2 } });
    while (limiter.message('a', 'c', 's', 1, 0) === 0);
    expect(limiter.frame('a', 's', 0)).toBeGreaterThan(0);
    let notes = 0;
    while (limiter.note('a', 's', 0) === 0) notes++;
    expect(notes).toBeGreaterThanOrEqual(19);
  });
});
