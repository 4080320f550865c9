// The mails of every message, as they are written between nodes: their values in this order, without names. Both halves of a shape must
// say every field; a mail that is not here is written whole, with its names. Append only: nodes of two releases must agree on the order.
import type { AckMail, DeliverMail, GotMail, LogEntry, PostedMail, PostMail, PushMail, ReceiptMail } from './mail.ts';

interface Shape<M extends { readonly t: string }> {
  readonly t: M['t'];
  /** The first place is the number's. */
  readonly write: (mail: M) => unknown[];
  readonly read: (values: Values) => M;
}
/** What came off the wire: as many as a shape takes at the most, believed to be what the types say. */
type Values = readonly [never, never, never, never, never, never, never, never, never];

const post: Shape<PostMail> = {
  t: 'post',
  write: (m) => [0, m.user, m.device, m.id, m.type, m.body, m.about, m.after, m.retry],
  read: ([, user, device, id, type, body, about, after, retry]) =>
    whole({ t: 'post', user, device, id, type, body, about, after, retry }),
};
const posted: Shape<PostedMail> = {
  t: 'posted',
  write: (m) => [0, m.chat, m.id, m.seq, m.ts],
  read: ([, chat, id, seq, ts]) => whole({ t: 'posted', chat, id, seq, ts }),
};
const deliver: Shape<DeliverMail> = {
  t: 'deliver',
  write: (m) => [0, m.chat, m.base, m.upTo, m.joined, writeEntries(m.entries)],
  read: ([, chat, base, upTo, joined, flat]) =>
    whole({ t: 'deliver', chat, base, upTo, joined, entries: readEntries(flat) }),
};
const got: Shape<GotMail> = {
  t: 'got',
  write: (m) => [0, m.user, m.delivered, m.settled],
  read: ([, user, delivered, settled]) => whole({ t: 'got', user, delivered, settled }),
};
const receipt: Shape<ReceiptMail> = {
  t: 'receipt',
  write: (m) => [0, m.chat, m.user, m.delivered, m.read],
  read: ([, chat, user, delivered, read]) => whole({ t: 'receipt', chat, user, delivered, read }),
};
const push: Shape<PushMail> = {
  t: 'push',
  write: (m) => [0, m.frames],
  read: ([, frames]) => whole({ t: 'push', frames }),
};
const ack: Shape<AckMail> = {
  t: 'ack',
  write: (m) => [0, m.device, m.acks.flatMap(({ chat, seq }) => [chat, seq])],
  read: ([, device, flat]) => whole({ t: 'ack', device, acks: readAcks(flat) }),
};

export const MAIL_SHAPES = [post, posted, deliver, got, receipt, push, ack] as const;

/** A place that is missing is a mail of somebody who writes less: refused before it does harm. */
function whole<M extends object>(mail: M): M {
  for (const name in mail) if (mail[name] === undefined) throw new Error(`a mail without ${name}`);
  return mail;
}

function writeEntries(entries: readonly LogEntry[]): unknown[] {
  const flat: unknown[] = [];
  for (const { n, sender, device, type, ts, frame } of entries) flat.push(n, sender, device, type, ts, frame);
  return flat;
}

function readEntries(flat: readonly never[]): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let i = 0; i + 5 < flat.length; i += 6) {
    const [n, sender, device, type, ts, frame] = flat.slice(i, i + 6) as [never, never, never, never, never, never];
    entries.push({ n, sender, device, type, ts, frame });
  }
  return entries;
}

function readAcks(flat: readonly never[]): { chat: string; seq: number }[] {
  const acks: { chat: string; seq: number }[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) acks.push({ chat: flat[i] as never, seq: flat[i + 1] as never });
  return acks;
}
