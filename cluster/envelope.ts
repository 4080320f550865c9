// What goes over a link: mail and signals with their addresses, in msgpack. Addresses within mails, at any depth, are an extension of
// msgpack; those of the envelope itself say only what the link does not say already. This is wire version 1 (link-wire.ts).
import { addExtension, Packr } from 'msgpackr';
import { Address, type ExitReason, ForeignRef, type Ref, type Refusal } from '../runtime/index.ts';
import { type MailShapes, NO_SHAPES } from './mail-shapes.ts';
import type { NodeId } from './node-id.ts';
import type { RefTable, WireRef } from './ref-table.ts';
import type { ShardMail } from './shard-mail.ts';

/** An actor of the node that the envelope is for, or of the one that it is from. */
export type LocalName = readonly [kind: string, key: string, life: number];

export interface RouteEnvelope {
  /** A hint wakes nobody and is never refused. */
  readonly t: 'route' | 'hint';
  readonly kind: string;
  readonly keys: readonly string[];
  readonly mail: object;
  readonly from: Ref | null;
  /** 0: not a call. The number of its caller's node. */
  readonly call: number;
  /** The ring that its sender placed it by. */
  readonly epoch: number;
  /** How often it was passed on by who was not its owner. */
  readonly hops: number;
}
export interface SendEnvelope {
  readonly t: 'send';
  readonly to: LocalName;
  readonly mail: object;
  readonly from: Ref | null;
  readonly lane: 'user' | 'reply';
}
/** To who sent the mail: `kind` and `key` did not take it. `call` not 0: only its number is told. */
export interface RefusedEnvelope {
  readonly t: 'refused';
  readonly to: LocalName;
  readonly kind: string;
  readonly key: string;
  readonly mail: unknown;
  readonly reason: Refusal;
  readonly call: number;
}
export interface AnswerEnvelope {
  readonly t: 'answer';
  readonly call: number;
  readonly value: unknown;
}
/** `monitor` is the watcher's number, and all that names it. */
export interface MonitorEnvelope {
  readonly t: 'monitor';
  readonly to: LocalName;
  readonly monitor: number;
}
export interface DemonitorEnvelope {
  readonly t: 'demonitor';
  readonly monitor: number;
}
export interface DownEnvelope {
  readonly t: 'down';
  readonly from: LocalName;
  readonly monitor: number;
  readonly reason: ExitReason;
}
export interface LinkEnvelope {
  readonly t: 'link' | 'unlink';
  readonly from: LocalName;
  readonly to: LocalName;
}
export interface ExitEnvelope {
  readonly t: 'exit';
  readonly from: LocalName;
  readonly to: LocalName;
  readonly reason: ExitReason;
}
/** Mail for that shard is for somebody else, in a newer ring than its sender knows or an older one than its receiver has. */
export interface NotOwnerEnvelope {
  readonly t: 'notOwner';
  readonly shard: number;
  readonly epoch: number;
  readonly owner: NodeId | null;
}
/** Of a mailbox that is moving: to be handled before what reached the next owner directly. */
export interface RestEnvelope {
  readonly t: 'rest';
  readonly shard: number;
  readonly kind: string;
  readonly key: string;
  readonly mail: object;
  readonly from: Ref | null;
  readonly call: number;
  readonly hops: number;
}
/** What nodes tell each other of shards. */
export interface ShardsEnvelope {
  readonly t: 'shards';
  readonly mail: ShardMail;
}
export type Envelope =
  | RouteEnvelope
  | SendEnvelope
  | RefusedEnvelope
  | AnswerEnvelope
  | MonitorEnvelope
  | DemonitorEnvelope
  | DownEnvelope
  | LinkEnvelope
  | ExitEnvelope
  | NotOwnerEnvelope
  | RestEnvelope
  | ShardsEnvelope;

/** An envelope on the wire is the number of its type, its place in this list, then these fields: append only. */
const FIELDS = [
  ['route', ['kind', 'keys', 'mail', 'from', 'call', 'epoch', 'hops']],
  ['hint', ['kind', 'keys', 'mail', 'from', 'call', 'epoch', 'hops']],
  ['send', ['to', 'mail', 'from', 'lane']],
  ['refused', ['to', 'kind', 'key', 'mail', 'reason', 'call']],
  ['answer', ['call', 'value']],
  ['monitor', ['to', 'monitor']],
  ['demonitor', ['monitor']],
  ['down', ['from', 'monitor', 'reason']],
  ['link', ['from', 'to']],
  ['unlink', ['from', 'to']],
  ['exit', ['from', 'to', 'reason']],
  ['notOwner', ['shard', 'epoch', 'owner']],
  ['rest', ['shard', 'kind', 'key', 'mail', 'from', 'call', 'hops']],
  ['shards', ['mail']],
] as const satisfies readonly (readonly [Envelope['t'], readonly string[]])[];
const NUMBERS = new Map<string, number>(FIELDS.map(([t], number) => [t, number]));

/** Of the types that msgpack leaves to applications. Its one byte of data is void; what it means is the array behind it. */
const REF_EXTENSION = 33;

const packr = new Packr({ useRecords: false });

/** Whose addresses are written or read now: extensions of msgpackr are global, and nodes may share a process. */
let table: RefTable | null = null;
const tableNow = (): RefTable => {
  if (table === null) throw new Error('an address outside of an envelope');
  return table;
};

// With `pack` and `unpack`, which make it plain msgpack, each address would cost 8 us instead of 0.2.
addExtension({
  Class: Address,
  type: REF_EXTENSION,
  write: (ref: Ref): WireRef => tableNow().wireOf(ref),
  read: (fields: unknown): Ref => tableNow().refOf(fields as WireRef),
});

export function encodeEnvelope(envelope: Envelope, refs: RefTable, shapes: MailShapes = NO_SHAPES): Uint8Array {
  const fields = fieldsOf(envelope, refs, shapes);
  return within(refs, () => packr.pack(fields));
}

/** What passes all the time by hand; the rest by its list of fields. */
function fieldsOf(envelope: Envelope, refs: RefTable, shapes: MailShapes): unknown[] {
  const { t } = envelope;
  const number = NUMBERS.get(t) ?? 0;
  if (t === 'route' || t === 'hint') {
    const { kind, keys, mail, from, call, epoch, hops } = envelope;
    return [number, kind, keys, shapes.pack(mail), senderOf(from, refs), call, epoch, hops];
  }
  if (t === 'send') {
    const { to, mail, from, lane } = envelope;
    return [number, to, shapes.pack(mail), senderOf(from, refs), lane];
  }
  const fields: unknown[] = [number];
  for (const name of FIELDS[number]?.[1] ?? []) fields.push(envelope[name as keyof Envelope]);
  return fields;
}

/** Our own actors by name alone: the link says which node that is. */
const senderOf = (from: Ref | null, refs: RefTable): Ref | LocalName | null =>
  from === null || from instanceof ForeignRef ? from : refs.nameOf(from);

/** `node`: who wrote it. Throws when it is none. */
export function decodeEnvelope(
  bytes: Uint8Array,
  refs: RefTable,
  node: NodeId,
  shapes: MailShapes = NO_SHAPES,
): Envelope {
  // Copied out, in one piece: bytes that are kept must not keep the whole batch that they came with, and a piece each costs 1 us.
  const copy = Buffer.from(bytes);
  // A plain view: from a Buffer msgpackr would cut Buffers, and mail is the same on all nodes.
  const plain = new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength);
  const values = within(refs, () => packr.unpack(plain) as unknown);
  const [t, names] = (Array.isArray(values) ? FIELDS[values[0] as number] : undefined) ?? [];
  if (!Array.isArray(values) || names === undefined || values.length <= names.length)
    throw new Error('not an envelope');
  const sender = (from: unknown): Ref | null => {
    if (!Array.isArray(from)) return from as Ref | null;
    if (from.length < 3) throw new Error('not an address');
    return refs.ref(node, from[0], from[1], from[2]);
  };
  if (t === 'route' || t === 'hint') {
    const [, kind, keys, mail, from, call, epoch, hops] = values;
    return { t, kind, keys, mail: shapes.unpack(mail), from: sender(from), call, epoch, hops };
  }
  if (t === 'send') {
    const [, to, mail, from, lane] = values;
    return { t, to, mail: shapes.unpack(mail), from: sender(from), lane };
  }
  const envelope: Record<string, unknown> = { t };
  for (let n = 0; n < names.length; n++) envelope[names[n] ?? ''] = values[n + 1];
  return envelope as unknown as Envelope;
}

function within<T>(refs: RefTable, run: () => T): T {
  const outer = table;
  table = refs;
  try {
    return run();
  } finally {
    table = outer;
  }
}
