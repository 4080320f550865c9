// The layout of the LMDB file: which bytes make a key, and what a value's header is. Knows no database.
//
//   10 log 00                                    → n          where the numbers of an emptied log go on
//   10 log 01 n fence                            → entry; in `i:` logs after 4 bytes of write time (seconds)
//   10 log 02 day' sender device id              → n          the dedupe index of `c:` logs
//   20 table partition key                       → row: kind, stamp, bytes
//   30 due-day what (log | row key)              →            what the sweep may find to delete from that day on
//
// Texts but the last of a key carry a length byte, so no two keys collide. A chat's newest entry and today's dedupe index lie
// side by side (day' counts down), so that a message touches one page, not two: a commit costs by the pages it touches.
import type { LogId, Table } from '../store.ts';

export const TAG = { log: 0x10, row: 0x20, due: 0x30 } as const;
export const PART = { head: 0, entries: 1, sent: 2, end: 3 } as const;
/** What a due mark is about. */
export const DUE = { entries: 1, sent: 2, tombstone: 3 } as const;
export const ROW_LIVE = 1;
export const ROW_DELETED = 2;

export const N_MAX = 2 ** 48 - 1;
const TEXT_BYTES_MAX = 255;
const TABLE_BYTE: Record<Table, number> = { chat: 1, cursor: 2, dirty: 3, user: 4, device: 5, userChat: 6, log: 7 };

/** Writes keys and values one behind the other into one buffer: one allocation a batch, and one address for LMDB to look up. */
export class Bytes {
  readonly buffer: Buffer;
  at = 0;
  private from = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafeSlow(size);
  }

  start(): this {
    this.from = this.at;
    return this;
  }

  /** What was written since `start`. A view: good until the buffer is used again. */
  taken(): Buffer {
    return this.buffer.subarray(this.from, this.at);
  }

  u8(value: number): this {
    this.buffer[this.at++] = value;
    return this;
  }

  u16(value: number): this {
    this.at = this.buffer.writeUInt16BE(value, this.at);
    return this;
  }

  u32(value: number): this {
    this.at = this.buffer.writeUInt32BE(value, this.at);
    return this;
  }

  u48(value: number): this {
    this.at = this.buffer.writeUIntBE(value, this.at, 6);
    return this;
  }

  f64(value: number): this {
    this.at = this.buffer.writeDoubleBE(value, this.at);
    return this;
  }

  text(value: string): this {
    const length = this.buffer.write(value, this.at + 1);
    if (length > TEXT_BYTES_MAX) throw new RangeError('a name of more than 255 bytes is no key');
    this.buffer[this.at] = length;
    this.at += length + 1;
    return this;
  }

  tail(value: string): this {
    const length = this.buffer.write(value, this.at);
    if (length > TEXT_BYTES_MAX) throw new RangeError('a name of more than 255 bytes is no key');
    this.at += length;
    return this;
  }

  raw(value: Uint8Array): this {
    this.buffer.set(value, this.at);
    this.at += value.length;
    return this;
  }
}

/** The `part` of a log, without what follows. */
export function logKey(to: Bytes, log: LogId, part: number): Bytes {
  return to.start().u8(TAG.log).text(log).u8(part);
}

export function entryKey(to: Bytes, log: LogId, n: number, fence: number): Buffer {
  return logKey(to, log, PART.entries).u48(n).u32(fence).taken();
}

export function sentPrefix(to: Bytes, chat: string, day: number): Bytes {
  return logKey(to, `c:${chat}`, PART.sent).u16(countDown(day));
}

export function sentKey(to: Bytes, chat: string, day: number, sender: string, device: string, id: string): Buffer {
  return sentPrefix(to, chat, day).text(sender).text(device).tail(id).taken();
}

/** Newer days first. Its own inverse. */
export function countDown(day: number): number {
  return 0xffff - day;
}

export function rowKey(to: Bytes, table: Table, partition: string, key: string): Buffer {
  return to.start().u8(TAG.row).u8(TABLE_BYTE[table]).text(partition).tail(key).taken();
}

export function dueKey(to: Bytes, day: number, what: number, rest: Uint8Array): Buffer {
  return to.start().u8(TAG.due).u32(day).u8(what).raw(rest).taken();
}

/** The first key behind all that begin with `prefix`. */
export function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0;
    if (byte < 0xff) {
      end[i] = byte + 1;
      return end.subarray(0, i + 1);
    }
  }
  return end;
}

/** Of an entry's key: its number and fence are the last ten bytes. */
export function entryOfKey(key: Buffer): { n: number; fence: number } {
  return { n: key.readUIntBE(key.length - 10, 6), fence: key.readUInt32BE(key.length - 4) };
}
