// A strict reader of the MessagePack subset of the wire: nil, booleans, safe integers, UTF-8 strings, binaries, arrays, and maps
// with string keys in free values. No extension types. It allocates by what is there, never by a claimed length, and throws
// nothing but ProtocolError. `what` names the field in the error. Reads are within `end`, which is checked: hence the casts.
import { ProtocolError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { areIdChars, asciiText, utf8Text } from './text.ts';

/** A free MessagePack value, as in the bodies of changes. Maps are `Map`s, so that no key can touch a prototype. */
export type MsgValue = null | boolean | number | string | Uint8Array | MsgValue[] | Map<string, MsgValue>;

export function bad(what: string, why: string): never {
  throw new ProtocolError('bad_frame', `${what}: ${why}`);
}
export function tooLarge(what: string, max: number): never {
  throw new ProtocolError('too_large', `${what}: over ${max}`);
}

const NOTHING = new Uint8Array(0);
const TWO_32 = 0x1_0000_0000;

export class Reader {
  private bytes: Uint8Array = NOTHING;
  private pos = 0;
  private end = 0;
  private items = 0;

  /** Starts on new bytes, which it keeps until the next start. */
  start(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.pos = 0;
    this.end = bytes.length;
    this.items = 0;
  }

  /** Asserts that all was read. */
  finish(): void {
    if (this.pos !== this.end) bad('frame', 'bytes after its end');
  }

  uint(max: number, what: string): number {
    const at = this.pos;
    let value: number;
    if (at < this.end && (this.bytes[at] as number) < 0x80) {
      value = this.bytes[at] as number;
      this.pos = at + 1;
    } else value = this.integer(what);
    if (value < 0 || value > max) bad(what, `not from 0 to ${max}`);
    return value;
  }

  bool(what: string): boolean {
    const b = this.byte(what);
    if (b === 0xc3) return true;
    if (b !== 0xc2) bad(what, 'not a boolean');
    return false;
  }

  /** Takes a nil if one is next. */
  nil(): boolean {
    if (this.pos >= this.end || this.bytes[this.pos] !== 0xc0) return false;
    this.pos++;
    return true;
  }

  id(max: number, what: string): string {
    const length = this.stringHeader(what);
    if (length === 0 || length > max) bad(what, `not 1 to ${max} characters`);
    const from = this.take(length, what);
    if (!areIdChars(this.bytes, from, from + length)) bad(what, 'not the characters of an id');
    return asciiText(this.bytes, from, from + length);
  }

  /** A string of at most `max` UTF-16 units. */
  str(max: number, what: string): string {
    const length = this.stringHeader(what);
    if (length > 3 * max) tooLarge(what, max); // a unit takes three bytes at the most
    const from = this.take(length, what);
    const text = utf8Text(this.bytes, from, from + length);
    if (text === null) bad(what, 'not UTF-8');
    if (text.length > max) tooLarge(what, max);
    return text;
  }

  /** A view into the bytes being read, not a copy. */
  bin(max: number, what: string): Uint8Array {
    const length = this.binHeader(what);
    if (length > max) tooLarge(what, max);
    return this.viewOf(this.take(length, what), length);
  }

  /** The number of elements of an array that begins here. */
  array(what: string): number {
    const b = this.byte(what);
    let count: number;
    if ((b & 0xf0) === 0x90) count = b & 0x0f;
    else if (b === 0xdc) count = this.u16(what);
    else if (b === 0xdd) count = this.u32(what);
    else return bad(what, 'not an array');
    this.count(count, what);
    return count;
  }

  /** Raw bytes of the value that begins here: a view. The value is checked as MessagePack, not as more. */
  raw(what: string): Uint8Array {
    const from = this.pos;
    this.value(1, what);
    return this.viewOf(from, this.pos - from);
  }

  value(depth: number, what: string): MsgValue {
    if (depth > LIMITS.msgpackDepthMax) bad(what, 'nested too deep');
    if (this.pos >= this.end) bad(what, 'ends early');
    const b = this.bytes[this.pos] as number;
    if (b < 0x80 || b >= 0xe0 || (b >= 0xcc && b <= 0xd3) || b === 0xca || b === 0xcb) return this.integer(what);
    if ((b & 0xe0) === 0xa0 || (b >= 0xd9 && b <= 0xdb)) return this.str(LIMITS.frameBytesMax, what);
    if (b >= 0xc4 && b <= 0xc6) return this.bin(LIMITS.frameBytesMax, what);
    if ((b & 0xf0) === 0x90 || b === 0xdc || b === 0xdd) {
      const list: MsgValue[] = [];
      for (let left = this.array(what); left > 0; left--) list.push(this.value(depth + 1, what));
      return list;
    }
    if ((b & 0xf0) === 0x80 || b === 0xde || b === 0xdf) return this.map(depth, what);
    if (this.nil()) return null;
    return this.bool(what);
  }

  private map(depth: number, what: string): Map<string, MsgValue> {
    const b = this.byte(what);
    const count = b < 0x90 ? b & 0x0f : b === 0xde ? this.u16(what) : this.u32(what);
    this.count(2 * count, what);
    const map = new Map<string, MsgValue>();
    for (let left = count; left > 0; left--) {
      const key = this.str(LIMITS.frameBytesMax, what);
      if (map.has(key)) bad(what, 'the same key twice');
      map.set(key, this.value(depth + 1, what));
    }
    return map;
  }

  /** Each item takes a byte at least, so a claim of more than is left is a lie, found before anything is made for it. */
  private count(count: number, what: string): void {
    this.items += count;
    if (this.items > LIMITS.msgpackItemsMax) bad(what, `over ${LIMITS.msgpackItemsMax} items`);
    if (count > this.end - this.pos) bad(what, 'ends early');
  }

  /** Any integer form; also a float that is an integer, which some libraries write for integers of over 32 bits. */
  private integer(what: string): number {
    const b = this.byte(what);
    if (b < 0x80) return b;
    if (b >= 0xe0) return b - 0x100;
    let value = Number.NaN;
    if (b === 0xcc) value = this.byte(what);
    else if (b === 0xcd) value = this.u16(what);
    else if (b === 0xce) value = this.u32(what);
    else if (b === 0xcf) value = this.u32(what) * TWO_32 + this.u32(what);
    else if (b === 0xd0) value = (this.byte(what) << 24) >> 24;
    else if (b === 0xd1) value = (this.u16(what) << 16) >> 16;
    else if (b === 0xd2) value = this.u32(what) | 0;
    else if (b === 0xd3) value = (this.u32(what) | 0) * TWO_32 + this.u32(what);
    else if (b === 0xca) value = this.view(4, what).getFloat32(0);
    else if (b === 0xcb) value = this.view(8, what).getFloat64(0);
    if (!Number.isSafeInteger(value)) bad(what, 'not a safe integer');
    return value + 0; // −0 becomes 0
  }

  private stringHeader(what: string): number {
    const b = this.byte(what);
    if ((b & 0xe0) === 0xa0) return b & 0x1f;
    if (b === 0xd9) return this.byte(what);
    if (b === 0xda) return this.u16(what);
    if (b === 0xdb) return this.u32(what);
    return bad(what, 'not a string');
  }

  private binHeader(what: string): number {
    const b = this.byte(what);
    if (b === 0xc4) return this.byte(what);
    if (b === 0xc5) return this.u16(what);
    if (b === 0xc6) return this.u32(what);
    return bad(what, 'not binary');
  }

  private byte(what: string): number {
    const at = this.pos;
    if (at >= this.end) bad(what, 'ends early');
    this.pos = at + 1;
    return this.bytes[at] as number;
  }

  private u16(what: string): number {
    const at = this.take(2, what);
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  private u32(what: string): number {
    return this.u16(what) * 0x1_0000 + this.u16(what);
  }

  /** A plain Uint8Array also of a Buffer, so that results are alike everywhere; faster than `subarray`, too. */
  private viewOf(from: number, length: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + from, length);
  }

  private view(length: number, what: string): DataView {
    const at = this.take(length, what);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, length);
  }

  /** Steps over `length` bytes, and gives where they begin. */
  private take(length: number, what: string): number {
    const from = this.pos;
    if (length > this.end - from) bad(what, 'ends early');
    this.pos = from + length;
    return from;
  }
}
