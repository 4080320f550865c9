import { describe, expect, test } from 'vitest';
import { progressOf } from '../client/view/index.ts';
import { TYPE } from '../protocol/index.ts';
import {
  addNotice,
  chatOf,
  type EntryLike,
  type Model,
  newModel,
  onConnection,
  onCounts,
  onEntry,
  onInfo,
  onPage,
  onPresence,
  onQueued,
  onReceipt,
  onStatus,
  onSummary,
  onTyping,
  unreadOf,
} from './chat-model.ts';
import { render, type ViewState } from './chat-view.ts';
import type { Clock } from './chat-words.ts';
import { EMPTY, insert } from './terminal-editor.ts';
import { type Line, paintLine, Screen } from './terminal-screen.ts';
import { widthOf } from './terminal-text.ts';

const NOON = Date.UTC(2026, 10, 22, 12, 0);
const clock: Clock = {
  now: () => NOON,
  time: (at) => new Date(at).toISOString().slice(11, 16),
  day: (at) => new Date(at).toISOString().slice(0, 10),
};
const C = 'd.1';
const G = 'g.1';

function entry(seq: number, sender: string, text: string, more: Partial<EntryLike> = {}): EntryLike {
  const body = new TextEncoder().encode(text);
  return {
    chat: C,
    seq,
    sender,
    id: `${sender}-${seq}`,
    ts: NOON,
    type: 0,
    text,
    body,
    about: null,
    change: null,
    ...more,
  };
}
function alice(): Model {
  const model = newModel('alice', 'term-1');
  onConnection(model, { is: 'online', user: 'alice', node: 'n1' }, NOON);
  onSummary(model, {
    chat: C,
    kind: 'direct',
    title: '',
    peer: 'bob',
    head: 0,
    delivered: 0,
    read: 0,
    unread: 0,
    role: 'member',
  });
  model.active = C;
  onPage(model, C, { entries: [], from: 1, more: false });
  return model;
}
const state = (model: Model, more: Partial<ViewState> = {}): ViewState => ({
  model,
  editor: EMPTY,
  scroll: { lines: 0, anchor: null },
  hint: '',
  clock,
  ...more,
});
const textOf = (line: Line): string =>
  line
    .map(([, text]) => text)
    .join('')
    .trimEnd();
const shown = (model: Model, more: Partial<ViewState> = {}, size = { columns: 60, rows: 12 }): string[] =>
  render(state(model, more), size).lines.map(textOf);
const messages = (model: Model): string[] =>
  shown(model).filter((line) => / \d\d:\d\d /.test(line) && !line.includes('●'));
const styleOf = (model: Model, text: string): string | undefined =>
  render(state(model), { columns: 60, rows: 12 })
    .lines.flat()
    .find(([, words]) => words.trim() === text)?.[0];

describe('entries', () => {
  test('stand in the order of the chat, each once, however they come', () => {
    const model = alice();
    for (const seq of [3, 1, 2, 3, 1]) onEntry(model, entry(seq, 'bob', `m${seq}`));
    onPage(model, C, { entries: [entry(1, 'bob', 'm1'), entry(2, 'bob', 'm2')], from: 1, more: false });
    expect(messages(model)).toEqual([' 12:00 bob    m1', ' 12:00 bob    m2', ' 12:00 bob    m3']);
  });

  test('an own message goes from queued to read in its line, and is not doubled by its entry', () => {
    const model = alice();
    onQueued(model, { chat: C, id: 'x', at: NOON, text: 'hi' });
    expect(messages(model)).toEqual([' 12:00 you ◷  hi']);
    onEntry(model, entry(1, 'bob', 'first'));
    onStatus(model, { chat: C, id: 'x' }, 'sent', 2);
    onEntry(model, entry(2, 'alice', 'hi', { id: 'x' }));
    expect(messages(model)).toEqual([' 12:00 bob    first', ' 12:00 you ✓  hi']);
    onReceipt(model, { chat: C, user: 'bob', delivered: 2, read: 1 });
    expect(messages(model)[1]).toBe(' 12:00 you ✓✓ hi');
    expect(styleOf(model, '✓✓')).toBe('tick');
    onReceipt(model, { chat: C, user: 'bob', delivered: 2, read: 2 });
    expect(styleOf(model, '✓✓')).toBe('read');
  });

  test('what waits stays below what comes, in the order it was written', () => {
    const model = alice();
    for (const id of ['x', 'y']) onQueued(model, { chat: C, id, at: NOON, text: id });
    onEntry(model, entry(1, 'bob', 'news'));
    expect(messages(model).map((line) => line.slice(14))).toEqual(['news', 'x', 'y']);
    onStatus(model, { chat: C, id: 'x' }, 'failed', null, 'The other user does not take messages from you (blocked)');
    expect(messages(model)[1]).toContain('✗  x — not sent: The other user');
  });

  test('history does not change what is known of the members', () => {
    const model = alice();
    const info = {
      chat: G,
      kind: 'group' as const,
      title: 'Team',
      head: 9,
      members: [{ user: 'alice', role: 'owner' as const, delivered: 9, read: 9 }],
    };
    onInfo(model, info);
    const change = { type: TYPE.removed, users: ['alice'] };
    onPage(model, G, { entries: [entry(4, 'bob', '', { chat: G, type: TYPE.removed, change })], from: 4, more: true });
    expect(chatOf(model, G).left).toBe(false);
    onEntry(model, entry(10, 'bob', '', { chat: G, type: TYPE.removed, change }));
    expect(chatOf(model, G).left).toBe(true);
  });

  test('edits, deletions and reactions show at what they are about, whichever comes first', () => {
    const model = alice();
    onEntry(model, entry(3, 'bob', 'better', { type: TYPE.edit, about: 1 }));
    onPage(model, C, { entries: [entry(1, 'bob', 'wrong')], from: 1, more: false });
    for (let twice = 0; twice < 2; twice++) onEntry(model, entry(4, 'alice', '👍', { type: TYPE.reaction, about: 1 }));
    onEntry(model, entry(5, 'alice', 'not mine', { type: TYPE.edit, about: 1 }));
    expect(messages(model)).toEqual([' 12:00 bob    better (edited) [👍 alice]']);
    onEntry(model, entry(6, 'bob', '', { type: TYPE.delete, about: 1 }));
    expect(messages(model)[0]).toContain('(deleted)');
  });
});

test('a group tells how many of the others', () => {
  const model = alice();
  const member = (user: string, delivered: number, read: number) => ({
    user,
    role: 'member' as const,
    delivered,
    read,
  });
  onInfo(model, {
    chat: G,
    kind: 'group',
    title: 'Team',
    head: 3,
    members: [member('alice', 3, 3), member('bob', 3, 2), member('cem', 2, 0)],
  });
  const chat = chatOf(model, G);
  const at = (seq: number) => {
    onEntry(model, entry(seq, 'alice', 'x', { chat: G }));
    const item = chat.items.find((one) => one.seq === seq);
    if (item === undefined) throw new Error('no item');
    return progressOf(model, chat, item);
  };
  expect(at(2)).toEqual({ status: 'delivered', delivered: 2, read: 1, others: 2 });
  expect(at(3)).toEqual({ status: 'sent', delivered: 1, read: 0, others: 2 });
  onCounts(model, { chat: G, seq: 3, delivered: 2, read: 2, members: 2 });
  expect([at(2).status, at(3).status]).toEqual(['read', 'read']);
});

test('unread counts what others wrote beyond what this user read on any device', () => {
  const model = alice();
  const chat = chatOf(model, C);
  for (const seq of [1, 2]) onEntry(model, entry(seq, 'bob', 'x'));
  onEntry(model, entry(3, 'alice', 'mine'));
  expect(unreadOf(model, chat)).toBe(2);
  onReceipt(model, { chat: C, user: 'alice', delivered: 3, read: 1 });
  expect(unreadOf(model, chat)).toBe(1);
  onEntry(model, entry(1, 'bob', 'hey', { chat: 'd.2' }));
  expect(shown(model).at(-2)).toBe(' 1 bob  2 d.2 (1)');
});

describe('lines around the messages', () => {
  test('the status line: who, since when, and the connection with its countdown', () => {
    const model = alice();
    expect(shown(model)[0]).toMatch(/^ bob +alice {2}● online$/);
    onPresence(model, { user: 'bob', online: true, lastSeen: null });
    expect(shown(model)[0]).toMatch(/^ bob · online +alice/);
    onPresence(model, { user: 'bob', online: false, lastSeen: NOON - 60_000 });
    expect(shown(model)[0]).toContain('bob · last seen today 11:59');
    onPresence(model, { user: 'bob', online: false, lastSeen: NOON - 86_400_000 });
    expect(shown(model)[0]).toContain('last seen 2026-11-21 12:00');
    onConnection(model, { is: 'reconnecting', attempt: 1, inMs: 2_400, reason: 'connection lost' }, NOON);
    expect(shown(model)[0]).toContain('○ reconnecting in 3 s…');
    expect(shown(model)[0]).not.toContain('last seen'); // we cannot know now
  });

  test('who types, until a message comes or they go', () => {
    const model = alice();
    onTyping(model, { chat: C, user: 'bob', on: true });
    expect(shown(model).at(-3)).toBe(' bob is typing…');
    onEntry(model, entry(1, 'bob', 'done'));
    expect(shown(model).at(-3)).toBe('');
    for (const user of ['bob', 'cem']) onTyping(model, { chat: C, user, on: true });
    expect(shown(model).at(-3)).toBe(' bob and cem are typing…');
    onPresence(model, { user: 'bob', online: false, lastSeen: NOON });
    expect(shown(model).at(-3)).toBe(' cem is typing…');
  });

  test('what is typed grows to several lines, with the cursor where it belongs', () => {
    const view = render(state(alice(), { editor: insert(EMPTY, 'one\n日本') }), { columns: 60, rows: 12 });
    expect(view.lines.slice(-2).map(textOf)).toEqual(['› one', '  日本']);
    expect(view.cursor).toEqual({ row: 11, column: 6 });
    const long = render(state(alice(), { editor: insert(EMPTY, 'x'.repeat(500)) }), { columns: 30, rows: 12 });
    expect(long.lines).toHaveLength(12);
    expect(long.cursor.row).toBe(11);
  });
});

test('scrolled up, what comes does not move the screen, and only what is shown counts as read', () => {
  const model = alice();
  for (let seq = 1; seq <= 30; seq++) onEntry(model, entry(seq, 'bob', `m${seq}`));
  const at = { scroll: { lines: 5, anchor: 'bob-30' } };
  const before = shown(model, at);
  expect(render(state(model, at), { columns: 60, rows: 12 }).lastSeq).toBe(25);
  onEntry(model, entry(31, 'bob', 'm31'));
  expect(shown(model, at).slice(1, 9)).toEqual(before.slice(1, 9));
  expect(shown(model, at).at(-3)).toBe(' ↓ 6 lines below');
  expect(render(state(model), { columns: 60, rows: 12 }).lastSeq).toBe(31);
});

test('no line is wider than the screen, at any size, whatever is written', () => {
  const model = alice();
  onEntry(model, entry(1, 'bob', '日本語 👨‍👩‍👧‍👦 שלום עולם '.repeat(9)));
  onEntry(model, entry(2, 'bob', `${'e\u0301'.repeat(200)}\n\n\ttab`));
  onQueued(model, { chat: C, id: 'x', at: NOON, text: 'word '.repeat(40) });
  addNotice(chatOf(model, C), 'n', 'a notice of some length\nin two lines', NOON);
  onTyping(model, { chat: C, user: 'b'.repeat(64), on: true });
  for (const columns of [8, 20, 30, 47, 80, 200]) {
    for (const rows of [4, 10, 40]) {
      const { lines, cursor } = render(state(model, { editor: insert(EMPTY, '日本'.repeat(30)) }), { columns, rows });
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(widthOf(line.map(([, text]) => text).join(''))).toBeLessThanOrEqual(columns);
      expect(cursor.row).toBeLessThan(rows);
      expect(cursor.column).toBeLessThanOrEqual(columns);
    }
  }
});

describe('the screen', () => {
  test('no escape sequence of others gets through, from whatever field', () => {
    const evil = '\u001b[2J\u001b]0;x\u0007\u009b5m\r\n\u202e';
    const model = alice();
    onEntry(model, entry(1, 'bob', evil));
    onSummary(model, {
      chat: G,
      kind: 'group',
      title: evil,
      peer: null,
      head: 1,
      delivered: 0,
      read: 0,
      unread: 1,
      role: 'member',
    });
    onConnection(model, { is: 'stopped', reason: evil, code: 1 }, NOON);
    addNotice(chatOf(model, C), 'n', evil, NOON);
    let written = '';
    const screen = new Screen((text) => (written += text), true);
    screen.enter();
    for (const active of [C, G]) {
      model.active = active;
      const view = render(state(model, { hint: evil, editor: insert(EMPTY, evil) }), { columns: 60, rows: 14 });
      screen.draw(view.lines, view.cursor);
    }
    screen.leave();
    // Only our own: modes, clearing, places, colours.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    const rest = written.replace(/\u001b\[(\?\d+[hl]|2[JK]|\d+;\d+H|[\d;]*m)/g, '');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(rest).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(written.match(/\[2J/g)).toHaveLength(1 + rest.split('[2J').length - 1);
    expect(rest).toContain('␛');
  });

  test('writes only what changed, and tells read without colours too', () => {
    let written = '';
    const screen = new Screen((text) => (written += text), false);
    screen.enter();
    screen.draw([[['plain', 'one']], [['plain', 'two']]], { row: 0, column: 0 });
    written = '';
    screen.draw([[['plain', 'one']], [['plain', 'TWO']]], { row: 0, column: 0 });
    expect(written).toContain('TWO');
    expect(written).not.toContain('one');
    expect(paintLine([['read', '✓✓']], false)).not.toBe(paintLine([['tick', '✓✓']], false));
    expect(paintLine([['read', '✓✓']], false)).not.toContain('36');
  });
});
