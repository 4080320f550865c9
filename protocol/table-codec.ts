// The codec that the frame table makes (by way of schema.ts): one reader and one writer per field, composed into frames. The reference for the hand-written
// paths in `hot-codec.ts`, and what all frames but the hottest go through.

import type { Shape, Shapes } from './field.ts';
import type { FrameName } from './frames.ts';
import { bad, type Reader, tooLarge } from './msgpack-reader.ts';
import type { Writer } from './msgpack-writer.ts';
import { SCHEMA } from './schema.ts';

type ReadField = (r: Reader) => unknown;
type WriteField = (w: Writer, value: unknown) => void;

export interface FrameCodec {
  readonly name: FrameName;
  readonly op: number;
  readonly from: 'client' | 'server' | 'both';
  /** Fields up to the last that is not optional: a sender may leave out those after it. */
  readonly required: number;
  readonly names: readonly string[];
  readonly readers: readonly ReadField[];
  readonly writers: readonly WriteField[];
}

/** Field count and op of a nested RECEIVE_MESSAGE; the rest is checked by whoever decodes it. */
const ENTRY = SCHEMA.RECEIVE_MESSAGE;
const ENTRY_ITEMS = 1 + Object.keys(ENTRY.fields).length;

function readerOf(field: Shape, what: string): ReadField {
  switch (field.is) {
    case 'uint':
      return (r) => r.uint(field.max, what);
    case 'bool':
      return (r) => r.bool(what);
    case 'str':
      return (r) => r.str(field.max, what);
    case 'id':
      return (r) => r.id(field.max, what);
    case 'bin':
      return (r) => r.bin(field.max, what);
    case 'nil': {
      const read = readerOf(field.of, what);
      return (r) => (r.nil() ? null : read(r));
    }
    case 'list': {
      const read = readerOf(field.of, what);
      return (r) => readList(r, field.max, read, what);
    }
    case 'tuple': {
      const names = Object.keys(field.of);
      const readers = readersOf(field.of, what);
      return (r) => {
        if (r.array(what) !== names.length) bad(what, `not ${names.length} elements`);
        return readInto({}, r, names, readers, names.length);
      };
    }
    case 'frames':
      return (r) => readList(r, field.max, (reader) => readEntry(reader, what), what);
  }
}

function writerOf(field: Shape, what: string): WriteField {
  switch (field.is) {
    case 'uint':
      return (w, value) => w.uint(value, field.max, what);
    case 'bool':
      return (w, value) => w.bool(value, what);
    case 'str':
      return (w, value) => w.str(value, field.max, what);
    case 'id':
      return (w, value) => w.id(value, field.max, what);
    case 'bin':
      return (w, value) => w.bin(value, field.max, what);
    case 'nil': {
      const write = writerOf(field.of, what);
      return (w, value) => (value === null ? w.nil() : write(w, value));
    }
    case 'list': {
      const write = writerOf(field.of, what);
      return (w, value) => writeList(w, value, field.max, write, what);
    }
    case 'tuple': {
      const names = Object.keys(field.of);
      const writers = writersOf(field.of, what);
      return (w, value) => {
        w.array(names.length);
        writeFields(w, value, names, writers, what);
      };
    }
    case 'frames':
      return (w, value) => writeList(w, value, field.max, (writer, one) => writeEntry(writer, one, what), what);
  }
}

const readersOf = (fields: Shapes, what: string): ReadField[] =>
  Object.entries(fields).map(([name, field]) => readerOf(field, `${what}.${name}`));
const writersOf = (fields: Shapes, what: string): WriteField[] =>
  Object.entries(fields).map(([name, field]) => writerOf(field, `${what}.${name}`));

function readList(r: Reader, max: number, read: ReadField, what: string): unknown[] {
  const count = r.array(what);
  if (count > max) tooLarge(what, max);
  const list: unknown[] = [];
  for (let i = 0; i < count; i++) list.push(read(r));
  return list;
}

function writeList(w: Writer, value: unknown, max: number, write: WriteField, what: string): void {
  if (!Array.isArray(value)) bad(what, 'not a list');
  if (value.length > max) tooLarge(what, max);
  w.array(value.length);
  for (const one of value) write(w, one);
}

/** A nested entry stays bytes: it was encoded once, when it was stored. */
function readEntry(r: Reader, what: string): Uint8Array {
  const raw = r.raw(what);
  if (!looksLikeEntry(raw)) bad(what, 'not a RECEIVE_MESSAGE');
  return raw;
}
function writeEntry(w: Writer, value: unknown, what: string): void {
  if (!(value instanceof Uint8Array && looksLikeEntry(value))) bad(what, 'not an encoded RECEIVE_MESSAGE');
  w.raw(value);
}
function looksLikeEntry(raw: Uint8Array): boolean {
  return (raw[0] === (0x90 | ENTRY_ITEMS) || raw[0] === (0x90 | (ENTRY_ITEMS - 1))) && raw[1] === ENTRY.op;
}

/** Keys are set in the order of the table, so that all objects of a frame have one shape. */
function readInto(
  into: Record<string, unknown>,
  r: Reader,
  names: readonly string[],
  readers: readonly ReadField[],
  count: number,
): Record<string, unknown> {
  for (let i = 0; i < names.length; i++) into[names[i] as string] = i < count ? (readers[i] as ReadField)(r) : null;
  return into;
}

function writeFields(
  w: Writer,
  value: unknown,
  names: readonly string[],
  writers: readonly WriteField[],
  what: string,
): void {
  if (typeof value !== 'object' || value === null) bad(what, 'not an object');
  const fields = value as Record<string, unknown>;
  for (let i = 0; i < names.length; i++) (writers[i] as WriteField)(w, fields[names[i] as string]);
}

function codecOf(name: FrameName): FrameCodec {
  const { op, from, fields } = SCHEMA[name];
  const kinds = Object.values(fields);
  return {
    name,
    op,
    from,
    required: kinds.findLastIndex((field) => field.is !== 'nil') + 1,
    names: Object.keys(fields),
    readers: readersOf(fields, name),
    writers: writersOf(fields, name),
  };
}

const codecs: (FrameCodec | undefined)[] = [];
for (const name of Object.keys(SCHEMA) as FrameName[]) codecs[SCHEMA[name].op] = codecOf(name);

export function codecOfOp(op: unknown): FrameCodec {
  return (typeof op === 'number' ? codecs[op] : undefined) ?? bad('frame', 'no such op');
}
export function codecOfName(name: unknown): FrameCodec {
  return codecs.find((codec) => codec?.name === name) ?? bad('frame', 'no such op');
}

/** Reads the fields after the op. `items` is the length of the whole array. */
export function readFrame(r: Reader, codec: FrameCodec, items: number): Record<string, unknown> {
  const count = items - 1;
  checkCount(codec, count);
  return readInto({ op: codec.op }, r, codec.names, codec.readers, count);
}

export function checkCount(codec: FrameCodec, count: number): void {
  if (count < codec.required || count > codec.names.length)
    bad(codec.name, `${count} fields, not ${codec.names.length}`);
}

export function writeFrame(w: Writer, codec: FrameCodec, frame: object): void {
  w.array(1 + codec.names.length);
  w.uint(codec.op, 127, 'op');
  writeFields(w, frame, codec.names, codec.writers, codec.name);
}
