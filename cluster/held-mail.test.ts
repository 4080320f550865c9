import { expect, test } from 'vitest';
import { HELD_MAX, HELD_SHARD_MAX, type HeldMail, HeldMails } from './held-mail.ts';

const mail = (text: string): HeldMail => ({ kind: 'k', key: 'x', mail: { text }, from: null, call: 0, hops: 0 });
const texts = (mails: readonly HeldMail[]): string[] => mails.map((each) => (each.mail as { text: string }).text);

test('the rest of a mailbox goes first, each part in its order', () => {
  const held = new HeldMails();
  held.hold(1, mail('c'));
  held.rest(1, mail('a'));
  held.hold(1, mail('d'));
  held.rest(1, mail('b'));
  held.hold(2, mail('other'));
  expect(held.count).toBe(5);
  expect(texts(held.take(1))).toEqual(['a', 'b', 'c', 'd']);
  expect(held.take(1)).toEqual([]);
  expect(held.keys()).toEqual([2]);
  expect(held.has(1)).toBe(false);
  expect(held.count).toBe(1);
});

test('a shard has a bound, and all together have one', () => {
  const held = new HeldMails();
  for (let i = 0; i < HELD_SHARD_MAX; i++) expect(held.hold(0, mail(''))).toBeNull();
  expect(held.hold(0, mail('one more'))).toBe('busy');
  // What was taken once is not refused now.
  held.rest(0, mail('rest'));
  expect(held.count).toBe(HELD_SHARD_MAX + 1);
  for (let shard = 1; held.count < HELD_MAX; shard++)
    for (let i = 0; i < HELD_SHARD_MAX && held.count < HELD_MAX; i++) held.hold(shard, mail(''));
  expect(held.hold(9_999, mail(''))).toBe('busy');
  held.take(0);
  expect(held.hold(9_999, mail(''))).toBeNull();
});
