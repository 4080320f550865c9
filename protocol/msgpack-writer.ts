// The writer of the MessagePack subset of the wire, always in the shortest form. It holds values to the same limits as the reader,
// so what it wrote the other side takes. Writes past the end of a typed array fall away: it writes without looking, and `end()`
// tells whether all fitted.
import { bad, type MsgValue, tooLarge } from './msgpack-reader.ts';
import { ID_CHARS, utf8Length, writeUtf8 } from './text.ts';

const NOTHING = new Uint8Array(0);
const TWO_32 = 0x1_0000_0000;

export class Writer {
  private out: Uint8Array = NOTHING;
  private pos = 0;

  start(out: Uint8Array, at: number): void {
    this.out = out;
    this.pos = at;
  }

  /** The position after what was written, or −1 when the target is too small. */
  end(): number {
    return this.pos > this.out.length ? -1 : this.pos;
  }

  uint(value: unknown, max: number, what: string): void {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
      bad(what, `not an integer from 0 to ${max}`);
    if (value < 0x80) this.out[this.pos++] = value;
    else this.wide(value);
  }

  bool(value: unknown, what: string): void {
    if (typeof value !== 'boolean') bad(what, 'not a boolean');
    this.out[this.pos++] = value ? 0xc3 : 0xc2;
  }

  nil(): void {
    this.out[this.pos++] = 0xc0;
  }

  id(value: unknown, max: number, what: string): void {
    if (typeof value !== 'string') bad(what, 'not a string');
    const length = value.length;
    if (length === 0 || length > max) bad(what, `not 1 to ${max} characters`);
    this.stringHeader(length);
    const out = this.out;
    let at = this.pos;
    let ok = 1;
    for (let i = 0; i < length; i++) {
      const c = value.charCodeAt(i);
      ok &= ID_CHARS[c] as number; // undefined above 255, which makes 0
      out[at++] = c;
    }
    if (ok === 0) bad(what, 'not the characters of an id');
    this.pos = at;
  }

  str(value: unknown, max: number, what: string): void {
    if (typeof value !== 'string') bad(what, 'not a string');
    if (value.length > max) tooLarge(what, max);
    const length = utf8Length(value);
    if (length < 0) bad(what, 'half a surrogate pair');
    this.stringHeader(length);
    this.pos = writeUtf8(value, this.out, this.pos);
  }

  bin(value: unknown, max: number, what: string): void {
    if (!(value instanceof Uint8Array)) bad(what, 'not binary');
    const length = value.length;
    if (length > max) tooLarge(what, max);
    if (length < 0x100) this.header8(0xc4, length);
    else if (length < 0x1_0000) this.header16(0xc5, length);
    else this.header32(0xc6, length);
    this.raw(value);
  }

  array(count: number): void {
    if (count < 16) this.out[this.pos++] = 0x90 | count;
    else if (count < 0x1_0000) this.header16(0xdc, count);
    else this.header32(0xdd, count);
  }

  map(count: number): void {
    if (count < 16) this.out[this.pos++] = 0x80 | count;
    else this.header16(0xde, count);
  }

  /** Bytes as they are, MessagePack already. */
  raw(bytes: Uint8Array): void {
    const from = this.pos;
    this.pos = from + bytes.length;
    if (this.pos > this.out.length) return;
    if (bytes.length > 32) this.out.set(bytes, from);
    else for (let i = 0; i < bytes.length; i++) this.out[from + i] = bytes[i] as number; // `set` costs more than a few bytes
  }

  /** A free value. */
  value(value: MsgValue, what: string): void {
    if (value === null) this.nil();
    else if (typeof value === 'boolean') this.bool(value, what);
    else if (typeof value === 'number') this.uint(value, Number.MAX_SAFE_INTEGER, what);
    else if (typeof value === 'string') this.str(value, this.out.length, what);
    else if (value instanceof Uint8Array) this.bin(value, this.out.length, what);
    else if (Array.isArray(value)) {
      this.array(value.length);
      for (const one of value) this.value(one, what);
    } else {
      this.map(value.size);
      for (const [key, one] of value) {
        this.str(key, this.out.length, what);
        this.value(one, what);
      }
    }
  }

  private wide(value: number): void {
    if (value < 0x100) this.header8(0xcc, value);
    else if (value < 0x1_0000) this.header16(0xcd, value);
    else if (value < TWO_32) this.header32(0xce, value);
    else {
      this.header32(0xcf, Math.floor(value / TWO_32));
      this.u32(value);
    }
  }

  private stringHeader(length: number): void {
    if (length < 32) this.out[this.pos++] = 0xa0 | length;
    else if (length < 0x100) this.header8(0xd9, length);
    else if (length < 0x1_0000) this.header16(0xda, length);
    else this.header32(0xdb, length);
  }

  private header8(tag: number, value: number): void {
    const out = this.out;
    const at = this.pos;
    out[at] = tag;
    out[at + 1] = value;
    this.pos = at + 2;
  }

  private header16(tag: number, value: number): void {
    this.header8(tag, value >>> 8);
    this.out[this.pos++] = value;
  }

  private header32(tag: number, value: number): void {
    this.out[this.pos++] = tag;
    this.u32(value);
  }

  /** The low 32 bits, big end first; a typed array keeps the low eight bits of each. */
  private u32(value: number): void {
    const out = this.out;
    const at = this.pos;
    out[at] = value >>> 24;
    out[at + 1] = value >>> 16;
    out[at + 2] = value >>> 8;
    out[at + 3] = value;
    this.pos = at + 4;
  }
}
