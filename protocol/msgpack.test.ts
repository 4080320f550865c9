import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { LIMITS } from './limits.ts';
import { type MsgValue, Reader } from './msgpack-reader.ts';
import { Writer } from './msgpack-writer.ts';
import { codeOf } from './testing/code-of.ts';
import { asciiText, joinedText } from './text.ts';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

function read(bytes: Uint8Array): MsgValue {
  const reader = new Reader();
  reader.start(bytes);
  const value = reader.value(1, 'value');
  reader.finish();
  return value;
}
function write(value: MsgValue): Uint8Array {
  const out = new Uint8Array(100_000);
  const writer = new Writer();
  writer.start(out, 0);
  writer.value(value, 'value');
  return out.slice(0, writer.end());
}
const { value } = fc.letrec<{ value: MsgValue; list: MsgValue[]; map: Map<string, MsgValue> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeNat(),
    fc.nat(),
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 30, maxLength: 300 }),
    fc.uint8Array(),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('value'), { maxLength: 20 }),
  map: fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 20 }).map((entries) => new Map(entries)),
}));

describe('MessagePack values', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(value, (v) => {
        expect(read(write(v))).toEqual(v);
      }),
    );
  });

  it('mean the same to msgpackr, both ways', () => {
    const packr = new Packr({ useRecords: false, mapsAsObjects: false });
    const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' });
    fc.assert(
      fc.property(value, (v) => {
        const theirs: unknown = unpackr.unpack(write(v));
        expect(plain(theirs)).toEqual(v);
        expect(read(Uint8Array.from(packr.pack(v)))).toEqual(v);
      }),
    );
  });

  /** msgpackr gives Buffers. */
  function plain(v: unknown): unknown {
    if (v instanceof Uint8Array) return Uint8Array.from(v);
    if (Array.isArray(v)) return v.map(plain);
    if (v instanceof Map) return new Map([...v].map(([key, one]) => [key, plain(one)]));
    return v;
  }

  it.each([
    ['ff', -1],
    ['d0 80', -128],
    ['d1 8000', -32_768],
    ['d2 80000000', -2_147_483_648],
    ['d3 ffe0000000000001', -Number.MAX_SAFE_INTEGER],
    ['d3 001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['cf 001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['cf 0000000000000005', 5],
    ['ca 3f800000', 1],
  ])('reads %s as the integer %d', (hex, number) => {
    expect(read(bytesOf(hex))).toBe(number);
  });

  it('reads the float form of an integer that some libraries write for times, and minus zero as zero', () => {
    const view = new DataView(new ArrayBuffer(9));
    view.setUint8(0, 0xcb);
    view.setFloat64(1, 1_763_800_000_000);
    expect(read(new Uint8Array(view.buffer))).toBe(1_763_800_000_000);
    expect(read(bytesOf('cb 8000000000000000'))).toBe(0);
    expect(Object.is(read(bytesOf('ca 80000000')), 0)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['bytes after the value', 'c0 c0'],
    ['the byte that is never used', 'c1'],
    ['a fraction', 'cb 3ff8000000000000'],
    ['NaN', 'cb 7ff8000000000000'],
    ['infinity', 'ca 7f800000'],
    ['an integer above the safe ones', 'cf 0020000000000000'],
    ['the largest integer', 'cf ffffffffffffffff'],
    ['an integer below the safe ones', 'd3 ffe0000000000000'],
    ['the smallest integer', 'd3 8000000000000000'],
    ['an extension of one byte', 'd4 01 00'],
    ['an extension of sixteen', `d8 01 ${'00'.repeat(16)}`],
    ['an extension of a said length', 'c7 01 01 00'],
    ['an extension of a long length', 'c9 00000001 01 00'],
    ['a timestamp extension', 'd6 ff 00000000'],
    ['a string of half a character', 'a1 c3'],
    ['a string with an overlong form', 'a2 c0 80'],
    ['a string with a surrogate', 'a3 ed a0 80'],
    ['a string above the last plane', 'a4 f5 80 80 80'],
    ['a long string that is not UTF-8', `d9 50 ${'61'.repeat(79)} ff`],
    ['a string that ends early', 'a5 61'],
    ['a binary that ends early', 'c4 05 00'],
    ['a list that ends early', '92 c0'],
    ['a map with a key that is no string', '81 01 c0'],
    ['a map with a key twice', '82 a1 61 c0 a1 61 c0'],
    ['a string that claims 3 bytes a unit of 64 KiB', 'db 00030000'],
    ['a list that claims four thousand million items', 'dd ffffffff'],
    ['a list that claims more than is there', 'dc 0fff c0'],
    ['a map that claims four thousand million items', 'df ffffffff'],
  ])('refuses %s', (_, hex) => {
    expect(codeOf(() => read(bytesOf(hex)))).toBe('bad_frame');
  });

  it.each([
    ['a binary that claims four gigabytes', 'c6 ffffffff'],
    ['a string that claims four gigabytes', 'db ffffffff'],
  ])('refuses %s before it makes room for it', (_, hex) => {
    expect(codeOf(() => read(bytesOf(hex)))).toBe('too_large');
  });

  it('reads lists and maps to the depth limit, and not one deeper', () => {
    const depth = LIMITS.msgpackDepthMax;
    expect(codeOf(() => read(bytesOf(`${'91'.repeat(depth - 1)}c0`)))).toBe('none');
    expect(codeOf(() => read(bytesOf(`${'91'.repeat(depth)}c0`)))).toBe('bad_frame');
    expect(codeOf(() => read(bytesOf(`${'81a161'.repeat(depth - 1)}c0`)))).toBe('none');
    expect(codeOf(() => read(bytesOf(`${'81a161'.repeat(depth)}c0`)))).toBe('bad_frame');
    expect(codeOf(() => read(new Uint8Array(60_000).fill(0x91)))).toBe('bad_frame');
  });

  it('reads as many items as the limit, in one list or many, and not one more', () => {
    const most = LIMITS.msgpackItemsMax;
    const list = (items: number): Uint8Array => Uint8Array.of(0xdc, items >> 8, items, ...new Uint8Array(items));
    expect(codeOf(() => read(list(most)))).toBe('none');
    expect(codeOf(() => read(list(most + 1)))).toBe('bad_frame');
    expect(codeOf(() => read(Uint8Array.of(0x92, ...list(most - 2), 0x90)))).toBe('none');
    expect(codeOf(() => read(Uint8Array.of(0x92, ...list(most - 2), 0x91, 0)))).toBe('bad_frame');
  });

  it('never throws anything but a ProtocolError, whatever the bytes', () => {
    const tags = fc.constantFrom(
      0x80,
      0x90,
      0xa5,
      0xc1,
      0xc4,
      0xc5,
      0xc7,
      0xca,
      0xcb,
      0xcf,
      0xd3,
      0xd4,
      0xd9,
      0xdc,
      0xdd,
      0xdf,
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.oneof(tags, fc.nat(255))).map((b) => Uint8Array.from(b)),
    );
    fc.assert(
      fc.property(bytes, (b) => {
        expect(['none', 'bad_frame', 'too_large']).toContain(codeOf(() => read(b)));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('ASCII', () => {
  it('becomes the same string by either way', () => {
    for (let length = 0; length < 100; length++) {
      const bytes = new Uint8Array(length + 3).map((_, i) => 33 + ((i * 7 + length) % 90));
      const expected = Buffer.from(bytes.subarray(1, 1 + length)).toString('latin1');
      expect(asciiText(bytes, 1, 1 + length)).toBe(expected);
      expect(joinedText(bytes, 1, 1 + length)).toBe(expected);
    }
  });
});
