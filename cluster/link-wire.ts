// What links say on the wire. Two kinds of frame, told apart by the first byte: 0 is control, whose form never changes, so that any two
// releases can greet or turn away each other; else it is a batch of mails, in the wire version of that number.
// A batch: version (1 byte), length of the header (2), header (msgpack), then each mail as length (4) and bytes.
import { Packr } from 'msgpackr';
import { type NodeId, parseNodeId } from './node-id.ts';

/** What this release can read; it writes the newest that the other side reads too. */
export const WIRE_VERSIONS: Versions = { min: 1, max: 1 };
/** More than any header takes; node ids are bounded by configuration. */
export const HEADER_BYTES_MAX = 1_024;
const MAIL_LENGTH_BYTES = 4;
const PREFIX_BYTES = 3;

export interface Versions {
  readonly min: number;
  readonly max: number;
}
export interface Hello {
  readonly t: 'hello';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly epoch: number;
  readonly generation: number;
  /** Its sender's, of both directions: another than before means that all there was between the two is lost. Ever higher. */
  readonly association: number;
  readonly versions: Versions;
}
export interface Welcome {
  readonly t: 'welcome';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly generation: number;
  readonly version: number;
  /** As in a hello. */
  readonly association: number;
}
/** Nothing of that generation is taken any more. `about` is who the refused frame was meant for: perhaps a former life of `from`. */
export interface Reset {
  readonly t: 'reset';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly about: NodeId;
  readonly generation: number;
  readonly why: ResetReason;
}
/** The other way round: its sender ends that generation of what it sends. */
export interface Bye {
  readonly t: 'bye';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly generation: number;
}
export type ResetReason = 'incarnation' | 'refused' | 'version' | 'broken';
export type Control = Hello | Welcome | Reset | Bye;

/** `sequence` 0: carries an acknowledgement only. `acked` is of the other direction, of its `ackedGeneration`; 0: nothing. */
export interface BatchHeader {
  readonly t: 'batch';
  readonly version: number;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly epoch: number;
  readonly generation: number;
  readonly sequence: number;
  readonly ackedGeneration: number;
  readonly acked: number;
}
export interface BatchFrame extends BatchHeader {
  readonly mails: readonly Uint8Array[];
}

const packr = new Packr({ useRecords: false });
const CONTROL = ['hello', 'welcome', 'reset', 'bye'] as const;

/** What a mail takes of a frame. */
export const bytesOf = (mail: Uint8Array): number => mail.byteLength + MAIL_LENGTH_BYTES;

export function encodeControl(control: Control): Uint8Array {
  const { t, from, to, generation } = control;
  const fields =
    t === 'hello'
      ? [control.epoch, control.association, control.versions.min, control.versions.max]
      : t === 'welcome'
        ? [control.version, control.association]
        : t === 'reset'
          ? [control.about, control.why]
          : [];
  const body = packr.pack([CONTROL.indexOf(t), from, to, generation, ...fields]);
  const frame = Buffer.allocUnsafe(body.byteLength + 1);
  frame[0] = 0;
  frame.set(body, 1);
  return frame;
}

export function encodeBatch(header: Omit<BatchHeader, 't'>, mails: readonly Uint8Array[]): Uint8Array {
  const { version, from, to, epoch, generation, sequence, ackedGeneration, acked } = header;
  const head = packr.pack([from, to, epoch, generation, sequence, ackedGeneration, acked]);
  let bytes = PREFIX_BYTES + head.byteLength;
  for (const mail of mails) bytes += bytesOf(mail);
  const frame = Buffer.allocUnsafe(bytes);
  frame[0] = version;
  frame.writeUInt16BE(head.byteLength, 1);
  frame.set(head, PREFIX_BYTES);
  let at = PREFIX_BYTES + head.byteLength;
  for (const mail of mails) {
    frame.writeUInt32BE(mail.byteLength, at);
    frame.set(mail, at + MAIL_LENGTH_BYTES);
    at += bytesOf(mail);
  }
  return frame;
}

/** Null: not a frame of ours, or of a version that this release cannot read. Mails are views of `bytes`. */
export function decodeFrame(bytes: Uint8Array, versions: Versions): Control | BatchFrame | null {
  const version = bytes[0];
  if (version === undefined) return null;
  try {
    if (version === 0) return decodeControl(bytes);
    return version < versions.min || version > versions.max ? null : decodeBatch(bytes, version);
  } catch {
    return null;
  }
}

function decodeControl(bytes: Uint8Array): Control | null {
  const fields: unknown = packr.unpack(bytes.subarray(1));
  if (!Array.isArray(fields)) return null;
  const [type, from, to, generation, a, b, c, d] = fields as readonly unknown[];
  const t = CONTROL[type as number];
  if (!isNode(from) || !isNode(to) || !isCount(generation)) return null;
  if (t === 'hello' && isCount(a) && isCount(b) && isCount(c) && isCount(d))
    return { t, from, to, generation, epoch: a, association: b, versions: { min: c, max: d } };
  if (t === 'welcome' && isCount(a) && isCount(b)) return { t, from, to, generation, version: a, association: b };
  if (t === 'reset' && isNode(a)) return { t, from, to, generation, about: a, why: b as ResetReason };
  return t === 'bye' ? { t, from, to, generation } : null;
}

function decodeBatch(bytes: Uint8Array, version: number): BatchFrame | null {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headEnd = PREFIX_BYTES + frame.readUInt16BE(1);
  const fields: unknown = packr.unpack(frame.subarray(PREFIX_BYTES, headEnd));
  if (!Array.isArray(fields)) return null;
  const [from, to, epoch, generation, sequence, ackedGeneration, acked] = fields as readonly unknown[];
  if (!isNode(from) || !isNode(to) || !isCount(epoch) || !isCount(generation) || !isCount(sequence)) return null;
  if (!isCount(ackedGeneration) || !isCount(acked)) return null;
  const mails: Uint8Array[] = [];
  for (let at = headEnd; at < frame.byteLength; ) {
    const start = at + MAIL_LENGTH_BYTES;
    at = start + frame.readUInt32BE(at);
    if (at > frame.byteLength) return null;
    mails.push(frame.subarray(start, at));
  }
  return { t: 'batch', version, from, to, epoch, generation, sequence, ackedGeneration, acked, mails };
}

const isNode = (value: unknown): value is NodeId => parseNodeId(value) !== null;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
