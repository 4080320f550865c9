import { describe, expect, test } from 'vitest';
import type { LinkLimits } from './link-limits.ts';
import { type NodeId, nodeIdOf } from './node-id.ts';
import { A, B, bytesOf, network, textOf } from './testing/link-network.ts';

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

  test('is not broken for ever by a greeting that was overtaken', () => {
    const { env, hub, node, say } = network();
    const [a, b] = [node(A), node(B)];
    Object.assign(hub.faults, { delayMsMin: 50, delayMsMax: 50, reorderRate: 1 });
    say(a, B, 'a0');
    env.run();
    Object.assign(hub.faults, { delayMsMin: 0, delayMsMax: 0 });
    say(b, A, 'b0');
    env.advance(100);
    hub.faults.reorderRate = 0;
    for (let n = 1; n <= 5; n++) {
      say(b, A, `b${n}`);
      env.advance(100);
      say(a, B, `a${n}`);
      env.advance(100);
    }
    expect([a.broken, b.broken]).toEqual([[], []]);
    expect([a.got, b.got]).toEqual([
      ['b0', 'b1', 'b2', 'b3', 'b4', 'b5'],
      ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'],
    ]);
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
