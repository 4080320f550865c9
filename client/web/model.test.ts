// What the page makes of events, in whatever order they come.
import { describe, expect, test } from 'vitest';
import { TYPE } from '../../protocol/index.ts';
import type { EntryLike } from '../view/index.ts';
import {
  chatOf,
  newModel,
  onCounts,
  onEntry,
  onGap,
  onInfo,
  onPage,
  onQueued,
  onReceipt,
  onStatus,
  onSummaries,
  progressOf,
  unreadOf,
} from './model.ts';

const CHAT = 'g.1';
const entry = (seq: number, sender: string, text: string, more: Partial<EntryLike> = {}): EntryLike => ({
  chat: CHAT,
  seq,
  sender,
  id: `${sender}${seq}`,
  ts: 1_000 * seq,
  type: TYPE.text,
  text,
  body: new Uint8Array(),
  about: null,
  change: null,
  ...more,
});
const begin = () => {
  const model = newModel('me', 'web-1');
  const texts = () => chatOf(model, CHAT).items.map(({ text }) => text);
  return { model, chat: chatOf(model, CHAT), texts };
};
const member = (user: string, delivered: number, read: number) => ({ user, role: 'member' as const, delivered, read });

test('entries stand by their number, each once, from wherever they come', () => {
  const { model, texts } = begin();
  onEntry(model, entry(3, 'bob', 'c'));
  onPage(model, CHAT, {
    entries: [entry(1, 'bob', 'a'), entry(2, 'me', 'b'), entry(3, 'bob', 'c')],
    from: 1,
    more: false,
  });
  expect(onEntry(model, entry(2, 'me', 'b'))).toBe(false);
  onEntry(model, entry(4, 'bob', 'd'));
  expect(texts()).toEqual(['a', 'b', 'c', 'd']);
});

describe('an own message', () => {
  test('waits at the end, and keeps its key when it finds its place', () => {
    const { model, chat, texts } = begin();
    onEntry(model, entry(1, 'bob', 'a'));
    onQueued(model, { chat: CHAT, id: 'x', at: 1, text: 'mine' });
    onQueued(model, { chat: CHAT, id: 'x', at: 1, text: 'mine' });
    onEntry(model, entry(2, 'bob', 'b'));
    expect(texts()).toEqual(['a', 'b', 'mine']);
    const key = chat.items[2]?.key;
    onStatus(model, { chat: CHAT, id: 'x' }, { status: 'sent', seq: 3, fault: null });
    onEntry(model, entry(4, 'bob', 'c'));
    onEntry(model, entry(3, 'me', 'mine', { id: 'x' }));
    expect(texts()).toEqual(['a', 'b', 'mine', 'c']);
    expect(chat.items[2]).toMatchObject({ key, seq: 3, settled: true });
  });

  test('is as far as the least of what was heard of all others', () => {
    const { model, chat } = begin();
    onEntry(model, entry(5, 'me', 'mine'));
    const progress = () => progressOf(model, chat, chat.items[0] ?? expect.fail());
    expect(progress()).toMatchObject({ status: 'sent', others: 0 });
    onInfo(model, {
      chat: CHAT,
      kind: 'group',
      title: '',
      head: 5,
      members: [member('me', 5, 5), member('bob', 5, 4), member('eve', 3, 3)],
    });
    expect(progress()).toEqual({ status: 'sent', delivered: 1, read: 0, others: 2 });
    onCounts(model, { chat: CHAT, seq: 5, delivered: 2, read: 1, members: 2 });
    expect(progress()).toEqual({ status: 'delivered', delivered: 2, read: 1, others: 2 });
    onReceipt(model, { chat: CHAT, user: 'bob', delivered: 5, read: 5 });
    onReceipt(model, { chat: CHAT, user: 'eve', delivered: 5, read: 5 });
    expect(progress().status).toBe('read');
  });
});

test('unread is what others wrote, also where it is not here yet', () => {
  const { model, chat } = begin();
  onSummaries(model, [
    { chat: CHAT, kind: 'group', title: 'T', peer: null, head: 9, delivered: 9, read: 4, unread: 5, role: 'member' },
  ]);
  expect(unreadOf(model, chat)).toBe(5);
  onEntry(model, entry(8, 'me', 'from my phone'));
  onEntry(model, entry(9, 'bob', '👍', { type: TYPE.reaction, about: 8 }));
  expect(unreadOf(model, chat)).toBe(3);
  onReceipt(model, { chat: CHAT, user: 'me', delivered: 9, read: 9 });
  expect(unreadOf(model, chat)).toBe(0);
});

test('edits and deletions are by the author only, and may come before what they are about', () => {
  const { model, chat } = begin();
  onEntry(model, entry(3, 'bob', 'better', { type: TYPE.edit, about: 1 }));
  onEntry(model, entry(4, 'eve', 'worse', { type: TYPE.edit, about: 1 }));
  onEntry(model, entry(1, 'bob', 'good'));
  expect(chat.items).toMatchObject([{ text: 'better', mark: 'edited' }]);
  onEntry(model, entry(5, 'eve', '', { type: TYPE.delete, about: 1 }));
  expect(chat.items[0]?.mark).toBe('edited');
  onEntry(model, entry(6, 'bob', '', { type: TYPE.delete, about: 1 }));
  expect(chat.items).toMatchObject([{ text: '', mark: 'deleted' }]);
});

test('after a gap what was before it is history again', () => {
  const { model, chat, texts } = begin();
  onPage(model, CHAT, { entries: [entry(1, 'bob', 'a')], from: 1, more: false });
  onQueued(model, { chat: CHAT, id: 'x', at: 1, text: 'mine' });
  onGap(model, { chat: CHAT, to: 40 });
  onEntry(model, entry(41, 'bob', 'new'));
  expect(texts()).toEqual(['new', 'mine']);
  expect(chat).toMatchObject({ from: null, more: true, head: 41 });
});

test('a chat that is not in the list any more was left', () => {
  const { model, chat } = begin();
  onEntry(model, entry(1, 'bob', 'a'));
  onSummaries(model, []);
  expect(chat.left).toBe(true);
});
