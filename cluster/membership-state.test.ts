import { describe, expect, test } from 'vitest';
import { decodeLive, encodeLive, idOfLiveKey, type LiveRecord, liveKey } from './live.ts';
import { LEASE_MS, MOVES_MS, QUIET_MS, SILENCE_MS, STAGGER_MS, WEIGHTLESS_MS } from './membership-limits.ts';
import { type NodeId, nodeIdOf } from './node-id.ts';
import { memberOf, ownerOf, type Ring } from './ring.ts';
import { nextRing } from './ring-plan.ts';
import { B, Bench, kinds, live, member } from './testing/membership-bench.ts';

/** In a ring with b, for as long as newcomers have to be quiet. */
function atRest(): Bench {
  const bench = new Bench();
  bench.withB();
  bench.pass(QUIET_MS, () => bench.b());
  return bench;
}

describe('the lease', () => {
  test('counts from when the renewal was sent, and only in a ring that holds us', () => {
    const bench = new Bench();
    bench.learn();
    expect(bench.state.holdsLease(bench.now)).toBe(false);
    bench.withB();
    const sentAt = bench.now;
    bench.step({ t: 'renewed', id: bench.state.self, sentAt }, 900);
    expect(bench.state.holdsLease(sentAt + LEASE_MS - 1)).toBe(true);
    expect(bench.state.holdsLease(sentAt + LEASE_MS)).toBe(false);
  });

  test('that has run out does not come back by an answer that was late', () => {
    const bench = new Bench();
    bench.withB();
    const old = bench.state.self;
    const effects = bench.step({ t: 'renewed', id: old, sentAt: bench.now + LEASE_MS - 1 }, LEASE_MS);
    expect(kinds(effects)).toContain('onLeaseLost');
    expect(bench.state.holdsLease(bench.now)).toBe(false);
    bench.step({ t: 'renewed', id: old, sentAt: bench.now });
    expect(bench.state.holdsLease(bench.now)).toBe(false);
    expect(bench.state.surelyDead(old, bench.now)).toBe(false);
  });

  test('comes back only with another incarnation, which is announced when the store has taken it', () => {
    const bench = new Bench();
    bench.withB();
    const old = bench.state.self;
    bench.step({ t: 'tick' }, LEASE_MS);
    const [renew] = bench.step({ t: 'tick' }, 1_000).filter((effect) => effect.t === 'renew');
    expect(renew?.id).not.toBe(old);
    expect(renew?.record.state).toBe('joining');
    expect(bench.state.self).toBe(old);
    const effects = bench.step({ t: 'renewed', id: renew?.id as NodeId, sentAt: bench.now });
    expect(effects.find((effect) => effect.t === 'onRejoined')?.self).toBe(renew?.id);
    expect(bench.state.self).toBe(renew?.id);
    expect(bench.state.holdsLease(bench.now)).toBe(false);
    expect(bench.state.surelyDead(old, bench.now)).toBe(true);
  });

  test('comes before the ring: one that holds us waits until the store has answered', () => {
    const bench = new Bench();
    const ring = nextRing(null, [member(bench.state.self), member(B)]) as Ring;
    expect(bench.step({ t: 'ring', ring })).toEqual([]);
    expect(kinds(bench.renew())).toContain('onRing');
    expect([bench.state.ring, bench.state.holdsLease(bench.now)]).toEqual([ring, true]);
  });

  test('comes back too when others let the next incarnation in before it heard that it was taken', () => {
    const bench = new Bench();
    const ring = bench.withB();
    const lost = bench.step({ t: 'tick' }, LEASE_MS + 1);
    const renewal = lost.find((effect) => effect.t === 'renew');
    const next = renewal?.t === 'renew' ? renewal.id : B;
    const without = nextRing(ring, [member(B)], { epochMin: 2, isDone: () => true }) as Ring;
    const withNext = nextRing(without, [member(B), member(next)], { epochMin: 3, isDone: () => true }) as Ring;
    bench.step({ t: 'ring', ring: without });
    expect(bench.step({ t: 'ring', ring: withNext })).toEqual([]);
    const heard = bench.step({ t: 'renewed', id: next, sentAt: bench.now });
    expect(kinds(heard).slice(0, 2)).toEqual(['onRejoined', 'onRing']);
    expect([bench.state.self, bench.state.ring, bench.state.holdsLease(bench.now)]).toEqual([next, withNext, true]);
  });

  test('is lost at once, before anybody hears of the ring, when a newer ring leaves us out', () => {
    const bench = new Bench();
    const ring = bench.withB();
    const without = nextRing(ring, [member(B)]) as Ring;
    const effects = kinds(bench.step({ t: 'ring', ring: without }));
    expect(effects.indexOf('onLeaseLost')).toBeGreaterThanOrEqual(0);
    expect(effects.indexOf('onLeaseLost')).toBeLessThan(effects.indexOf('onRing'));
    expect(bench.state.holdsLease(bench.now)).toBe(false);
  });
});

describe('a ring', () => {
  test('of an epoch that is not above the one seen is refused', () => {
    const bench = new Bench();
    const ring = bench.withB();
    const next = nextRing(ring, [member(bench.state.self), member(B), member(nodeIdOf('c', 'c1'))]) as Ring;
    bench.step({ t: 'ring', ring: next });
    expect(kinds(bench.step({ t: 'ring', ring }))).not.toContain('onRing');
    expect(kinds(bench.step({ t: 'ring', ring: next }))).not.toContain('onRing');
    expect(bench.state.ring?.epoch).toBe(2);
  });

  test('that gives us nothing is done by itself; one that does waits for the word', () => {
    const bench = new Bench('a');
    bench.withB();
    const recordOf = (): LiveRecord | undefined =>
      bench.step({ t: 'tick' }, 1_000).find((effect) => effect.t === 'renew')?.record;
    bench.renew();
    expect(recordOf()).toMatchObject({ epoch: 1, done: 1 });
    const fresh = new Bench('a');
    fresh.learn();
    fresh.step({ t: 'ring', ring: nextRing(null, [member(fresh.state.self)]) as Ring });
    expect(fresh.step({ t: 'tick' }, 1_000).find((effect) => effect.t === 'renew')?.record).toMatchObject({ done: 0 });
    fresh.step({ t: 'ring', ring: nextRing(fresh.state.ring, [member(fresh.state.self), member(B)]) as Ring });
    expect(fresh.step({ t: 'tick' }, 1_000).find((effect) => effect.t === 'renew')?.record).toMatchObject({ done: 2 });
  });
});

describe('a peer', () => {
  test('is dead when a read sent 7 s later finds its record as it was, not before, and not by hints that do not come', () => {
    const bench = new Bench();
    bench.withB();
    bench.b();
    const since = bench.now;
    const record = live(bench.n, { epoch: 1, done: 1 });
    bench.pass(SILENCE_MS + 2_000);
    expect(bench.state.surelyDead(B, bench.now)).toBe(false);
    expect(kinds(bench.step({ t: 'read', id: B, record, sentAt: since + SILENCE_MS - 1 }))).not.toContain('onDown');
    const effects = bench.step({ t: 'read', id: B, record, sentAt: since + SILENCE_MS });
    expect(kinds(effects)).toContain('onDown');
    expect(bench.state.surelyDead(B, bench.now)).toBe(true);
  });

  test('is not dead when the read finds another record, and its time starts anew', () => {
    const bench = new Bench();
    bench.withB();
    bench.b();
    bench.pass(8_000);
    bench.step({ t: 'read', id: B, record: live(9), sentAt: bench.now });
    expect(bench.state.surelyDead(B, bench.now)).toBe(false);
    bench.step({ t: 'read', id: B, record: null, sentAt: bench.now });
    bench.pass(3_000);
    bench.step({ t: 'read', id: B, record: null, sentAt: bench.now });
    expect(bench.state.surelyDead(B, bench.now)).toBe(false);
  });

  test('is dead when it says that it is gone, for good', () => {
    const bench = new Bench();
    bench.withB();
    expect(kinds(bench.b({ state: 'gone' }))).toContain('onDown');
    expect(bench.state.surelyDead(B, bench.now)).toBe(true);
    bench.b();
    expect(bench.state.surelyDead(B, bench.now)).toBe(true);
    expect(bench.state.alive(bench.now)).toEqual([bench.state.self]);
  });

  test('is not surely dead for one who holds no lease himself', () => {
    const bench = new Bench();
    bench.withB();
    bench.b();
    bench.pass(8_000);
    bench.step({ t: 'read', id: B, record: live(bench.n), sentAt: bench.now });
    expect(bench.state.surelyDead(B, bench.now)).toBe(true);
    expect(bench.state.surelyDead(B, bench.now + LEASE_MS)).toBe(false);
  });

  test('that nobody knew is read when asked for, and hints that are old are none', () => {
    const bench = new Bench();
    bench.withB();
    const x = nodeIdOf('x', 'x1');
    expect(bench.state.surelyDead(x, bench.now)).toBe(false);
    expect(bench.step({ t: 'tick' }, 250)).toContainEqual({ t: 'probe', id: x });
    bench.b();
    bench.b();
    bench.step({ t: 'hint', id: B, record: live(2, { state: 'draining' }) });
    expect(bench.state.peers.get(B)?.record?.state).toBe('up');
  });
});

describe('a proposal', () => {
  test('lets newcomers in when for 3 s none came', () => {
    const bench = new Bench();
    bench.learn();
    expect(bench.pass(QUIET_MS - 500)).toEqual([]);
    bench.step({ t: 'hint', id: B, record: live(1, { state: 'joining' }) });
    let n = 1;
    const beats = (): void => {
      bench.step({ t: 'hint', id: B, record: live(++n, { state: 'joining' }) });
    };
    expect(bench.pass(QUIET_MS - 500, beats)).toEqual([]);
    const [ring] = bench.pass(1_000, beats);
    expect(ring?.members.map((each) => each.id)).toEqual([bench.state.self, B]);
  });

  test('leaves out the dead at once, by the first in order; the next waits half a second', () => {
    for (const [name, rank] of [
      ['a', 0],
      ['z', 1],
    ] as const) {
      const bench = new Bench(name);
      bench.learn();
      const c = nodeIdOf('c', 'c1');
      const ring = nextRing(null, [bench.state.self, B, c].map(member)) as Ring;
      bench.step({ t: 'ring', ring });
      bench.step({ t: 'done', epoch: 1 });
      for (const id of [B, c]) bench.step({ t: 'read', id, record: live(1, { epoch: 1, done: 1 }), sentAt: bench.now });
      const effects = bench.step({ t: 'hint', id: B, record: live(2, { state: 'gone' }) });
      expect(kinds(effects).includes('propose')).toBe(rank === 0);
      if (rank === 0) continue;
      const proposedAfter: number[] = [];
      for (let past = 250; past <= 1_000; past += 250) if (bench.pass(250).length > 0) proposedAfter.push(past);
      expect(proposedAfter[0]).toBe(STAGGER_MS);
    }
  });

  test('waits for moves under way, but not for ever, and not when one died', () => {
    const waiting = atRest();
    // b has not said that it is done.
    waiting.n += 100;
    const undone = (): void => {
      waiting.b({ done: 0, state: 'draining' });
    };
    undone();
    expect(waiting.pass(MOVES_MS - 8_000, undone)).toEqual([]);
    expect(waiting.pass(8_000, undone).length).toBeGreaterThan(0);
    const done = atRest();
    done.n += 100;
    const [ring] = done.step({ t: 'hint', id: B, record: live(done.n, { epoch: 1, done: 1, state: 'draining' }) });
    expect(ring?.t).toBe('propose');
    const died = atRest();
    died.b({ done: 0 });
    expect(kinds(died.b({ done: 0, state: 'gone' }))).toContain('propose');
  });

  test('is not made past one that the dead knew, unless the store has lost that', () => {
    const bench = new Bench();
    bench.withB();
    bench.b({ epoch: 5, state: 'gone' });
    expect(bench.pass(3_000)).toEqual([]);
    bench.step({ t: 'noRing', epoch: 5, sentAt: bench.now });
    expect(bench.proposals.map(({ epoch }) => epoch)).toEqual([6]);
  });

  test('is put back when a member says for seconds that it does not know it', () => {
    const bench = new Bench();
    const ring = bench.withB();
    const restores = (ms: number, epoch: number): number => {
      let count = 0;
      for (let past = 0; past < ms; past += 250) {
        bench.renew(250);
        bench.b({ epoch });
        for (const effect of bench.step({ t: 'tick' })) if (effect.t === 'restore' && effect.ring === ring) count++;
      }
      return count;
    };
    expect(restores(2_500, 0)).toBe(0);
    expect(restores(3_000, 0)).toBeGreaterThan(1);
    expect(restores(3_000, 1)).toBe(0);
  });

  test('is not made by one who knows less than others, and is above all that is known', () => {
    const bench = new Bench();
    bench.learn();
    bench.step({ t: 'hint', id: B, record: live(1, { epoch: 57 }) });
    let n = 1;
    expect(bench.pass(10_000, () => bench.step({ t: 'hint', id: B, record: live(++n, { epoch: 57 }) }))).toEqual([]);
    expect(bench.step({ t: 'tick' }, 1_000)).toContainEqual({ t: 'fetch', epoch: 57 });
    bench.step({ t: 'hint', id: B, record: live(++n, { epoch: 57, state: 'gone' }) });
    bench.step({ t: 'noRing', epoch: 57, sentAt: bench.now });
    expect(bench.pass(4_000)[0]?.epoch).toBe(58);
  });

  test('is not made without a look at the store, nor without a word from the database when there is no ring', () => {
    const bench = new Bench();
    bench.renew();
    expect(bench.pass(5_000)).toEqual([]);
    bench.step({ t: 'listed', ids: [] });
    bench.step({ t: 'found' });
    expect(bench.pass(5_000)).toEqual([]);
    bench.step({ t: 'stored', epoch: 9 });
    expect(bench.proposals[0]?.epoch).toBe(10);
  });

  test('that lost is followed by a look at who won', () => {
    const bench = new Bench();
    bench.learn();
    const [ring] = bench.pass(4_000);
    expect(ring?.epoch).toBe(1);
    expect(bench.step({ t: 'proposed', epoch: 1, outcome: 'lost' })).toContainEqual({ t: 'fetch', epoch: 1 });
  });

  test('that a store refuses at once is not repeated at once', () => {
    const bench = new Bench();
    bench.learn();
    expect(bench.pass(4_000)).toHaveLength(1);
    bench.step({ t: 'proposed', epoch: 1, outcome: 'failed' });
    expect(bench.proposals).toHaveLength(1);
    expect(bench.step({ t: 'tick' }, STAGGER_MS - 1)).not.toContainEqual(expect.objectContaining({ t: 'propose' }));
    bench.step({ t: 'tick' }, 1);
    expect(bench.proposals).toHaveLength(2);
  });

  test('does not let an incarnation back in that a ring has left out', () => {
    const bench = new Bench();
    const ring = bench.withB();
    bench.step({ t: 'ring', ring: nextRing(ring, [member(bench.state.self)]) as Ring });
    bench.step({ t: 'done', epoch: 2 });
    const rings = bench.pass(6_000, () => bench.b({ state: 'joining', epoch: 1 }));
    expect(rings).toEqual([]);
    expect(ownerOf(bench.state.ring as Ring, 0)).toBe(bench.state.self);
  });
});

test('one that drains is handed over by rings, and says when it is out', () => {
  const bench = new Bench();
  bench.withB();
  bench.b();
  expect(bench.step({ t: 'drain' }).find((effect) => effect.t === 'renew')?.record.state).toBe('draining');
  let drained = false;
  for (let epochs = 0; epochs < 30 && !drained; epochs++) {
    const epoch = bench.state.ring?.epoch ?? 0;
    bench.pass(1_000, () => bench.b({ epoch, done: epoch }));
    const ring = bench.proposals.pop();
    if (ring === undefined) continue;
    const effects = [
      ...bench.step({ t: 'ring', ring }),
      ...bench.step({ t: 'proposed', epoch: ring.epoch, outcome: 'won' }),
    ];
    drained = effects.some((effect) => effect.t === 'drained' && effect.ok);
  }
  expect(drained).toBe(true);
  expect(memberOf(bench.state.ring as Ring, bench.state.self)).toBeNull();
  expect(bench.state.phase).toBe('left');
});

describe('one that loses its weight', () => {
  const weighs = (bench: Bench, weight: number, ms: number): Ring[] => bench.pass(ms, () => bench.b({ weight }));

  test('keeps its shards for a moment, then gives all of them at once, also while moves are under way', () => {
    const bench = atRest();
    expect(weighs(bench, 0, WEIGHTLESS_MS - 500)).toEqual([]);
    const [ring] = bench.pass(1_000, () => bench.b({ weight: 0, done: 0 }));
    expect(ring?.members.map(({ weight }) => weight)).toEqual([1, 0]);
    expect(new Set(ring?.owners)).toEqual(new Set([0]));
    expect(ring?.moves.length).toBeGreaterThan(400);
  });

  test('for a moment only, keeps them', () => {
    const bench = atRest();
    weighs(bench, 0, WEIGHTLESS_MS - 500);
    expect(weighs(bench, 1, 10_000)).toEqual([]);
  });

  test('when all do, keeps them: there is nobody to hand to', () => {
    const bench = atRest();
    weighs(bench, 0, WEIGHTLESS_MS - 500);
    const [renewal] = bench.step({ t: 'weight', weight: 0 });
    expect(renewal?.t === 'renew' && renewal.record.weight).toBe(0);
    expect(weighs(bench, 0, 20_000)).toEqual([]);
    bench.step({ t: 'weight', weight: 1 });
    expect(weighs(bench, 1, 10_000)).toEqual([]);
  });

  test('gives them though nobody else proposes', () => {
    const bench = atRest();
    bench.step({ t: 'weight', weight: 0 });
    const [ring] = bench.pass(WEIGHTLESS_MS + STAGGER_MS, () => bench.b());
    expect(new Set(ring?.owners)).toEqual(new Set([1]));
  });
});

test('a live record is the same after encoding; what is none is refused', () => {
  const record = live(7, { state: 'draining', url: 'wss://a', epoch: 3 });
  expect(decodeLive(encodeLive(record))).toEqual(record);
  for (const text of [
    '',
    '{',
    'null',
    '7',
    '{"state":"up"}',
    '{"state":"x","n":1,"weight":1,"wire":1,"epoch":1,"done":1}',
  ]) {
    expect(decodeLive(new TextEncoder().encode(text))).toBeNull();
  }
  expect(idOfLiveKey(liveKey(B))).toBe(B);
  for (const key of ['live.a', 'ring.a.b', 'live.a.b.c', 'live..b']) expect(idOfLiveKey(key)).toBeNull();
});
