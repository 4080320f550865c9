import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ForeignRef, type Kernel, OutsideRef, type Ref } from '../runtime/index.ts';
import { TestEnv } from '../runtime/testing/test-env.ts';
import { decodeEnvelope, type Envelope, encodeEnvelope } from './envelope.ts';
import { type NodeId, nodeIdOf } from './node-id.ts';
import { RECENT_MAX, RefTable } from './ref-table.ts';

const A = nodeIdOf('a', '1');
const B = nodeIdOf('b', '1');

/** Refs of a node whose actors are these names; all of life 1. */
const tableOf = (node: NodeId, ...actors: Ref[]) => {
  const env = new TestEnv();
  const find = (kind: string, key: string, life: number) =>
    actors.find((ref) => ref.kind === kind && ref.key === key && life === 1) ?? null;
  const kernel = { foreign: { find, lifeOf: () => 1 } } as unknown as Kernel;
  const refs = new RefTable(
    env,
    () => node,
    () => kernel,
  );
  return { env, refs };
};
const route = (mail: object, from: Ref | null = null): Envelope => ({
  t: 'route',
  kind: 'chat',
  keys: ['c1'],
  mail,
  from,
  call: 3,
  epoch: 9,
  hops: 1,
});

describe('an envelope', () => {
  const a = tableOf(A).refs;
  const b = tableOf(B).refs;
  const across = (envelope: Envelope) => decodeEnvelope(encodeEnvelope(envelope, a), b, A);

  test('of each type is the same on the other side', () => {
    const to = ['session', 'ann', 4] as const;
    const from = ['connection', 'c7', 2] as const;
    const all: Envelope[] = [
      route({ t: 'post', body: Uint8Array.of(1, 2), about: null }),
      { ...route({ t: 'typing', on: true }), t: 'hint', keys: ['c1', 'c2'], call: 0 } as Envelope,
      { t: 'send', to, mail: { t: 'x' }, from: null, lane: 'reply' },
      { t: 'refused', to, kind: 'chat', key: 'c1', mail: { t: 'x' }, reason: 'mailboxFull', call: 0 },
      { t: 'answer', call: 2 ** 40, value: [1, 'x', null, true] },
      { t: 'monitor', to, monitor: 5 },
      { t: 'demonitor', monitor: 5 },
      { t: 'down', from, monitor: 5, reason: 'crash: boom' },
      { t: 'link', from, to },
      { t: 'unlink', from, to },
      { t: 'exit', from, to, reason: 'normal' },
      { t: 'notOwner', shard: 1_023, epoch: 77, owner: B },
    ];
    expect(all.map(across)).toEqual(all);
  });

  test('carries any plain data', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true }).map((number) => number + 0),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 300 }),
    );
    const key = fc.string({ maxLength: 8 }).filter((name) => name !== '__proto__');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('list'), tie('map')),
      list: fc.array(tie('value'), { maxLength: 5 }),
      map: fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
    }));
    fc.assert(
      fc.property(value, (data) => {
        expect(across(route({ t: 'any', data }))).toEqual(route({ t: 'any', data }));
      }),
      { numRuns: 500 },
    );
  });

  test('gives bytes that do not keep the batch that they came with', () => {
    const bytes = encodeEnvelope(route({ frame: new Uint8Array(10) }), a);
    const batch = new Uint8Array(65_536);
    batch.set(bytes, 1_000);
    const read = decodeEnvelope(batch.subarray(1_000, 1_000 + bytes.byteLength), b, A);
    const frame = ((read as { mail: { frame: Uint8Array } }).mail.frame as Uint8Array) ?? expect.fail();
    expect(frame.buffer).not.toBe(batch.buffer);
    expect(frame.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize);
    expect(Buffer.isBuffer(frame)).toBe(false);
  });

  test('that is none is an error, whatever the bytes', () => {
    for (const bytes of [[], [0xc1], [0x90], [0x91, 99], [0x92, 0, 1], [0xd4, 33, 0, 1]])
      expect(() => decodeEnvelope(Uint8Array.from(bytes), b, A)).toThrow();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(typeof decodeEnvelope(bytes, b, A).t).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('an address', () => {
  const actor = new ForeignRef('none', 'x', 'x');
  Object.assign(actor, { kind: 'chat', key: 'c1' });
  const local = { kind: 'chat', key: 'c1' };

  test('is interned: the same object for the same actor, another for another life of it', () => {
    const { refs } = tableOf(A);
    const one = refs.refOf([B, 'chat', 'c1', 1]);
    expect(refs.refOf([B, 'chat', 'c1', 1])).toBe(one);
    expect(one).toBeInstanceOf(ForeignRef);
    expect(refs.refOf([B, 'chat', 'c1', 2])).not.toBe(one);
    expect(refs.size).toBe(2);
  });

  test('that comes home is the actor, and a bare name when that life is over', () => {
    const { refs } = tableOf(A, local);
    expect(refs.refOf([A, 'chat', 'c1', 1])).toBe(local);
    const gone = refs.refOf([A, 'chat', 'c1', 2]);
    expect(gone).toEqual(local);
    expect(gone).not.toBe(local);
    refs.wasSelf(B);
    expect(refs.refOf([B, 'chat', 'c1', 1])).toBe(local);
  });

  test('crosses three nodes and back at any depth', () => {
    const [a, b] = [tableOf(A, local).refs, tableOf(B).refs];
    const onB = b.refOf([A, 'chat', 'c1', 1]);
    const bytes = encodeEnvelope(route({ deep: [{ list: [onB, onB] }] }, onB), b);
    const home = decodeEnvelope(bytes, a, B) as unknown as { mail: { deep: { list: Ref[] }[] }; from: Ref };
    expect(home.from).toBe(local);
    expect(home.mail.deep[0]?.list).toEqual([local, local]);
    expect(home.mail.deep[0]?.list[0]).toBe(local);
  });

  test('of who asks from outside is good for a minute, and for so many', () => {
    const { env, refs } = tableOf(A);
    const outside = new OutsideRef('ask', () => {});
    const wire = refs.wireOf(outside);
    expect(refs.wireOf(outside)).toEqual(wire);
    expect(refs.refOf(wire)).toBe(outside);
    env.advance(60_001);
    refs.wireOf(new OutsideRef('ask', () => {}));
    expect(refs.refOf(wire)).not.toBe(outside);
    const first = refs.wireOf(outside);
    for (let n = 0; n < 16_384; n++) refs.wireOf(new OutsideRef('ask', () => {}));
    expect(refs.refOf(first)).not.toBe(outside);
  });

  test('is forgotten when nobody holds it and thousands were met since, and stays the same for who holds it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { refs } = tableOf(A);
    const held = refs.foreign(B, 'chat', 'held', 1);
    for (let n = 0; n < 5 * RECENT_MAX; n++) refs.foreign(B, 'chat', `c${n}`, 1);
    for (let n = 0; n < 20 && refs.size > 2 * RECENT_MAX + 1; n++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(refs.size).toBeLessThanOrEqual(2 * RECENT_MAX + 1);
    expect(refs.foreign(B, 'chat', 'held', 1)).toBe(held);
  });
});
