import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { A, B, bytesOf, network } from './testing/link-network.ts';

describe('whatever the network does', () => {
  const act = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ t: fc.constant('say' as const), who: fc.nat(1), count: fc.integer({ min: 1, max: 30 }) }),
    },
    { weight: 4, arbitrary: fc.record({ t: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 4_000 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        t: fc.constant('weather' as const),
        lossRate: fc.constantFrom(0, 0.1, 0.5, 0.9),
        duplicateRate: fc.constantFrom(0, 0.3),
        reorderRate: fc.constantFrom(0, 0.3),
        delayMsMax: fc.constantFrom(0, 20, 1_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ t: fc.constant('cut' as const), way: fc.constantFrom('a>b', 'b>a') }) },
    { weight: 1, arbitrary: fc.record({ t: fc.constant('away' as const), who: fc.constantFrom('a', 'b') }) },
    { weight: 1, arbitrary: fc.record({ t: fc.constant('heal' as const) }) },
    { weight: 1, arbitrary: fc.record({ t: fc.constant('down' as const), who: fc.nat(1) }) },
  );

  test('taken mail is handed over once and in order, or its link broke and both sides were told', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const { env, hub, node } = network();
        const limits = { windowMailsMax: 50, batchBytesMax: 40, aheadBatchesMax: 4 };
        const ends = [node(A, { limits }), node(B, { limits })] as const;
        const taken: [string[], string[]] = [[], []];
        const heal = () => {
          hub.faults.cuts.clear();
          hub.faults.disconnected.clear();
          Object.assign(hub.faults, { lossRate: 0, duplicateRate: 0, reorderRate: 0, delayMsMax: 0 });
        };
        const isDown = acts.some((it) => it.t === 'down');
        let n = 0;
        const say = (who: 0 | 1) => {
          const text = `m${n++}`;
          if (ends[who].links.send(ends[1 - who]?.id ?? A, bytesOf(text)) === null) taken[who].push(text);
        };
        for (const it of acts) {
          if (it.t === 'say') for (let i = 0; i < it.count; i++) say(it.who === 0 ? 0 : 1);
          else if (it.t === 'wait') env.advance(it.ms);
          else if (it.t === 'weather') Object.assign(hub.faults, { ...it, t: undefined });
          else if (it.t === 'cut') hub.faults.cuts.add(it.way);
          else if (it.t === 'away') hub.faults.disconnected.add(it.who);
          else if (it.t === 'down') ends[it.who === 0 ? 0 : 1].links.down(ends[it.who === 0 ? 1 : 0].id);
          else heal();
        }
        heal();
        env.advance(30_000);
        for (const who of [0, 1] as const) {
          const [from, to] = [ends[who], ends[1 - who] ?? ends[0]];
          const order = new Map(taken[who].map((text, at) => [text, at]));
          const places = to.got.map((text) => order.get(text) ?? -1);
          expect(places).toEqual([...new Set(places)].sort((x, y) => x - y));
          const missing = taken[who].filter((text) => !to.got.includes(text));
          // What did not arrive was reported, and what was reported twice would be refused twice.
          expect(missing.filter((text) => !from.lost.includes(text))).toEqual([]);
          expect(new Set(from.lost).size).toBe(from.lost.length);
          // Who had got something of a link hears that it lost the rest; being down is a matter of membership.
          const first = places[0] ?? Number.POSITIVE_INFINITY;
          if (!isDown && missing.some((text) => (order.get(text) ?? 0) > first)) expect(to.broken).not.toEqual([]);
          expect(from.links.stats().links.every((link) => link.mails === 0 && link.phase !== 'opening')).toBe(true);
        }
        // And whoever breaks, the link works again: each side's first mail may be the one that finds out.
        const before = ends.map((end) => end.got.length);
        for (const who of [0, 1, 0, 1] as const) {
          ends[who].links.send(who === 0 ? B : A, bytesOf('end'));
          env.advance(2_000);
        }
        const grew = ends.map((end, who) => end.got.length > (before[who] ?? 0));
        if (!isDown) expect(grew).toEqual([true, true]);
        // For good: no break begets another.
        const broken = ends.map((end) => end.broken.length);
        const heard = ends.map((end) => end.got.length);
        for (let round = 0; round < 6; round++) {
          if (round !== 1) ends[0].links.send(B, bytesOf(`a${round}`));
          if (round !== 2) ends[1].links.send(A, bytesOf(`b${round}`));
          env.advance(round < 3 ? 3 : 2_000);
        }
        if (isDown) return;
        expect(ends.map((end) => end.broken.length)).toEqual(broken);
        expect(ends.map((end) => end.got.length)).toEqual(heard.map((count) => count + 5));
      }),
      { numRuns: 500 },
    );
  });
});
