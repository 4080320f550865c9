import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TYPE } from '../protocol/index.ts';
import { complete, read, SLASH_COMMANDS } from './chat-commands.ts';
import { openHome } from './chat-home.ts';
import { loginOf, serverUrl } from './chat-login.ts';
import { chatOf, type EntryLike, newModel, onSummary } from './chat-model.ts';
import { entryLine } from './chat-plain.ts';
import { changeWords, errorWords } from './chat-words.ts';

test('a line is a message, a command, the end, or a mistake', () => {
  expect(read('hello')).toEqual({ is: 'message', text: 'hello' });
  expect(read('//etc')).toEqual({ is: 'message', text: '/etc' });
  expect(read('/quit')).toEqual({ is: 'quit' });
  expect(read('/nope x')).toEqual({ is: 'unknown', name: 'nope' });
  expect(read('/rename  A title ')).toMatchObject({ is: 'command', rest: 'A title', command: { name: 'rename' } });
  expect(new Set(SLASH_COMMANDS.map(({ name }) => name)).size).toBe(SLASH_COMMANDS.length);
});

describe('completion', () => {
  const model = newModel('alice', 't');
  for (const [chat, peer] of [
    ['d.1', 'bob'],
    ['d.2', 'bobby'],
    ['d.3', 'carol'],
  ] as const)
    onSummary(model, {
      chat,
      kind: 'direct',
      title: '',
      peer,
      head: 0,
      delivered: 0,
      read: 0,
      unread: 0,
      role: 'member',
    });

  test.each([
    ['/he', '/help ', []],
    ['/r', '/r', ['remove', 'role', 'rename']],
    ['/to ca', '/to carol ', []],
    ['/to b', '/to bob', ['bob', 'bobby']],
    ['/group Team with bobb', '/group Team with bobby ', []],
    ['/group Team with carol,bobb', '/group Team with carol,bobby ', []],
    ['/role carol a', '/role carol admin ', []],
    ['hi @car', 'hi @carol ', []],
  ])('%s', (text, to, others) =>
    expect(complete(model, text, text.length)).toEqual({ text: to, at: to.length, others }),
  );

  test('nothing where nothing is known, and only before the cursor', () => {
    expect(complete(model, 'hello', 5)).toBeNull();
    expect(complete(model, '/to zoe', 7)).toBeNull();
    expect(complete(model, '/to ca now', 6)).toEqual({ text: '/to carol  now', at: 10, others: [] });
  });
});

describe('the place of a device', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'parley-home-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('two terminals take two devices; the next takes over what is free', () => {
    const first = openHome(dir, 'host:1', 'alice', null);
    const second = openHome(dir, 'host:1', 'alice', null);
    expect(second.device).not.toBe(first.device);
    first.release();
    expect(openHome(dir, 'host:1', 'alice', null).device).toBe(first.device);
    expect(openHome(dir, 'host:1', 'bob', null).device).not.toBe(first.device);
    expect(() => openHome(dir, 'host:1', 'alice', second.device)).toThrow('in use');
  });

  test('a device of a process that is gone is free, and one with unsent messages comes first', () => {
    const first = openHome(dir, 's', 'alice', 'one');
    const second = openHome(dir, 's', 'alice', 'two');
    second.store.load();
    second.store.save([
      { is: 'message', message: { id: 'm', chat: 'd.1', type: 0, body: new Uint8Array(1), about: null, at: 1 } },
    ]);
    void second.store.close();
    first.release();
    second.release();
    for (const name of ['one', 'two']) writeFileSync(join(dir, 'chat', 's', 'alice', name, 'lock'), '999999999\n');
    const next = openHome(dir, 's', 'alice', null);
    expect(next.device).toBe('two');
    next.store.load();
    expect(next.unsent().map(({ id }) => id)).toEqual(['m']);
    void next.store.close();
    expect(openHome(dir, 's', 'alice', null).device).toBe('one');
  });

  test('no user id leaves its folder', () => {
    openHome(dir, '..', '..', null);
    openHome(dir, 'a', 'Alice', null);
    expect(readdirSync(dir)).toEqual(['chat']);
    expect(readdirSync(join(dir, 'chat')).sort()).toEqual(['%2e%2e', 'a']);
    expect(readdirSync(join(dir, 'chat', 'a'))).toEqual(['%41lice']);
  });
});

describe('signing in', () => {
  test('addresses', () => {
    expect(serverUrl('ws://127.0.0.1:7400').href).toBe('ws://127.0.0.1:7400/v1/connect');
    expect(serverUrl('https://chat.example').href).toBe('wss://chat.example/v1/connect');
    expect(serverUrl('wss://chat.example/own').href).toBe('wss://chat.example/own');
    for (const wrong of ['ftp://x', 'nonsense']) expect(() => serverUrl(wrong)).toThrow('--url');
  });

  test('the user is whom one says, or whom the token names', () => {
    const url = serverUrl('ws://h');
    const token = `x.${Buffer.from('{"sub":"carol"}').toString('base64url')}.x`;
    expect(loginOf({ token }, url)).toMatchObject({ user: 'carol', demo: false });
    expect(loginOf({ as: 'bob' }, url)).toMatchObject({ user: 'bob', demo: true });
    expect(() => loginOf({}, url)).toThrow('--as');
    expect(() => loginOf({ token: 'a.b.c' }, url)).toThrow('--as');
    expect(() => loginOf({ token, tokenFile: 'x' }, url)).toThrow('either');
    expect(() =>
      loginOf({ as: 'bob', tokenFile: '/no/such' }, url).getToken({ reason: 'connect', signal: AbortSignal.any([]) }),
    ).toThrow('cannot be read');
  });
});

test('lines for scripts', () => {
  const model = newModel('alice', 't');
  const direct = chatOf(model, 'd.1');
  direct.peer = 'bob';
  const group = chatOf(model, 'g.1');
  group.title = 'Team';
  const entry = (sender: string, more: Partial<EntryLike> = {}): EntryLike => ({
    chat: '',
    seq: 1,
    sender,
    id: 'x',
    ts: 0,
    type: 0,
    text: 'hi',
    body: new Uint8Array(2),
    about: null,
    change: null,
    ...more,
  });
  expect(entryLine(model, direct, entry('bob'))).toBe('<- bob: hi');
  expect(entryLine(model, group, entry('bob'))).toBe('<- bob [Team]: hi');
  expect(entryLine(model, direct, entry('alice'))).toBe('-> bob: hi');
  expect(entryLine(model, group, entry('bob', { change: { type: TYPE.added, users: ['cem', 'alice'] } }))).toBe(
    '-- [Team] bob added cem and you',
  );
  expect(entryLine(model, direct, entry('bob', { type: 2 }))).toBe('<- bob: (type 2, 2 bytes)');
});

test('words', () => {
  expect(changeWords('alice', { type: TYPE.role, users: ['bob', 'cem'], role: 1 }, 'x')).toBe(
    'alice made bob and cem admins',
  );
  expect(changeWords('alice', { type: TYPE.left }, 'alice')).toBe('you left');
  expect(errorWords(new Error('plain'))).toBe('plain');
});
