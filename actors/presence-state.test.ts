// The pure half of the presence service: what is written when, refreshed how, kept how long, and who is told.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asValue, type PresenceLimits, PresenceState, type Said } from './presence-state.ts';

const here = (user: string, more: Partial<Said> = {}): Said => ({
  user,
  online: true,
  lastSeen: null,
  open: true,
  nodes: [''],
  ...more,
});
const away = (user: string, lastSeen = 1): Said => here(user, { online: false, lastSeen, nodes: [] });
const always = (): boolean => true;

/** A round as the service has it: all batches, in order. */
function round(state: PresenceState, now: number, isHere: (user: string) => boolean = always): Said[][] {
  state.begin(now);
  const batches: Said[][] = [];
  for (;;) {
    const batch = state.nextWrites(now, isHere);
    if (batch.length === 0) return batches;
    batches.push(batch.map(({ said }) => said));
  }
}
const made = (limits: Partial<PresenceLimits> = {}): PresenceState => {
  const state = new PresenceState(limits);
  state.begin(0);
  return state;
};

describe('changes', () => {
  test('are written once, the last value of a user, in batches', () => {
    const state = made({ batchUsersMax: 2 });
    for (const user of ['a', 'b', 'c']) state.say(here(user), 0);
    state.say(away('b', 7), 1);
    expect(round(state, 10)).toEqual([[here('a'), away('b', 7)], [here('c')]]);
    expect(round(state, 20)).toEqual([]);
  });

  test('that are none are not written: a heartbeat, a reconnect', () => {
    const state = made();
    state.say(here('a'), 0);
    round(state, 10);
    for (let now = 20; now < 5_000; now += 20) state.say(here('a'), now);
    expect(round(state, 5_000)).toEqual([]);
    state.say(here('a', { open: false }), 5_001);
    state.say(here('a', { open: false, nodes: ['', 'n2#b'] }), 5_002);
    expect(round(state, 5_010)).toEqual([[here('a', { open: false, nodes: ['', 'n2#b'] })]]);
  });

  test('beyond the bound drop the oldest, and count it', () => {
    const state = made({ pendingMax: 2 });
    for (const user of ['a', 'b', 'c']) state.say(away(user), 0);
    expect(state.counts).toMatchObject({ pending: 2, dropped: 1 });
    expect(round(state, 1)).toEqual([[away('b'), away('c')]]);
  });

  test('that failed come again, but not over what is newer, and not for ever', () => {
    const state = made();
    state.say(away('a', 1), 0);
    state.say(away('b', 1), 0);
    const batch = state.nextWrites(1, always);
    state.say(away('b', 9), 2);
    state.failed(batch);
    const again = state.nextWrites(3, always);
    expect(again.map(({ said }) => said)).toEqual([away('b', 9), away('a', 1)]);
    state.failed(again);
    expect(state.nextWrites(30_000, always).map(({ said }) => said)).toEqual([away('b', 9)]);
    expect(state.counts).toMatchObject({ pending: 0, dropped: 1 });
  });

  test('this node’s id is put in when they are written', () => {
    expect(asValue(here('a', { nodes: ['', 'n2#b'] }), 'n1#a')).toMatchObject({
      owner: 'n1#a',
      nodes: ['n1#a', 'n2#b'],
    });
  });
});

describe('who is online', () => {
  test('is refreshed within the TTL, spread, whenever they came', () => {
    const state = made();
    for (let i = 0; i < 10_000; i++) state.say(here(`u${i}`), 0);
    const written = new Map<string, number>();
    let most = 0;
    let oldest = 0;
    for (let now = 250; now <= 120_000; now += 250) {
      const users = round(state, now).flat();
      if (now > 250) most = Math.max(most, users.length);
      for (const { user } of users) {
        oldest = Math.max(oldest, now - (written.get(user) ?? 0));
        written.set(user, now);
      }
    }
    expect(written.size).toBe(10_000);
    expect(oldest).toBeLessThanOrEqual(19_000);
    for (const at of written.values()) expect(120_000 - at).toBeLessThanOrEqual(19_000);
    expect(most).toBeLessThanOrEqual(320);
  });

  test('and has left without a word is let go', () => {
    const state = made();
    state.say(here('a'), 0);
    state.say(here('b'), 0);
    round(state, 250);
    let now = 500;
    for (; now < 20_000; now += 250)
      for (const { user } of round(state, now, (who) => who === 'b').flat()) expect(user).toBe('b');
    expect(state.counts.online).toBe(1);
  });

  test('beyond the bound is written, not refreshed', () => {
    const state = made({ onlineMax: 1 });
    state.say(here('a'), 0);
    state.say(here('b'), 0);
    expect(round(state, 1).flat()).toHaveLength(2);
    expect(state.counts).toMatchObject({ online: 1, dropped: 1 });
  });

  test('is known without asking a store, as is what is not written yet', () => {
    const state = made();
    state.say(here('a'), 0);
    state.say(away('b', 5), 0);
    expect(state.known('a')).toMatchObject({ online: true });
    expect(state.known('b')).toMatchObject({ online: false, lastSeen: 5 });
    round(state, 1);
    expect([state.known('a')?.online, state.known('b')]).toEqual([true, null]);
  });
});

describe('who waits', () => {
  test('is told once when the user comes', () => {
    const state = made();
    state.wait('bob', 'ann', 0);
    state.wait('bob', 'eve', 0);
    state.wait('bob', 'ann', 1);
    expect(state.counts.waiting).toBe(2);
    expect(state.say(away('bob'), 2)).toEqual([]);
    expect(state.say(here('bob'), 3)).toEqual([
      ['bob', 'ann'],
      ['bob', 'eve'],
    ]);
    expect([state.say(here('bob'), 4), state.counts.waiting]).toEqual([[], 0]);
  });

  test('beyond the bound has to ask the session', () => {
    const state = made({ waitingMax: 1 });
    expect([state.wait('bob', 'ann', 0), state.wait('bob', 'eve', 0), state.wait('bob', 'ann', 0)]).toEqual([
      true,
      false,
      true,
    ]);
    state.leave('bob', 'ann');
    expect(state.wait('bob', 'eve', 0)).toBe(true);
  });

  test('has the user looked up every few seconds, until it forgets to renew', () => {
    const state = made();
    for (let i = 0; i < 100; i++) state.wait(`u${i}`, 'ann', 0);
    const looked = new Map<string, number[]>();
    for (let now = 250; now <= 75_000; now += 250) {
      state.begin(now);
      for (const user of state.nextPoll(now)) looked.set(user, [...(looked.get(user) ?? []), now]);
    }
    expect(looked.size).toBe(100);
    for (const times of looked.values()) {
      expect(times.length).toBeGreaterThanOrEqual(14);
      expect(times.length).toBeLessThanOrEqual(16);
    }
    for (let now = 75_250; now <= 90_000; now += 250) {
      state.begin(now);
      expect(state.nextPoll(now)).toEqual([]);
    }
    expect([state.counts.waiting, state.idle]).toEqual([0, true]);
  });
});

test('whatever is said in whatever order, the last value is what was written last, within bounds', () => {
  const act = fc.record({
    user: fc.constantFrom('a', 'b', 'c', 'd'),
    what: fc.constantFrom('on', 'off', 'wait', 'leave', 'round', 'fail'),
    ms: fc.integer({ min: 0, max: 3_000 }),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
      const state = made({ pendingMax: 4, waitingMax: 3, onlineMax: 4, batchUsersMax: 2, pendingMs: 1e9 });
      const last = new Map<string, boolean>();
      const stored = new Map<string, boolean>();
      let now = 0;
      const store = (batch: readonly Said[]): void =>
        batch.forEach(({ user, online }) => void stored.set(user, online));
      for (const { user, what, ms } of acts) {
        now += ms;
        if (what === 'on' || what === 'off') {
          last.set(user, what === 'on');
          state.say(what === 'on' ? here(user) : away(user), now);
        } else if (what === 'wait') state.wait(user, 'w', now);
        else if (what === 'leave') state.leave(user, 'w');
        else if (what === 'round') for (const batch of round(state, now)) store(batch);
        else state.failed(state.nextWrites(now, always));
        expect(state.counts.waiting).toBeLessThanOrEqual(3);
        expect(state.counts.pending).toBeLessThanOrEqual(4);
      }
      for (const batch of round(state, now)) store(batch);
      expect(stored).toEqual(last);
    }),
  );
});
