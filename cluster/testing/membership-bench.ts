// One membership state machine, that of node a, with a clock that a test moves; and a peer b as it is heard of.
import type { LiveRecord } from '../live.ts';
import type { MembershipEffect, MembershipInput } from '../membership.ts';
import { MembershipState } from '../membership-state.ts';
import { type NodeId, nodeIdOf } from '../node-id.ts';
import type { Ring, RingMember } from '../ring.ts';
import { nextRing } from '../ring-plan.ts';

export const B = nodeIdOf('b', 'b1');
export const member = (id: NodeId): RingMember => ({
  id,
  name: id.split('#')[0] ?? '',
  weight: 1,
  url: null,
  draining: false,
});
export const live = (n: number, more: Partial<LiveRecord> = {}): LiveRecord => ({
  state: 'up',
  n,
  weight: 1,
  url: null,
  wire: 1,
  epoch: 0,
  done: 0,
  ...more,
});

/** The machine of node a, its clock, and what it last wanted. */
export class Bench {
  readonly state: MembershipState;
  now = 1_000;
  readonly proposals: Ring[] = [];
  private lives = 0;

  constructor(name = 'a', weight = 1) {
    const incarnation = (): string => `i${++this.lives}`;
    this.state = new MembershipState({ name, weight, url: null, wire: 1, incarnation });
  }

  step(input: MembershipInput, afterMs = 0): readonly MembershipEffect[] {
    this.now += afterMs;
    const effects = this.state.step(input, this.now);
    for (const effect of effects) if (effect.t === 'propose') this.proposals.push(effect.ring);
    return effects;
  }

  /** A renewal that was sent now and acknowledged at once. */
  renew(afterMs = 0): readonly MembershipEffect[] {
    this.now += afterMs;
    return this.step({ t: 'renewed', id: this.state.self, sentAt: this.now });
  }

  /** Knows the store: nothing but what was told. */
  learn(...ids: NodeId[]): void {
    this.renew();
    this.step({ t: 'listed', ids });
    this.step({ t: 'found' });
    this.step({ t: 'stored', epoch: 0 });
  }

  /** Renewals and ticks for a while; what was proposed. */
  pass(ms: number, each: () => void = () => {}): Ring[] {
    const rings: Ring[] = [];
    for (let past = 0; past < ms; past += 250) {
      each();
      for (const effect of [...this.renew(250), ...this.step({ t: 'tick' })]) {
        if (effect.t === 'propose') rings.push(effect.ring);
      }
    }
    return rings;
  }

  /** In the ring with b. */
  withB(): Ring {
    this.learn();
    this.step({ t: 'hint', id: B, record: live(1, { state: 'joining' }) });
    const ring = nextRing(null, [member(this.state.self), member(B)]) as Ring;
    this.step({ t: 'ring', ring });
    this.step({ t: 'done', epoch: 1 });
    this.n = 1;
    return ring;
  }

  n = 1;
  /** b says that it lives, and is done. */
  b(more: Partial<LiveRecord> = {}): readonly MembershipEffect[] {
    return this.step({ t: 'hint', id: B, record: live(++this.n, { epoch: 1, done: 1, ...more }) });
  }
}

export const kinds = (effects: readonly MembershipEffect[]): string[] => effects.map((effect) => effect.t);
