// The same frames as JSON text (subprotocol parley.v1.json), for a person with a terminal: ["SEND_MESSAGE", "d.…", …], fields in the
// order of the table. A binary is a string when it is UTF-8 text, else {"b64": "…"}; the two cannot be confused, and a reader takes
// either. Nested frames are nested arrays. Not made for speed: frames go through the binary codec, so that validation is the same.
import { fromBase64, toBase64 } from './base64.ts';
import { decodeClientFrame, decodeServerFrame, encodeFrame } from './codec.ts';
import type { Shape, Shapes } from './field.ts';
import type { ClientFrame, FrameName, ServerFrame } from './frames.ts';
import { LIMITS } from './limits.ts';
import { bad, tooLarge } from './msgpack-reader.ts';
import { SCHEMA } from './schema.ts';
import { codecOfName, codecOfOp } from './table-codec.ts';
import { utf8Bytes, utf8Text } from './text.ts';

const ENTRY: FrameName = 'RECEIVE_MESSAGE';

export function encodeJson(frame: ServerFrame | ClientFrame): string {
  encodeFrame(frame); // for its validation
  const text = JSON.stringify(toJson(frame));
  if (text.length > LIMITS.jsonCharsMax) tooLarge('frame', LIMITS.jsonCharsMax);
  return text;
}

/** `text` must be at most 64 KiB, as a binary frame. */
export function decodeClientJson(text: string): ClientFrame {
  if (text.length > LIMITS.frameBytesMax) tooLarge('frame', LIMITS.frameBytesMax);
  return decodeClientFrame(parse(text));
}

export function decodeServerJson(text: string): ServerFrame {
  if (text.length > LIMITS.jsonCharsMax) tooLarge('frame', LIMITS.jsonCharsMax);
  return decodeServerFrame(parse(text));
}

function toJson(frame: ServerFrame | ClientFrame): unknown[] {
  const { name } = codecOfOp(frame.op);
  const fields: Shapes = SCHEMA[name].fields;
  const values = frame as unknown as Readonly<Record<string, unknown>>;
  return [name, ...Object.keys(fields).map((key) => fieldToJson(fields[key], values[key]))];
}

function fieldToJson(field: Shape | undefined, value: unknown): unknown {
  switch (field?.is) {
    case 'bin': {
      const bytes = value as Uint8Array;
      return utf8Text(bytes, 0, bytes.length) ?? { b64: toBase64(bytes) };
    }
    case 'nil':
      return value === null ? null : fieldToJson(field.of, value);
    case 'list':
      return (value as readonly unknown[]).map((one) => fieldToJson(field.of, one));
    case 'tuple':
      return Object.keys(field.of).map((key) => fieldToJson(field.of[key], (value as Record<string, unknown>)[key]));
    case 'frames':
      return (value as readonly Uint8Array[]).map((entry) => toJson(decodeServerFrame(entry)));
    default:
      return value;
  }
}

/** The binary frame that the text stands for. What has the wrong type goes through as it is, and is refused by the encoder. */
function parse(text: string): Uint8Array {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return bad('frame', 'not JSON');
  }
  return fromJson(json);
}

function fromJson(json: unknown): Uint8Array {
  if (!Array.isArray(json)) bad('frame', 'not an array');
  const codec = codecOfName(json[0]);
  const count = json.length - 1;
  if (count < codec.required || count > codec.names.length) bad(codec.name, `${count} fields`);
  const fields: Shapes = SCHEMA[codec.name].fields;
  const frame: Record<string, unknown> = { op: codec.op };
  codec.names.forEach((name, i) => {
    frame[name] = i < count ? fieldFromJson(fields[name], json[i + 1], `${codec.name}.${name}`) : null;
  });
  return encodeFrame(frame as unknown as ServerFrame | ClientFrame);
}

function fieldFromJson(field: Shape | undefined, json: unknown, what: string): unknown {
  switch (field?.is) {
    case 'uint':
      return json === 0 ? 0 : json; // −0 too
    case 'bin':
      return binFromJson(json, what);
    case 'nil':
      return json === null ? null : fieldFromJson(field.of, json, what);
    case 'list':
      return Array.isArray(json) ? json.map((one) => fieldFromJson(field.of, one, what)) : json;
    case 'tuple': {
      const names = Object.keys(field.of);
      if (!Array.isArray(json) || json.length !== names.length) bad(what, `not ${names.length} elements`);
      return Object.fromEntries(names.map((name, i) => [name, fieldFromJson(field.of[name], json[i], what)]));
    }
    case 'frames':
      return Array.isArray(json)
        ? json.map((one) => (Array.isArray(one) && one[0] === ENTRY ? fromJson(one) : bad(what, `not a ${ENTRY}`)))
        : json;
    default:
      return json;
  }
}

function binFromJson(json: unknown, what: string): Uint8Array {
  if (typeof json === 'string') return utf8Bytes(json) ?? bad(what, 'half a surrogate pair');
  if (typeof json !== 'object' || json === null || Object.keys(json).join() !== 'b64') bad(what, 'not text or b64');
  const { b64 } = json as { b64: unknown };
  return (typeof b64 === 'string' ? fromBase64(b64) : null) ?? bad(what, 'not base64');
}
