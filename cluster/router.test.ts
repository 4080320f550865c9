import { describe, expect, test } from 'vitest';
import { ForeignRef, type Ref } from '../runtime/index.ts';
import { nodeIdOf } from './node-id.ts';
import { type Act, cluster, doing, noting } from './testing/router-cluster.ts';

/** Two nodes; x1 and y1 exist and have heard of each other: the ref of y1 as x has it, and the other way round. */
const pair = () => {
  const both = cluster(['x', 'y']);
  const { env, notes } = both;
  const [x, y] = [both.at('x'), both.at('y')];
  const toY = (...acts: Act[]) => x.kernel.route('doer', 'x1', doing(...acts));
  const refOfX = x.kernel.spawn('doer', 'x1');
  const refOfY = y.kernel.spawn('doer', 'y1');
  const far = x.router.refs.foreign(y.id, 'doer', 'y1', y.kernel.foreign.lifeOf(refOfY));
  env.run();
  return { ...both, x, y, env, notes, toY, refOfX, refOfY, far };
};

describe('mail across nodes', () => {
  test('reaches the cell by its key, and the answer reaches its sender by address', () => {
    const { env, notes, toY } = pair();
    toY({
      do: 'route',
      key: 'y1',
      mail: doing({ do: 'note', text: 'hi' }, { do: 'send', to: 'sender', mail: noting('back') }),
    });
    env.run();
    expect(notes).toEqual(['y1: hi from x1', 'x1: back from y1']);
  });

  test('carries addresses at any depth: one that comes home is the actor itself', () => {
    const { env, notes, x, refOfX, toY } = pair();
    toY({ do: 'route', key: 'y2', mail: doing({ do: 'send', to: refOfX, mail: noting('by address') }) });
    env.run();
    expect(notes).toEqual(['x1: by address from y2']);
    expect(x.kernel.mailboxLength(refOfX)).toBe(0);
  });

  test('knows a foreign actor as one and the same object', () => {
    const { env, x, y, refOfX } = pair();
    const seen: (Ref | null)[] = [];
    y.kernel.trace = (what, _to, _mail, from) => what === 'handled' && seen.push(from);
    for (let n = 0; n < 3; n++) x.kernel.route('doer', 'y1', noting('hi'), refOfX);
    env.run();
    expect(seen.length).toBe(3);
    expect(seen[0]).toBeInstanceOf(ForeignRef);
    expect(new Set(seen).size).toBe(1);
  });

  test('a full mailbox there is a refusal here, with the mail', () => {
    const { env, notes, y, toY, refOfY } = pair();
    y.kernel.suspend(refOfY);
    const hi = { do: 'route', key: 'y1', mail: noting('hi') } as const;
    toY(hi, hi, hi, hi, hi, hi);
    env.run();
    expect(notes).toEqual(['x1: refused by y1 mailboxFull do1', 'x1: refused by y1 mailboxFull do1']);
  });

  test('to an address whose actor is gone is refused; a successor gets it by the name', () => {
    const { env, notes, y, toY, refOfY, far } = pair();
    y.kernel.kill(refOfY);
    toY({ do: 'send', to: far, mail: noting('for the successor') });
    env.advance(200);
    expect(notes).toEqual(['y1: for the successor from x1']);
    y.kernel.stop(y.kernel.whereis('doer', 'y1') ?? expect.fail());
    toY({ do: 'send', to: far, mail: noting('for nobody') });
    env.run();
    expect(notes.slice(1)).toEqual(['x1: refused by y1 noproc do1']);
  });

  test('in the reply lane is for that very incarnation', () => {
    const { env, notes, y, x, refOfY, far } = pair();
    x.kernel.reply(far, { t: 'late' });
    env.run();
    expect(notes).toEqual(['y1: reply {"t":"late"}']);
    y.kernel.kill(refOfY);
    x.kernel.reply(far, { t: 'late' });
    env.advance(1_000);
    expect(notes.length).toBe(1);
    expect(y.kernel.deadLetters().total).toBe(1);
  });

  test('is refused with busy when the link is full, and with noconnection when nobody has the shard', () => {
    const { env, notes, at, faults } = cluster(['x', 'y'], { windowMailsMax: 3 });
    const x = at('x');
    faults.cuts.add('x>y');
    const hi = { do: 'route', key: 'y1', mail: noting('hi') } as const;
    x.kernel.route('doer', 'x1', doing(hi, hi, hi, hi, { do: 'route', key: 'z1', mail: noting('hi') }));
    env.run();
    expect(notes).toEqual(['x1: refused by y1 busy do1', 'x1: refused by z1 noconnection do1']);
  });

  test('for a shard that is on its way waits with the placement, as much as it takes', () => {
    const { env, notes, x, toY } = pair();
    x.table.set('y', 'hold');
    toY({ do: 'all', keys: ['y1', 'y2', 'y3'], mail: noting('hi') });
    env.run();
    expect(x.held.map(({ key, hops }) => [key, hops])).toEqual([
      ['y1', 0],
      ['y2', 0],
    ]);
    expect(notes).toEqual(['x1: refused by y3 busy do1']);
    x.table.set('y', nodeIdOf('y', '1'));
    for (const { key, mail, from, call, hops } of x.held) x.router.forward('doer', key, mail, from, call, hops);
    env.run();
    expect(notes.slice(1)).toEqual(['y1: hi from x1', 'y2: hi from x1']);
  });
});

describe('a call across nodes', () => {
  const call = (mail: object) => ({ do: 'call', key: 'y1', mail, ms: 500 }) as const;

  test.each([
    ['is answered', doing({ do: 'answer', value: { n: 5 } }), { ok: true, value: { n: 5 }, reason: null }],
    ['hears of a crash', doing({ do: 'crash' }), { ok: false, value: null, reason: 'crashed' }],
    ['hears of silence', doing(), { ok: false, value: null, reason: 'deadline' }],
  ])('%s', (_what, mail, expected) => {
    const { env, notes, toY } = pair();
    toY(call(mail));
    env.advance(1_000);
    expect(notes).toEqual([`x1: reply ${JSON.stringify({ t: 'callResult', token: 7, ...expected })}`]);
  });

  test('from outside of actors is answered too', async () => {
    const { env, x } = pair();
    const asked = x.kernel.ask('doer', 'y1', doing({ do: 'answer', value: 'yes' }), 500);
    env.run();
    expect(await asked).toMatchObject({ ok: true, value: 'yes' });
    const refused = x.kernel.ask('doer', 'z1', doing(), 500);
    expect(await refused).toMatchObject({ ok: false, reason: 'noconnection' });
  });

  test('of a service there gets its first reply', async () => {
    const { env, x, far } = pair();
    const asked = x.kernel.askService(far, doing({ do: 'reply', to: 'sender', mail: { t: 'here' } }), 500);
    env.run();
    expect(await asked).toMatchObject({ ok: true, value: { t: 'here' } });
  });

  test('whose link breaks is told noconnection, once', () => {
    const { env, notes, faults, toY } = pair();
    faults.cuts.add('x>y');
    toY({ do: 'call', key: 'y1', mail: doing(), ms: 60_000 });
    env.advance(14_000);
    expect(notes).toEqual(['x1: reply {"t":"callResult","token":7,"ok":false,"value":null,"reason":"noconnection"}']);
    env.advance(60_000);
    expect(notes.length).toBe(1);
  });
});

describe('a monitor across nodes', () => {
  test('yields down when the actor ends, once', () => {
    const { env, notes, y, toY, refOfY, far } = pair();
    toY({ do: 'monitor', to: far });
    env.run();
    expect(y.router.stats().watches).toBe(1);
    y.kernel.stop(refOfY);
    env.run();
    expect(notes).toEqual(['x1: down y1 shutdown']);
    expect(y.router.stats().watches).toBe(0);
  });

  test('of an actor that is gone, or another life of it, yields noproc at once', () => {
    const { env, notes, y, toY, refOfY, far } = pair();
    y.kernel.kill(refOfY);
    env.run();
    expect(y.kernel.whereis('doer', 'y1')).not.toBeNull();
    toY({ do: 'monitor', to: far });
    env.run();
    expect(notes).toEqual(['x1: down y1 noproc']);
  });

  test('that was taken back is silent, and its watcher’s end takes it back', () => {
    const { env, notes, x, y, toY, refOfX, refOfY, far } = pair();
    toY({ do: 'monitor', to: far }, { do: 'demonitor' }, { do: 'monitor', to: far });
    env.run();
    expect(y.router.stats().watches).toBe(1);
    x.kernel.stop(refOfX);
    env.run();
    expect(y.router.stats().watches).toBe(0);
    y.kernel.stop(refOfY);
    env.run();
    expect(notes).toEqual([]);
  });

  test('yields noconnection when the node is down, and the node forgets its watchers', () => {
    const { env, notes, x, y, toY, far } = pair();
    toY({ do: 'monitor', to: far });
    env.run();
    x.router.nodeDown(y.id);
    env.run();
    expect(notes).toEqual(['x1: down y1 noconnection']);
    // The other side is told that its link is over, and drops the watch.
    expect(y.router.stats().watches).toBe(0);
    toY({ do: 'monitor', to: far });
    env.run();
    expect(notes.slice(1)).toEqual(['x1: down y1 noconnection']);
  });

  test('yields noconnection on both sides when the link breaks in silence', () => {
    const { env, notes, faults, x, y, refOfX, toY, far } = pair();
    const back = y.router.refs.foreign(x.id, 'doer', 'x1', x.kernel.foreign.lifeOf(refOfX));
    toY({ do: 'monitor', to: far });
    y.kernel.route('doer', 'y1', doing({ do: 'monitor', to: back }));
    env.advance(100);
    faults.cuts.add('x>y').add('y>x');
    toY({ do: 'route', key: 'y1', mail: noting('lost') });
    env.advance(14_000);
    expect(notes).toEqual(['x1: refused by y1 noconnection do1', 'x1: down y1 noconnection']);
    faults.cuts.clear();
    env.advance(4_000);
    expect(notes.slice(2)).toEqual(['y1: down x1 noconnection']);
    expect([x.router.stats().watches, y.router.stats().watches]).toEqual([0, 0]);
  });
});

describe('a link between actors across nodes', () => {
  test('tells each of the other’s end', () => {
    const { env, notes, y, toY, refOfY, far } = pair();
    toY({ do: 'link', to: far });
    env.run();
    y.kernel.stop(refOfY);
    env.run();
    expect(notes).toEqual(['x1: exit y1 shutdown']);
  });

  test('works both ways', () => {
    const { env, notes, x, toY, refOfX, far } = pair();
    toY({ do: 'link', to: far });
    env.run();
    x.kernel.stop(refOfX);
    env.run();
    expect(notes).toEqual(['y1: exit x1 shutdown']);
  });

  test('to an actor that is gone is an exit with noproc; taken back it is silent', () => {
    const { env, notes, y, toY, refOfY, far } = pair();
    toY({ do: 'link', to: far }, { do: 'unlink', to: far });
    env.run();
    y.kernel.stop(refOfY);
    env.run();
    expect(notes).toEqual([]);
    toY({ do: 'link', to: far });
    env.run();
    expect(notes).toEqual(['x1: exit y1 noproc']);
  });

  test('ends with noconnection on both sides when the node is lost', () => {
    const { env, notes, x, y, toY, far } = pair();
    toY({ do: 'link', to: far });
    env.run();
    x.router.nodeDown(y.id);
    env.run();
    expect(notes.sort()).toEqual(['x1: exit y1 noconnection', 'y1: exit x1 noconnection']);
  });
});

describe('an old ring', () => {
  const three = () => {
    const all = cluster(['x', 'y', 'z']);
    // y1 moved to z; x has not heard.
    const [x, y, z] = [all.at('x'), all.at('y'), all.at('z')];
    for (const node of [y, z]) node.epoch = 2;
    y.table.set('y', z.id);
    z.table.set('y', 'here');
    return { ...all, x, y, z };
  };

  test('is no loss: mail is passed on, its sender told, and the answer goes straight back', () => {
    const { env, notes, x, y } = three();
    const mail = doing({ do: 'answer', value: 1 });
    x.kernel.route('doer', 'x1', doing({ do: 'call', key: 'y1', mail, ms: 500 }));
    env.run();
    expect(notes).toEqual(['x1: reply {"t":"callResult","token":7,"ok":true,"value":1,"reason":null}']);
    expect(x.staleSaid).toEqual([2]);
    expect(y.router.stats()).toMatchObject({ forwarded: 1, notOwnerOut: 1 });
    for (let n = 0; n < 5; n++) x.kernel.route('doer', 'y1', doing());
    env.run();
    expect(y.router.stats()).toMatchObject({ forwarded: 6, notOwnerOut: 1 });
  });

  test('that goes in circles ends after two hops, with a refusal', () => {
    const { env, notes, x, y, z } = three();
    z.table.set('y', y.id);
    x.kernel.route('doer', 'x1', doing({ do: 'route', key: 'y1', mail: noting('hi') }));
    env.run();
    expect(notes).toEqual(['x1: refused by y1 busy do1']);
    expect(z.router.stats().forwarded + y.router.stats().forwarded).toBe(2);
  });

  test('of the receiver’s is looked into when the mail knows a newer one', () => {
    const { env, x, y } = three();
    x.epoch = 5;
    x.kernel.route('doer', 'y1', doing());
    env.run();
    expect(y.staleSaid).toEqual([5]);
  });

  test('may bring a mail home', () => {
    const { env, notes, x, y } = three();
    y.table.set('y', x.id);
    x.kernel.route('doer', 'x1', doing({ do: 'call', key: 'y1', mail: doing({ do: 'answer', value: 2 }), ms: 500 }));
    env.step();
    x.table.set('y', 'here');
    env.run();
    expect(notes).toEqual(['x1: reply {"t":"callResult","token":7,"ok":true,"value":2,"reason":null}']);
  });
});

describe('one mail to many', () => {
  test('goes to each node once, whatever the number of keys', () => {
    const { env, notes, at } = cluster(['x', 'y', 'z']);
    const x = at('x');
    const keys = Array.from({ length: 1_000 }, (_, n) => `${'xyz'[n % 3]}${n}`);
    x.kernel.route('doer', 'x', doing({ do: 'all', keys, mail: noting('hi') }));
    env.run();
    expect(notes.length).toBe(1_000);
    expect(x.router.stats()).toMatchObject({ routesOut: 2, keysOut: 666 });
    expect(x.links.stats()).toMatchObject({ mailsOut: 2, batchesOut: 2 });
  });

  test('is refused for each key that nobody takes', () => {
    const { env, notes, at } = cluster(['x', 'y']);
    at('x').router.nodeDown(at('y').id);
    at('x').kernel.route('doer', 'x1', doing({ do: 'all', keys: ['y1', 'x2', 'y2'], mail: noting('hi') }));
    env.run();
    expect(notes.sort()).toEqual([
      'x1: refused by y1 noconnection do1',
      'x1: refused by y2 noconnection do1',
      'x2: hi from x1',
    ]);
  });

  test('as a hint wakes nobody and is refused to nobody', () => {
    const { env, notes, at } = cluster(['x', 'y', 'z']);
    const [x, y] = [at('x'), at('y')];
    y.kernel.spawn('doer', 'y1');
    x.router.nodeDown(at('z').id);
    x.kernel.route('doer', 'x1', doing({ do: 'hint', keys: ['y1', 'y2', 'z1', 'x2'], mail: noting('hi') }));
    env.run();
    expect(notes).toEqual(['y1: hi from x1']);
    expect(x.router.stats()).toMatchObject({ hintsOut: 1, hintsDropped: 1 });
  });
});

describe('an incarnation', () => {
  test('that is not accepted is not heard; its sender hears noconnection', () => {
    const { env, notes, y, toY } = pair();
    y.accepts = false;
    toY({ do: 'route', key: 'y1', mail: noting('hi') });
    env.run();
    expect(notes).toEqual(['x1: refused by y1 noconnection do1']);
  });

  test('that a process rejoins as starts anew, and its actors that still live keep their addresses', () => {
    const { env, notes, x, refOfX, toY, far } = pair();
    toY({ do: 'monitor', to: far }, { do: 'route', key: 'y1', mail: doing({ do: 'monitor', to: refOfX }) });
    env.advance(100);
    const before = x.id;
    (x as { id: string }).id = nodeIdOf('x', '2');
    x.router.rejoined(before);
    env.advance(100);
    expect(notes.sort()).toEqual(['x1: down y1 noconnection', 'y1: down x1 noconnection']);
    notes.length = 0;
    toY({ do: 'route', key: 'y1', mail: doing({ do: 'send', to: refOfX, mail: noting('hi') }) });
    env.advance(100);
    expect(notes).toEqual(['x1: hi from y1']);
  });
});
