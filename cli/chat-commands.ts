// What a person can type behind a slash: names, words of help, what each does, and how Tab completes them. Data, and one function to
// run a line. Works on a session; knows no screen.
import type { RoleName } from '../client/index.ts';
import { isUserId } from '../protocol/index.ts';
import { activeChat, type ChatState, knownUsers, type Model, nameOf, unreadOf } from './chat-model.ts';
import { type ChatSession, PAGE_ENTRIES } from './chat-session.ts';
import { numbered } from './chat-view.ts';
import { type Clock, presenceWords } from './chat-words.ts';

type Completes = 'user' | 'chat' | 'role' | null;
export interface SlashCommand {
  readonly name: string;
  readonly args: string;
  readonly about: string;
  readonly completes: Completes;
  /** Resolves to words for the person; may be none. */
  readonly run: (session: ChatSession, rest: string, clock: Clock) => Promise<string> | string;
}
/** Words for a person who typed something wrong. */
export class UsageError extends Error {}

const ROLES: readonly RoleName[] = ['member', 'admin', 'owner'];

export const SLASH_COMMANDS: readonly SlashCommand[] = [
  { name: 'to', args: 'USER', about: 'the chat with a user', completes: 'user', run: to },
  {
    name: 'group',
    args: 'TITLE with USER,USER',
    about: 'a group: the one of that title, or a new one',
    completes: 'user',
    run: group,
  },
  { name: 'chats', args: '', about: 'all chats, with what is unread', completes: null, run: chats },
  {
    name: 'switch',
    args: 'N|ID|NAME',
    about: 'another chat; also Ctrl-N and Ctrl-P',
    completes: 'chat',
    run: switchTo,
  },
  {
    name: 'members',
    args: '',
    about: 'who is in this chat, and how far they have read',
    completes: null,
    run: members,
  },
  { name: 'add', args: 'USER…', about: 'add to the group', completes: 'user', run: add },
  { name: 'remove', args: 'USER…', about: 'remove from the group', completes: 'user', run: remove },
  { name: 'leave', args: '', about: 'leave the group', completes: null, run: leave },
  { name: 'role', args: 'USER member|admin|owner', about: 'change a role', completes: 'role', run: role },
  { name: 'rename', args: 'TITLE', about: 'rename the group', completes: null, run: rename },
  { name: 'history', args: '[N]', about: `${PAGE_ENTRIES}, or N, older messages`, completes: null, run: history },
  { name: 'who', args: 'USER', about: 'whether someone is online', completes: 'user', run: who },
  { name: 'block', args: 'USER', about: 'take no messages from someone', completes: 'user', run: block },
  { name: 'unblock', args: 'USER', about: 'take them again', completes: 'user', run: unblock },
  { name: 'devices', args: '', about: 'where you are signed in', completes: null, run: devices },
  { name: 'help', args: '', about: 'this', completes: null, run: () => helpText() },
  { name: 'quit', args: '', about: 'leave; also Ctrl-C and Ctrl-D', completes: null, run: () => '' },
];

/** Commands that decide where the next message goes. */
export const navigates = ({ name }: SlashCommand): boolean => name === 'to' || name === 'group' || name === 'switch';

export type Asked =
  | { readonly is: 'message'; readonly text: string }
  | { readonly is: 'quit' }
  | { readonly is: 'command'; readonly command: SlashCommand; readonly rest: string }
  | { readonly is: 'unknown'; readonly name: string };

/** `//text` says "/text". */
export function read(line: string): Asked {
  if (!line.startsWith('/') || line.startsWith('//'))
    return { is: 'message', text: line.startsWith('//') ? line.slice(1) : line };
  const [, name = '', rest = ''] = /^\/(\S*)\s*([\s\S]*)$/.exec(line) ?? [];
  if (name === 'quit' || name === 'q' || name === 'exit') return { is: 'quit' };
  const command = SLASH_COMMANDS.find((one) => one.name === name);
  return command === undefined ? { is: 'unknown', name } : { is: 'command', command, rest: rest.trim() };
}

export const unknownWords = (name: string): string =>
  `there is no /${name}; /help shows what there is, and // begins a message with /`;

function helpText(): string {
  const width = Math.max(...SLASH_COMMANDS.map(({ name, args }) => name.length + args.length)) + 2;
  const lines = SLASH_COMMANDS.map(({ name, args, about }) => `/${`${name} ${args}`.padEnd(width)} ${about}`);
  return [
    ...lines,
    '',
    'Enter sends · Alt-Enter a new line · Tab completes · PgUp PgDn scroll · ↑ ↓ what you typed',
    '◷ queued   ✓ sent   ✓✓ delivered   coloured ✓✓ read   in groups 2/3: how many of the others',
  ].join('\n');
}

function here(session: ChatSession): ChatState {
  const chat = activeChat(session.model);
  if (chat === null) throw new UsageError('no chat is open: /to USER or /switch N');
  return chat;
}
function userOf(words: string): string {
  const user = words.replace(/^@/, '');
  if (!isUserId(user))
    throw new UsageError(`name a user: ${words === '' ? '(nothing was given)' : `“${words}” cannot be one`}`);
  return user;
}
function usersOf(words: string): string[] {
  const users = words.split(/[\s,]+/).filter((word) => word !== '');
  if (users.length === 0) throw new UsageError('name one user or more');
  return users.map(userOf);
}

async function to(session: ChatSession, rest: string): Promise<string> {
  await session.openDirect(userOf(rest));
  return '';
}
async function group(session: ChatSession, rest: string): Promise<string> {
  const [, title = rest, users = ''] = /^([\s\S]*)\swith\s([\s\S]*)$/.exec(rest) ?? [];
  if (title.trim() === '') throw new UsageError('/group TITLE with USER,USER');
  await session.openGroup(title.trim(), users === '' ? [] : usersOf(users));
  return '';
}
async function chats(session: ChatSession): Promise<string> {
  await session.refresh();
  const { model } = session;
  const lines = numbered(model).map((chat, at) => {
    const unread = unreadOf(model, chat);
    const mark = chat.id === model.active ? '›' : ' ';
    return `${mark}${at + 1}  ${nameOf(model, chat)}  ${unread > 0 ? `${unread} unread  ` : ''}${chat.id}`;
  });
  return lines.length === 0 ? 'no chats yet: /to USER begins one' : lines.join('\n');
}
function switchTo(session: ChatSession, rest: string): string {
  const chat = session.find(rest, numbered(session.model));
  if (chat === null) throw new UsageError(`no chat “${rest}”; /chats shows them`);
  session.open(chat.id);
  return '';
}
async function members(session: ChatSession, _rest: string, clock: Clock): Promise<string> {
  const { model } = session;
  const chat = here(session);
  const info = await session.client.chat(chat.id).info();
  return info.members
    .map(({ user, role: what, delivered, read: seen }) => {
      const behind =
        user === model.me
          ? ''
          : seen >= info.head
            ? 'has read all'
            : `read up to ${seen}, delivered up to ${delivered}, of ${info.head}`;
      const words = user === model.me ? 'you' : presenceWords(model.presence.get(user), clock);
      return [user, what, words, behind].filter((one) => one !== '').join('  ');
    })
    .join('\n');
}
async function add(session: ChatSession, rest: string): Promise<string> {
  await session.client.chat(here(session).id).add(usersOf(rest));
  return '';
}
async function remove(session: ChatSession, rest: string): Promise<string> {
  await session.client.chat(here(session).id).remove(usersOf(rest));
  return '';
}
async function leave(session: ChatSession): Promise<string> {
  const chat = here(session);
  await session.client.chat(chat.id).leave();
  chat.left = true;
  session.refreshSoon();
  return `you left ${nameOf(session.model, chat)}`;
}
async function role(session: ChatSession, rest: string): Promise<string> {
  const [user = '', what = ''] = rest.split(/\s+/);
  const known = ROLES.find((one) => one === what);
  if (known === undefined) throw new UsageError('/role USER member|admin|owner');
  await session.client.chat(here(session).id).setRole([userOf(user)], known);
  return '';
}
async function rename(session: ChatSession, rest: string): Promise<string> {
  if (rest === '') throw new UsageError('/rename TITLE');
  await session.client.chat(here(session).id).rename(rest);
  return '';
}
async function history(session: ChatSession, rest: string): Promise<string> {
  const limit = rest === '' ? PAGE_ENTRIES : Number(rest);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new UsageError('/history N: from 1 to 100');
  return (await session.older(here(session), limit)) ? '' : 'this is the beginning of the chat';
}
async function who(session: ChatSession, rest: string, clock: Clock): Promise<string> {
  const user = userOf(rest);
  const presence = await session.who(user);
  return `${user}: ${presence === null ? 'not known' : presenceWords(presence, clock)}`;
}
async function block(session: ChatSession, rest: string): Promise<string> {
  await session.client.block(userOf(rest));
  return `${rest} is blocked; /unblock ${rest} takes it back`;
}
async function unblock(session: ChatSession, rest: string): Promise<string> {
  await session.client.unblock(userOf(rest));
  return `${rest} is not blocked`;
}
async function devices(session: ChatSession, _rest: string, clock: Clock): Promise<string> {
  const all = await session.client.devices();
  return all
    .map(({ device, agent, online, seen }) => {
      const when = online ? 'online' : `last seen ${clock.day(seen)} ${clock.time(seen)}`;
      return `${device}  ${agent}  ${when}${device === session.client.device ? '  (this terminal)' : ''}`;
    })
    .join('\n');
}

// —— completion ——

export interface Completion {
  readonly text: string;
  readonly at: number;
  /** What else it could be. */
  readonly others: readonly string[];
}

/** Completes the word before the cursor: a command, or a name behind a command or an @. Null: nothing to complete. */
export function complete(model: Model, text: string, at: number): Completion | null {
  const [, word = ''] = /(\S*)$/.exec(text.slice(0, at)) ?? [];
  const start = at - word.length;
  const first = start === 0 && word.startsWith('/');
  const sign = word.startsWith('@') ? '@' : '';
  const list = word.lastIndexOf(',') + 1; // a,b,c: only the last one
  const stem = first ? word.slice(1) : word.slice(sign === '' ? list : 1);
  const found = candidates(model, text, first, sign).filter((one) => one.toLowerCase().startsWith(stem.toLowerCase()));
  if (found.length === 0) return null;
  const begin =
    (first ? '/' : sign === '' ? word.slice(0, list) : sign) +
    (found.length === 1 ? `${found[0]} ` : common(found, stem));
  return {
    text: text.slice(0, start) + begin + text.slice(at),
    at: start + begin.length,
    others: found.length === 1 ? [] : found,
  };
}

function candidates(model: Model, text: string, first: boolean, sign: string): readonly string[] {
  if (first) return SLASH_COMMANDS.map(({ name }) => name);
  if (sign === '@') return knownUsers(model);
  const asked = read(text);
  if (asked.is !== 'command') return [];
  switch (asked.command.completes) {
    case 'user':
      return knownUsers(model);
    case 'chat':
      return numbered(model).map((chat) => nameOf(model, chat));
    case 'role':
      return /^\/role\s+\S+\s/.test(text) ? ROLES : knownUsers(model);
    case null:
      return [];
  }
}

/** The longest beginning that all share. */
function common(words: readonly string[], stem: string): string {
  let shared = words[0] ?? stem;
  for (const word of words) while (!word.startsWith(shared)) shared = shared.slice(0, -1);
  return shared.length >= stem.length ? shared : stem;
}
