import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TestEnv } from '../runtime/testing/test-env.ts';
import type { LinkLimits } from './link-limits.ts';
import { NodeLinks } from './links.ts';
import { type CarrierFaults, MemoryHub, noFaults } from './memory/carrier.ts';
import { type NodeId, nameOf, nodeIdOf } from './node-id.ts';

const A = nodeIdOf('a', '1');
const B = nodeIdOf('b', '1');
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

interface End {
  readonly id: NodeId;
  readonly links: NodeLinks;
  readonly got: string[];
  readonly broken: string[];
  readonly lost: string[];
}

const network = (more: { faults?: Partial<CarrierFaults>; payloadMax?: number } = {}) => {
  const env = new TestEnv();
  const hub = new MemoryHub(env, {
    faults: { ...noFaults(), ...more.faults },
    ...(more.payloadMax === undefined ? {} : { payloadMax: more.payloadMax }),
  });
  const node = (id: NodeId, options: Partial<ConstructorParameters<typeof NodeLinks>[0]> = {}): End => {
    const end = { id, got: [] as string[], broken: [] as string[], lost: [] as string[] };
    const links = new NodeLinks({
      env,
      carrier: hub.connect(nameOf(id)),
      self: id,
      epoch: () => 1,
      accepts: () => true,
      onMail: (_from, mail) => end.got.push(textOf(mail)),
      onBroken: (from, lost, why) => {
        end.broken.push(`${from} ${why}`);
        end.lost.push(...lost.map(({ bytes }) => textOf(bytes)));
      },
      ...options,
    });
    return { ...end, links };
  };
  const say = (from: End, to: NodeId, ...texts: string[]) =>
    texts.map((text) => from.links.send(to, bytesOf(text))).filter((refused) => refused !== null);
  return { env, hub, node, say };
};
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `m${n + from}`);

describe('a link', () => {
  test('carries mail in order, batched by turn, and is acknowledged', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A), node(B)];
    expect(say(a, B, ...numbered(100))).toEqual([]);
    env.run();
    expect(b.got).toEqual(numbered(100));
    expect(a.links.stats()).toMatchObject({ batchesOut: 1, mailsOut: 100, resends: 0, links: [{ mails: 100 }] });
    env.advance(5);
    expect(a.links.stats().links).toMatchObject([{ node: B, phase: 'open', mails: 0, bytes: 0 }]);
    expect(b.links.stats()).toMatchObject({ acksOut: 1, batchesOut: 0 });
    expect(a.links.stats().batchMails[7]).toBe(1);
  });

  test('acknowledges with the mail that goes back anyway', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'x');
    env.run();
    say(b, A, 'y');
    env.advance(100);
    expect(a.links.stats().links).toMatchObject([{ mails: 0 }]);
    expect(b.links.stats()).toMatchObject({ acksOut: 0, batchesOut: 1 });
    expect(a.links.stats()).toMatchObject({ acksOut: 1 });
  });

  test('writes a batch out when it is full, not later', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'hello');
    env.run();
    const large = 'x'.repeat(30_000);
    say(a, B, large, large, large);
    expect(a.links.stats().batchesOut).toBe(2);
    env.run();
    expect(b.got.length).toBe(4);
  });

  test('takes a mail that is larger than a batch whole, and refuses one that no message could carry', () => {
    const { env, node } = network({ payloadMax: 100_000 });
    const [a, b] = [node(A), node(B)];
    expect(a.links.send(B, new Uint8Array(98_000))).toBeNull();
    expect(a.links.send(B, new Uint8Array(99_500))).toBe('busy');
    env.run();
    expect(b.got.map((text) => text.length)).toEqual([98_000]);
  });

  test('refuses beyond its window, keeps a reserve for what is urgent, and takes again when acknowledged', () => {
    const { env, hub, node, say } = network();
    const limits: Partial<LinkLimits> = { windowMailsMax: 10, urgentWindows: 2 };
    const [a, b] = [node(A, { limits }), node(B)];
    hub.faults.cuts.add('b>a');
    expect(say(a, B, ...numbered(12))).toEqual(['busy', 'busy']);
    expect(a.links.send(B, bytesOf('urgent'), true)).toBeNull();
    hub.faults.cuts.clear();
    env.advance(1_000);
    expect(b.got).toEqual([...numbered(10), 'urgent']);
    expect(say(a, B, 'again')).toEqual([]);
    env.run();
    expect(b.got.at(-1)).toBe('again');
    expect(a.links.stats()).toMatchObject({ busy: 2, broken: 0 });
  });

  test('bounds its window in bytes too', () => {
    const { node } = network();
    const a = node(A, { limits: { windowBytesMax: 1_000 } });
    const refused = Array.from({ length: 5 }, () => a.links.send(B, new Uint8Array(300)));
    expect(refused).toEqual([null, null, null, 'busy', 'busy']);
  });

  test('that cannot even take what is urgent breaks, rather than lose it in silence', () => {
    const { env, hub, node, say } = network();
    const [a, b] = [node(A, { limits: { windowMailsMax: 2, urgentWindows: 2 } }), node(B)];
    say(a, B, 'x');
    env.advance(10);
    hub.faults.cuts.add('a>b');
    for (let n = 0; n < 4; n++) expect(a.links.send(B, bytesOf(`u${n}`), true)).toBeNull();
    expect(a.links.send(B, bytesOf('u4'), true)).toBe('noconnection');
    expect(a.broken).toEqual([`${B} overflow`]);
    expect(a.lost).toEqual(['u0', 'u1', 'u2', 'u3']);
    hub.faults.cuts.clear();
    env.advance(5_000);
    expect(b.broken).toEqual([`${A} gaveUp`]);
  });

  test('that hears nothing for ten seconds is broken; both sides hear of it once, and mail flows anew', () => {
    const { env, hub, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'first');
    say(b, A, 'back');
    env.advance(1_000);
    hub.faults.cuts.add('a>b').add('b>a');
    say(a, B, 'lost 1', 'lost 2');
    env.advance(9_000);
    expect(a.broken).toEqual([]);
    env.advance(5_000);
    expect(a.broken).toEqual([`${B} silent`]);
    expect(a.lost).toEqual(['lost 1', 'lost 2']);
    expect(say(a, B, 'meanwhile')).toEqual(['noconnection']);
    expect(b.broken).toEqual([]);
    hub.faults.cuts.clear();
    env.advance(5_000);
    expect(b.broken).toEqual([`${A} gaveUp`]);
    expect([...say(a, B, 'second'), ...say(b, A, 'back again')]).toEqual([]);
    env.advance(5_000);
    expect([b.got, a.got]).toEqual([
      ['first', 'second'],
      ['back', 'back again'],
    ]);
    expect([a.broken.length, b.broken.length]).toEqual([1, 1]);
  });

  test('that broke before it ever opened tells the other side all the same, when that side holds a link', () => {
    const { env, hub, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(b, A, 'watch me');
    env.advance(100);
    hub.faults.cuts.add('a>b');
    say(a, B, 'lost');
    env.advance(14_000);
    expect([a.broken, b.broken]).toEqual([[`${B} silent`], []]);
    hub.faults.cuts.clear();
    env.advance(4_000);
    expect(b.broken).toEqual([`${A} gaveUp`]);
  });

  test('outlives a carrier that is away for less than that', () => {
    const { env, hub, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'x');
    env.run();
    hub.faults.disconnected.add('a').add('b');
    say(a, B, ...numbered(50));
    env.advance(8_000);
    hub.faults.disconnected.clear();
    env.advance(3_500);
    expect(b.got).toEqual(['x', ...numbered(50)]);
    expect(a.broken).toEqual([]);
    expect(a.links.stats().stalls).toBeGreaterThan(0);
  });

  test('is not broken by a process that was frozen', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'x');
    env.run();
    env.clockMs += 60_000;
    env.advance(1_000);
    expect([a.broken, b.broken, b.got]).toEqual([[], [], ['x']]);
  });
});

describe('an incarnation', () => {
  test('never gets the mail of its predecessor; the sender hears at once', () => {
    const { env, node, say } = network();
    const a = node(A);
    const next = node(nodeIdOf('b', '2'));
    say(a, B, 'for the dead');
    env.run();
    expect(next.got).toEqual([]);
    expect(a.broken).toEqual([`${B} incarnation`]);
    expect(a.lost).toEqual(['for the dead']);
    expect(say(a, B, 'more')).toEqual(['noconnection']);
    expect(say(a, next.id, 'for the living')).toEqual([]);
    env.run();
    expect(next.got).toEqual(['for the living']);
  });

  test('that is not accepted is turned away, and not asked again for a second', () => {
    const { env, node, say } = network();
    let refused: NodeId[] = [A];
    const [a, b] = [node(A), node(B, { accepts: (from) => !refused.includes(from) })];
    say(a, B, 'x');
    env.run();
    expect([a.broken, a.lost, b.got]).toEqual([[`${B} refused`], ['x'], []]);
    expect(say(a, B, 'y')).toEqual(['noconnection']);
    refused = [];
    env.advance(1_000);
    expect(say(a, B, 'z')).toEqual([]);
    env.advance(10);
    expect(b.got).toEqual(['z']);
    refused = [A];
    say(a, B, 'late');
    env.run();
    expect([b.got, a.lost]).toEqual([['z'], ['x', 'late']]);
  });

  test('that is down gets nothing more, and what was taken is reported', () => {
    const { env, hub, node, say } = network();
    const [a] = [node(A), node(B)];
    say(a, B, 'x');
    env.run();
    hub.faults.cuts.add('a>b');
    say(a, B, 'y');
    a.links.down(B);
    a.links.down(B);
    expect([a.broken, a.lost]).toEqual([[`${B} down`], ['x', 'y']]);
    expect(say(a, B, 'z')).toEqual(['noconnection']);
    expect(a.links.stats().links).toEqual([]);
  });

  test('that was thought down and speaks again is heard', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'x');
    say(b, A, 'y');
    env.advance(100);
    a.links.down(B);
    expect(say(b, A, 'lost')).toEqual([]);
    env.advance(100);
    expect(b.broken).toEqual([`${A} broken`]);
    expect(say(b, A, 'again')).toEqual([]);
    env.advance(100);
    expect(say(a, B, 'back')).toEqual([]);
    env.advance(100);
    expect([a.got, b.got]).toEqual([
      ['y', 'again'],
      ['x', 'back'],
    ]);
  });

  test('that is new under the same process starts all links anew', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A), node(B)];
    say(a, B, 'x');
    say(b, A, 'y');
    env.advance(100);
    const again = nodeIdOf('a', '2');
    a.links.restart(again);
    expect(a.broken).toEqual([`${B} restarted`]);
    say(a, B, 'z');
    say(b, A, 'for the old');
    env.advance(100);
    expect(b.got).toEqual(['x', 'z']);
    expect(b.broken).toEqual([`${A} incarnation`]);
    expect(say(b, again, 'for the new')).toEqual([]);
    env.run();
    expect(a.got).toEqual(['y', 'for the new']);
  });
});

describe('two releases', () => {
  const marked = (version: number) => (_from: NodeId, mail: Uint8Array, written: number) =>
    `${textOf(mail)} v${written} read by v${version}`;

  test('speak the newest version that both read, also in mail that was taken before they knew', () => {
    const { env, node, say } = network();
    const got: string[] = [];
    const of = (id: NodeId, min: number, max: number) =>
      node(id, {
        versions: { min, max },
        onMail: (from, mail, written) => void got.push(marked(max)(from, mail, written)),
        recode: (mail, from, to) => bytesOf(`${textOf(mail)} (was v${from}, is v${to})`),
      });
    const [old, fresh] = [of(A, 1, 2), of(B, 2, 3)];
    expect([old.links.versionOf(B), fresh.links.versionOf(A)]).toEqual([1, 2]);
    say(old, B, 'early');
    say(fresh, A, 'hi');
    env.advance(100);
    expect([old.links.versionOf(B), fresh.links.versionOf(A)]).toEqual([2, 2]);
    say(old, B, 'late');
    env.advance(100);
    expect(got.sort()).toEqual(['early (was v1, is v2) v2 read by v3', 'hi v2 read by v2', 'late v2 read by v3']);
    expect(old.links.stats()).toMatchObject({ unreadable: 0, resends: 0, links: [{ mails: 0, bytes: 0 }] });
    expect(fresh.links.stats()).toMatchObject({ unreadable: 0, resends: 0, links: [{ mails: 0, bytes: 0 }] });
  });

  test('with no version in common turn each other away', () => {
    const { env, node, say } = network();
    const [a, b] = [node(A, { versions: { min: 1, max: 1 } }), node(B, { versions: { min: 2, max: 3 } })];
    say(a, B, 'x');
    env.run();
    expect([a.broken, b.got]).toEqual([[`${B} version`], []]);
  });

  test('noise on the subject is counted and harms nothing', () => {
    const { env, hub, node, say } = network();
    const [a, b] = [node(A), node(B)];
    const carrier = hub.connect('noise');
    for (const bytes of [[], [0], [9, 9], [1, 0, 200, 1], [0, 0x93, 1, 2, 3]])
      carrier.publish('parley.mail.b', Uint8Array.from(bytes));
    say(a, B, 'x');
    env.run();
    expect(b.got).toEqual(['x']);
    expect(b.links.stats().unreadable).toBe(5);
  });
});

test('a receiver that throws is counted; the mails around it are handed over once', () => {
  const { env, node, say } = network();
  const a = node(A);
  const got: string[] = [];
  const b = node(B, {
    onMail: (_from, mail) => {
      got.push(textOf(mail));
      if (textOf(mail) === 'm1') throw new Error('boom');
    },
  });
  say(a, B, ...numbered(3));
  env.advance(2_000);
  expect(got).toEqual(numbered(3));
  expect(b.links.stats().faults).toBe(1);
});

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
        // And whoever breaks, the link works again.
        const before = ends.map((end) => end.got.length);
        ends[0].links.send(B, bytesOf('end'));
        env.advance(2_000);
        ends[1].links.send(A, bytesOf('end'));
        env.advance(2_000);
        ends[0].links.send(B, bytesOf('end'));
        env.advance(2_000);
        const grew = ends.map((end, who) => end.got.length > (before[who] ?? 0));
        if (!isDown) expect(grew).toEqual([true, true]);
      }),
      { numRuns: 500 },
    );
  });
});
