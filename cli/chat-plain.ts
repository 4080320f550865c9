// The chat for scripts and pipes: one line on stdout per event, lines from stdin as messages and commands. No history is shown by
// itself, so nothing is shown twice. Words about the connection go to stderr.
import type { Readable } from 'node:stream';
import type { MessageStatus, OutgoingMessage } from '../client/index.ts';
import { navigates, read, unknownWords } from './chat-commands.ts';
import { activeChat, type ChatState, type EntryLike, type Model, nameOf } from './chat-model.ts';
import type { ChatSession, SessionEvents } from './chat-session.ts';
import { type Clock, changeWords, connectionWords, errorWords } from './chat-words.ts';
import { cleanLine } from './terminal-text.ts';

/** Messages on their way before stdin is read on. */
const WAITING_MAX = 64;

/** The line of an entry: `<- bob: hi`, in a group `<- bob [Team]: hi`; from another device of one's own `-> bob: hi`. */
export function entryLine(model: Model, chat: ChatState, entry: EntryLike): string {
  const group = chat.kind === 'group' ? `[${nameOf(model, chat)}]` : '';
  if (entry.change !== null) return spaced('--', group, changeWords(entry.sender, entry.change, model.me));
  const text = entry.type === 0 ? entry.text : `(type ${entry.type}, ${entry.body.length} bytes)`;
  if (entry.sender === model.me) return `${spaced('->', group === '' ? nameOf(model, chat) : group)}: ${text}`;
  return `${spaced('<-', entry.sender, group)}: ${text}`;
}
const spaced = (...words: string[]): string => words.filter((word) => word !== '').join(' ');

export class PlainView implements SessionEvents {
  readonly #out: (line: string) => void;
  readonly #err: (line: string) => void;
  readonly #numbers = new Map<string, string>();
  /** The last entry printed, by chat. */
  readonly #printed = new Map<string, number>();
  #session: ChatSession | null = null;
  #told = '';
  #failed = 0;

  constructor(out: (line: string) => void, err: (line: string) => void) {
    this.#out = out;
    this.#err = err;
  }

  /** How many messages were refused for good. */
  get failed(): number {
    return this.#failed;
  }

  begin(session: ChatSession): void {
    this.#session = session;
  }

  number(message: OutgoingMessage): string {
    const number = this.#numbers.get(message.id) ?? `m${this.#numbers.size + 1}`;
    this.#numbers.set(message.id, number);
    return number;
  }

  say(line: string): void {
    this.#out(`${cleanLine(line)}\n`);
  }

  /** What is printed of the open chat has been read; so too what came before it was open. */
  changed(): void {
    const session = this.#session;
    const chat = session === null ? null : activeChat(session.model);
    const printed = chat === null ? undefined : this.#printed.get(chat.id);
    if (session !== null && chat !== null && printed !== undefined) session.seen(chat, printed);
  }
  entry(chat: ChatState, entry: EntryLike): void {
    const session = this.#session;
    if (session === null) return;
    const own = entry.sender === session.model.me && this.#numbers.has(entry.id);
    if (!own) this.say(entryLine(session.model, chat, entry));
    this.#printed.set(chat.id, Math.max(entry.seq, this.#printed.get(chat.id) ?? 0));
    this.changed();
  }
  status(message: OutgoingMessage, status: MessageStatus, fault: string | null): void {
    if (status === 'failed') this.#failed++;
    this.say(`tick ${this.number(message)} ${status}${fault === null ? '' : ` ${fault}`}`);
  }
  typing(_chat: ChatState, user: string, on: boolean): void {
    this.say(`typing ${user} ${on ? 'on' : 'off'}`);
  }
  presence({ user, online, lastSeen }: { user: string; online: boolean; lastSeen: number | null }): void {
    const since = online || lastSeen === null ? '' : ` ${new Date(lastSeen).toISOString()}`;
    this.say(`presence ${user} ${online ? 'online' : 'offline'}${since}`);
  }
  state(): void {
    const model = this.#session?.model;
    if (model === undefined) return;
    const words = connectionWords(model.connection, model.retryAt, Date.now());
    if (words === this.#told || words === 'closed' || words === 'connecting…') return;
    this.#told = words;
    this.#err(`${cleanLine(words)}\n`);
  }
  notice(_chat: ChatState | null, text: string): void {
    for (const line of text.split('\n')) this.say(`# ${line}`);
  }
}

/** Reads lines until the end of the input or /quit. Resolves true when the input ended. */
export async function readLines(
  input: Readable,
  session: ChatSession,
  view: PlainView,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  let rest = '';
  const ended = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
  const chunks = input.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  for (;;) {
    const next = await Promise.race([chunks.next(), ended]);
    if (next === null) return false;
    rest += next.done === true ? '' : next.value;
    const lines = rest.split(/\r?\n/);
    rest = next.done === true ? '' : (lines.pop() ?? '');
    for (const line of lines) if (line !== '' && !(await takeLine(line, session, view, clock))) return false;
    if (next.done === true) return true;
  }
}

async function takeLine(line: string, session: ChatSession, view: PlainView, clock: Clock): Promise<boolean> {
  const asked = read(line);
  if (asked.is === 'quit') return false;
  try {
    if (asked.is === 'unknown') view.notice(null, unknownWords(asked.name));
    else if (asked.is === 'command') {
      const words = await asked.command.run(session, asked.rest, clock);
      if (words !== '') view.notice(null, words);
    } else await sendLine(asked.text, session, view);
  } catch (error) {
    // Lines that follow were not meant for the chat before.
    if (asked.is === 'command' && navigates(asked.command)) session.model.active = null;
    view.notice(null, errorWords(error));
  }
  return true;
}

async function sendLine(text: string, session: ChatSession, view: PlainView): Promise<void> {
  const chat = session.model.active === null ? null : session.model.chats.get(session.model.active);
  if (chat == null) throw new Error('no chat is open: /to USER');
  // A file of a million lines waits here, not in memory.
  const waiting = session.client.outbox();
  const last = waiting.at(-1);
  if (waiting.length >= WAITING_MAX && last !== undefined) await last.sent().catch(() => undefined);
  view.number(session.send(chat, text));
}
