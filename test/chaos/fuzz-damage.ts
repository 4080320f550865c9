// Ways to damage a frame, binary or JSON: each has a name, so that the run can say what it tried. Test code.
import type { Random } from './fuzz-random.ts';

type Damage = (bytes: Uint8Array, other: Uint8Array, r: Random) => Uint8Array;

const put = (bytes: Uint8Array, at: number, drop: number, ...values: number[]): Uint8Array =>
  Uint8Array.of(...bytes.subarray(0, at), ...values, ...bytes.subarray(Math.min(bytes.length, at + drop)));
const somewhere = (bytes: Uint8Array, r: Random): number => r.below(bytes.length + 1);
/** First bytes of nil, booleans, floats, integers, strings, binaries, arrays, maps: whatever stood there, it is of another type now. */
const MARKERS = [0xc0, 0xc1, 0xc2, 0xc3, 0xca, 0xcb, 0xcf, 0xd3, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xe0, 0x00];
const CLAIMS = [
  [0xdb, 0xff, 0xff, 0xff, 0xff],
  [0xc6, 0xff, 0xff, 0xff, 0xff],
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xdf, 0x7f, 0xff, 0xff, 0xff],
  [0xdc, 0xff, 0xff],
  [0xde, 0xff, 0xff],
  [0xda, 0xff, 0xff],
  [0xc5, 0xff, 0xff],
];
/** Extension types that decoders revive: timestamps, and what some libraries use for errors, sets, expressions and references. */
const EXTENSIONS = [
  [0xd6, 0xff, 0, 0, 0, 0],
  [0xd4, 0x00, 0x00],
  [0xc7, 0x04, 0x65, 0x93, 0xa1, 0x61, 0xc0],
  [0xc7, 0x03, 0x78, 0x92, 0xa0, 0xa0],
  [0xd6, 0x69, 0, 0, 0, 0],
  [0xd4, 0x72, 0x40],
  [0xc9, 0xff, 0xff, 0xff, 0xff, 0x01],
];
const NO_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xe2, 0x82]];

export const DAMAGES: Readonly<Record<string, Damage>> = {
  bits: (bytes, _, r) => {
    const out = bytes.slice();
    for (let n = r.between(1, 8); n > 0 && out.length > 0; n--) {
      const at = r.below(out.length);
      out[at] = (out[at] ?? 0) ^ (1 << r.below(8));
    }
    return out;
  },
  cut: (bytes, _, r) => bytes.slice(0, somewhere(bytes, r)),
  spliced: (bytes, other, r) => {
    const head = bytes.subarray(0, somewhere(bytes, r));
    return Uint8Array.of(...head, ...other.subarray(somewhere(other, r)));
  },
  trailing: (bytes, other) => Uint8Array.of(...bytes, ...other),
  type: (bytes, _, r) => put(bytes, somewhere(bytes, r), 1, r.pick(MARKERS)),
  claim: (bytes, _, r) => put(bytes, somewhere(bytes, r), r.below(3), ...r.pick(CLAIMS)),
  extension: (bytes, _, r) => put(bytes, somewhere(bytes, r), r.below(2), ...r.pick(EXTENSIONS)),
  noUtf8: (bytes, _, r) => {
    const bad = r.pick(NO_UTF8);
    return put(bytes, somewhere(bytes, r), bad.length, ...bad);
  },
  nested: (bytes, _, r) => {
    const depth = r.pick([15, 16, 17, 100, 5_000]);
    const level = r.chance(0.5) ? [0x91] : [0x81, 0xa1, 0x61];
    const at = Math.min(bytes.length, r.between(1, 6));
    const bomb = Array.from({ length: depth }, () => level).flat();
    return Uint8Array.of(...bytes.subarray(0, at), ...bomb, 0xc0, ...bytes.subarray(at));
  },
  items: (bytes, _, r) => {
    const count = r.pick([4_095, 4_096, 4_097, 40_000]);
    return Uint8Array.of(0x92, bytes[1] ?? 0, 0xdc, count >> 8, count & 255, ...new Uint8Array(count).fill(0xc0));
  },
  serverOnly: (bytes, _, r) => put(bytes, 1, 1, r.between(33, 48)),
  op: (bytes, _, r) => put(bytes, 1, 1, r.below(256)),
};
export const DAMAGE_NAMES = Object.keys(DAMAGES);

const JSON_SCRAPS = [
  '"\\ud800"',
  '1e400',
  '-0',
  '9007199254740993',
  '0.5',
  '{"b64":"%%%"}',
  '{"b64":"AAAA","__proto__":1}',
  '{"__proto__":{"op":1}}',
  'null',
  'true',
  '"\\u0000"',
  '"x\u202e"',
  '[[[[]]]]',
  '',
  ',',
  '\ufeff',
  '\u0000',
  'NaN',
];

export function damageJson(text: string, r: Random): string {
  const at = r.below(text.length + 1);
  switch (r.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + r.pick(JSON_SCRAPS) + text.slice(at + r.below(4));
    case 2:
      return '['.repeat(r.pick([1, 17, 1_000, 60_000])) + text;
    case 3: {
      // One of the fields replaced by something else.
      const fields = text.split(',');
      fields[r.below(fields.length)] = r.pick(JSON_SCRAPS);
      return fields.join(',');
    }
    case 4:
      return text + text;
    default:
      return text.slice(0, at) + String.fromCharCode(r.below(0x3000)) + text.slice(at + 1);
  }
}
