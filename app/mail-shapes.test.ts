// Mail that is written without names between nodes is the same on the other side.
import { expect, it } from 'vitest';
import { MAIL_SHAPES } from '../actors/index.ts';
import { MailShapes } from '../cluster/index.ts';

const shapes = new MailShapes(MAIL_SHAPES);
const bytes = Uint8Array.of(1, 2, 3);
const entry = { n: 4, sender: 'ann', device: 'phone', type: 0, frame: bytes };
const MAILS: readonly { readonly t: string }[] = [
  {
    t: 'post',
    user: 'ann',
    device: 'd',
    id: 'm1',
    type: 0,
    body: bytes,
    about: null,
    after: 'm0',
    retry: false,
  } as never,
  { t: 'posted', chat: 'c', id: 'm1', seq: 1, ts: 2 } as never,
  { t: 'deliver', chat: 'c', base: 3, upTo: 5, joined: true, entries: [entry, { ...entry, n: 5 }] } as never,
  { t: 'deliver', chat: 'c', base: 3, upTo: 3, joined: false, entries: [] } as never,
  { t: 'got', user: 'ann', delivered: 0, settled: 9 } as never,
  { t: 'receipt', chat: 'c', user: 'ann', delivered: 2, read: 0 } as never,
  { t: 'push', frames: [bytes, bytes] } as never,
  {
    t: 'ack',
    device: 'd',
    acks: [
      { chat: 'c', seq: 1 },
      { chat: 'e', seq: 2 },
    ],
  } as never,
];

it('each mail that has a shape comes back whole, with all its fields', () => {
  expect(new Set(MAILS.map(({ t }) => t))).toEqual(new Set(MAIL_SHAPES.map(({ t }) => t)));
  for (const mail of MAILS) {
    const packed = shapes.pack(mail);
    expect(Array.isArray(packed)).toBe(true);
    expect(shapes.unpack(packed)).toEqual(mail);
  }
});

it('what has no shape goes as it is, and what cannot be read is refused', () => {
  for (const mail of [{ t: 'typing', on: true }, { x: 1 }, {}, [1, 2]])
    expect(shapes.unpack(shapes.pack(mail))).toEqual(mail);
  expect(() => shapes.unpack([99, 1])).toThrow();
  expect(() => shapes.unpack([1, 'ann'])).toThrow();
});
