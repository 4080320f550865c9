import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { FRAME_NAMES } from './arbitraries.ts';
import { decodeClientFrame, decodeServerFrame, encodeFrame } from './codec.ts';
import type { ErrorCode } from './errors.ts';
import type { Field } from './field.ts';
import { type ClientFrame, FRAMES, type ServerFrame } from './frames.ts';
import { LIMITS } from './limits.ts';
import { OP } from './schema.ts';
import { codeOf } from './testing/code-of.ts';

type Fields = Readonly<Record<string, Field>>;
/** Values of a field at its limits, and values just past them with the code that they get. */
interface Edges {
  readonly within: readonly unknown[];
  readonly past: readonly (readonly [unknown, ErrorCode])[];
}

const packr = new Packr({ useRecords: false });
const ENTRY = encodeFrame({
  ...{ op: OP.RECEIVE_MESSAGE, chat: 'c', seq: 1, sender: 'u', device: 'd', id: 'm', ts: 0, type: 0, about: null },
  body: new Uint8Array(0),
});

/** The smallest value of a field. */
function least(field: Field): unknown {
  switch (field.is) {
    case 'uint':
      return 0;
    case 'bool':
      return false;
    case 'str':
      return '';
    case 'id':
      return 'x';
    case 'bin':
      return new Uint8Array(0);
    case 'nil':
      return null;
    case 'tuple':
      return Object.fromEntries(Object.entries(field.of).map(([name, of]) => [name, least(of)]));
    case 'list':
    case 'frames':
      return [];
  }
}

function edges(field: Field): Edges {
  switch (field.is) {
    case 'uint':
      return {
        within: [field.max],
        past: [field.max + 1, -1, 0.5, Number.NaN, '0', null, true, [], 2 ** 63].map((v) => [v, 'bad_frame']),
      };
    case 'bool':
      return { within: [true], past: [0, 1, null, 'true'].map((v) => [v, 'bad_frame']) };
    case 'str':
      return {
        within: ['x'.repeat(field.max), '€'.repeat(field.max), '𝕏'.repeat(field.max >> 1)],
        past: [
          ['x'.repeat(field.max + 1), 'too_large'],
          ['€'.repeat(field.max + 1), 'too_large'],
          [1, 'bad_frame'],
          [Uint8Array.of(65), 'bad_frame'],
        ],
      };
    case 'id':
      return {
        within: ['x'.repeat(field.max), '_'],
        past: ['x'.repeat(field.max + 1), '', 'a b', 'ä', 'a\n', '€', 'a/b', 1].map((v) => [v, 'bad_frame']),
      };
    case 'bin':
      return {
        within: [new Uint8Array(field.max)],
        past: [
          [new Uint8Array(field.max + 1), 'too_large'],
          ['text', 'bad_frame'],
          [[1], 'bad_frame'],
        ],
      };
    case 'nil':
      return edges(field.of).past.some(([v]) => v === null)
        ? { within: edges(field.of).within, past: edges(field.of).past.filter(([v]) => v !== null) }
        : edges(field.of);
    case 'list': {
      const of = edges(field.of);
      return {
        within: [Array(field.max).fill(least(field.of)), ...of.within.map((v) => [v])],
        past: [[Array(field.max + 1).fill(least(field.of)), 'too_large'], ['x', 'bad_frame'], ...inList(of.past)],
      };
    }
    case 'tuple': {
      const base = least(field) as object;
      const inner = Object.entries(field.of).map(([name, of]) => [name, edges(of)] as const);
      return {
        within: inner.flatMap(([name, of]) => of.within.map((v) => ({ ...base, [name]: v }))),
        past: inner.flatMap(([name, of]) => of.past.map(([v, code]) => [{ ...base, [name]: v }, code] as const)),
      };
    }
    case 'frames':
      return {
        within: [Array(field.max).fill(ENTRY)],
        past: [[Array(field.max + 1).fill(ENTRY), 'too_large'], ...inList([[1, 'bad_frame']])],
      };
  }
}
const inList = (past: Edges['past']): Edges['past'] => past.map(([v, code]) => [[v], code] as const);

/** What a foreign library would be given: tuples are arrays, nested frames are arrays. */
function wire(field: Field, value: unknown): unknown {
  if (field.is === 'nil') return value === null ? null : wire(field.of, value);
  if (field.is === 'list' && Array.isArray(value)) return value.map((one) => wire(field.of, one));
  if (field.is === 'frames' && Array.isArray(value))
    return value.map((one) => (one instanceof Uint8Array ? packr.unpack(Buffer.from(one)) : one));
  if (field.is === 'tuple')
    return Object.entries(field.of).map(([name, of]) => wire(of, (value as Record<string, unknown>)[name]));
  return value;
}

for (const name of FRAME_NAMES) {
  const { op, from } = FRAMES[name];
  const fields: Fields = FRAMES[name].fields;
  const decode = from === 'server' ? decodeServerFrame : decodeClientFrame;
  const base = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, least(field)]));
  const frameWith = (key: string, value: unknown): ClientFrame | ServerFrame =>
    ({ op, ...base, [key]: value }) as unknown as ClientFrame | ServerFrame;
  const wireWith = (key: string, value: unknown): Uint8Array =>
    packr.pack([
      op,
      ...Object.entries(fields).map(([k, field]) => (k === key ? wire(field, value) : wire(field, base[k]))),
    ]);

  describe(name, () => {
    for (const [key, field] of Object.entries(fields)) {
      it(`takes ${key} at its limits, from us and from msgpackr`, () => {
        for (const value of edges(field).within) {
          expect(decode(encodeFrame(frameWith(key, value)))).toMatchObject({ op, [key]: value });
          expect(decode(wireWith(key, value))).toMatchObject({ op });
        }
        expect(codeOf(() => decode(wireWith(key, base[key])))).toBe('none');
      });

      it(`refuses ${key} past its limits and of other types, both when writing and when reading`, () => {
        for (const [value, code] of edges(field).past) {
          expect(codeOf(() => encodeFrame(frameWith(key, value)))).toBe(code);
          expect(codeOf(() => decode(wireWith(key, value)))).toBe(code);
        }
      });
    }

    it('has all its fields, and no more; only trailing ones that are nil may be left out', () => {
      const whole = [op, ...Object.entries(fields).map(([key, field]) => wire(field, base[key]))];
      const least = Object.values(fields).findLastIndex((field) => field.is !== 'nil') + 2;
      for (let items = 0; items <= whole.length + 1; items++) {
        const bytes = packr.pack([...whole, null].slice(0, items));
        const good = items >= least && items <= whole.length;
        expect(codeOf(() => decode(bytes))).toBe(good ? 'none' : 'bad_frame');
        if (good) expect(decode(bytes)).toEqual({ op, ...base });
      }
    });

    it('goes its own way only, and ends where it ends', () => {
      const bytes = encodeFrame({ op, ...base } as unknown as ClientFrame | ServerFrame);
      expect(codeOf(() => decodeClientFrame(bytes))).toBe(from === 'server' ? 'bad_frame' : 'none');
      expect(codeOf(() => decodeServerFrame(bytes))).toBe(from === 'client' ? 'bad_frame' : 'none');
      expect(codeOf(() => decode(Uint8Array.of(...bytes, 0xc0)))).toBe('bad_frame');
      for (let i = 0; i < bytes.length; i++) expect(codeOf(() => decode(bytes.subarray(0, i)))).toBe('bad_frame');
    });
  });
}

describe('a frame', () => {
  const page = (bytes: number): ServerFrame => {
    const body = new Uint8Array(Math.floor(bytes / 2));
    const entry = {
      op: OP.RECEIVE_MESSAGE,
      chat: 'c',
      seq: 1,
      sender: 'u',
      device: 'd',
      id: 'm',
      ts: 0,
      type: 0,
    } as const;
    const one = encodeFrame({ ...entry, body, about: null });
    const other = encodeFrame({ ...entry, body: new Uint8Array(bytes - one.length), about: null });
    return { op: OP.HISTORY_PAGE, ref: 1, chat: 'c', from: 1, to: 2, more: false, entries: [one, other] };
  };
  // Headers of the page, and of the second entry, beside its body.
  const overhead = encodeFrame(page(20_000)).length - 20_000;

  it('may have 64 KiB, and not one byte more, whoever writes it', () => {
    const most = encodeFrame(page(LIMITS.frameBytesMax - overhead));
    expect(most.length).toBe(LIMITS.frameBytesMax);
    expect(codeOf(() => decodeServerFrame(most))).toBe('none');
    expect(codeOf(() => encodeFrame(page(LIMITS.frameBytesMax - overhead + 1)))).toBe('too_large');
    expect(codeOf(() => decodeServerFrame(Uint8Array.of(...most, 0)))).toBe('too_large');
    expect(codeOf(() => decodeClientFrame(new Uint8Array(LIMITS.frameBytesMax + 1)))).toBe('too_large');
  });

  it.each([
    ['no array', [0xc0]],
    ['an empty array', [0x90]],
    ['no bytes', []],
    ['an unknown op', [0x91, 0x7f]],
    ['op 0', [0x91, 0x00]],
    ['a huge op', [0x91, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['an op by name', [0x91, 0xa3, 0x42, 0x59, 0x45]],
    ['a map', [0x81, 0xa2, 0x6f, 0x70, 0x03]],
  ])('is not %s', (_, bytes) => {
    expect(codeOf(() => decodeClientFrame(Uint8Array.from(bytes)))).toBe('bad_frame');
    expect(codeOf(() => decodeServerFrame(Uint8Array.from(bytes)))).toBe('bad_frame');
  });

  it('that is not in the table is not written', () => {
    expect(codeOf(() => encodeFrame({ op: 99 } as unknown as ClientFrame))).toBe('bad_frame');
    expect(codeOf(() => encodeFrame({} as unknown as ClientFrame))).toBe('bad_frame');
  });
});
