// The chat on a whole terminal: keys in, screen out, drawn at most 30 times a second. What a key does is said here once; what is
// shown comes from `chat-view.ts`.
import { emitKeypressEvents } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import { complete, navigates, read, type SlashCommand, unknownWords } from './chat-commands.ts';
import { activeChat, unreadOf } from './chat-model.ts';
import type { ChatSession, SessionEvents } from './chat-session.ts';
import { numbered, render, type Scroll, type View } from './chat-view.ts';
import { type Clock, errorWords } from './chat-words.ts';
import { type Edit, type Editor, EMPTY, edit, insert, taken, withText } from './terminal-editor.ts';
import { Screen } from './terminal-screen.ts';

export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

const FRAME_MS = 33;
const BOTTOM: Scroll = { lines: 0, anchor: null };
const EDITS: Readonly<Record<string, Edit>> = {
  left: 'left',
  right: 'right',
  home: 'home',
  end: 'end',
  backspace: 'backspace',
  delete: 'delete',
  up: 'earlier',
  down: 'later',
  'ctrl b': 'left',
  'ctrl f': 'right',
  'ctrl a': 'home',
  'ctrl e': 'end',
  'ctrl h': 'backspace',
  'ctrl w': 'deleteWord',
  'ctrl u': 'deleteBefore',
  'ctrl k': 'deleteAfter',
  'ctrl left': 'wordLeft',
  'ctrl right': 'wordRight',
  'meta b': 'wordLeft',
  'meta f': 'wordRight',
  'meta left': 'wordLeft',
  'meta right': 'wordRight',
  'meta backspace': 'deleteWord',
};

export class ChatScreen implements SessionEvents {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #screen: Screen;
  readonly #clock: Clock;
  #session: ChatSession | null = null;
  #editor: Editor = EMPTY;
  #scroll: Scroll = BOTTOM;
  #hint = '';
  #idle = false;
  /** Lines that were entered while a command decides where they go. */
  #ahead: string[] | null = null;
  #view: View | null = null;
  #pasted: string | null = null;
  #drawing: ReturnType<typeof setTimeout> | null = null;
  #second: ReturnType<typeof setInterval> | null = null;
  #end: () => void = () => undefined;
  /** Resolves when the person wants to leave. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(input: ReadStream, output: WriteStream, colour: boolean, clock: Clock) {
    this.#input = input;
    this.#output = output;
    this.#clock = clock;
    this.#screen = new Screen((text) => void output.write(text), colour);
  }

  begin(session: ChatSession): void {
    this.#session = session;
  }

  open(): void {
    this.#screen.enter();
    emitKeypressEvents(this.#input);
    this.#input.setRawMode(true);
    this.#input.on('keypress', this.#onKey);
    this.#input.on('end', this.#end);
    this.#input.resume();
    this.#output.on('resize', this.#onResize);
    // The countdown of a reconnect, and midnight.
    this.#second = setInterval(() => this.changed(), 1_000);
    this.changed();
  }

  /** Gives the terminal back. Twice is once. */
  close(): void {
    if (this.#second !== null) clearInterval(this.#second);
    if (this.#drawing !== null) clearTimeout(this.#drawing);
    this.#second = null;
    this.#drawing = null;
    this.#input.off('keypress', this.#onKey);
    this.#output.off('resize', this.#onResize);
    this.#screen.leave();
    if (this.#input.isTTY) this.#input.setRawMode(false);
    this.#input.pause();
  }

  // —— session events ——

  changed(): void {
    if (this.#second !== null) this.#drawing ??= setTimeout(() => this.#draw(), FRAME_MS);
  }
  entry(): void {
    this.#openFirst();
  }
  status(): void {}
  typing(): void {}
  presence(): void {}
  state(): void {}
  notice(chat: unknown, text: string): void {
    if (chat === null) this.#hint = text;
    this.#scroll = BOTTOM;
    this.changed();
  }

  /** What was asked for is open, or cannot be: from now on the first to write is shown when nothing else is. */
  targetDone(): void {
    this.#idle = true;
    this.#openFirst();
  }

  #openFirst(): void {
    const session = this.#session;
    if (session === null || !this.#idle || session.model.active !== null) return;
    const chat = [...session.model.chats.values()].find((one) => unreadOf(session.model, one) > 0);
    if (chat !== undefined) session.open(chat.id);
  }

  // —— drawing ——

  #draw(): void {
    this.#drawing = null;
    const session = this.#session;
    if (session === null || this.#second === null) return;
    const { columns = 80, rows = 24 } = this.#output;
    const state = {
      model: session.model,
      editor: this.#editor,
      scroll: this.#scroll,
      hint: this.#hint,
      clock: this.#clock,
    };
    this.#view = render(state, { columns, rows });
    this.#screen.draw(this.#view.lines, this.#view.cursor);
    const chat = activeChat(session.model);
    // What stands on the screen has been read, also when scrolled up: up to there and no further.
    if (chat !== null && chat.from !== null && this.#view.lastSeq !== null) session.seen(chat, this.#view.lastSeq);
  }

  readonly #onResize = (): void => {
    this.#screen.forget();
    this.changed();
  };

  // —— keys ——

  readonly #onKey = (typed: string | undefined, key: Key): void => {
    if (this.#session === null) return;
    if (key.name === 'paste-start') this.#pasted = '';
    else if (key.name === 'paste-end') {
      this.#type(this.#pasted ?? '');
      this.#pasted = null;
    } else if (this.#pasted !== null) {
      this.#pasted += key.name === 'return' || key.name === 'enter' ? '\n' : (typed ?? key.sequence ?? '');
    } else this.#key(typed, key, this.#session);
    this.changed();
  };

  #key(typed: string | undefined, key: Key, session: ChatSession): void {
    this.#hint = '';
    const { name = '' } = key;
    const chord = `${key.ctrl ? 'ctrl ' : ''}${key.meta ? 'meta ' : ''}${name}`;
    const how = EDITS[chord];
    if (how !== undefined) this.#edit(edit(this.#editor, how));
    else if (chord === 'ctrl c') this.#end();
    else if (chord === 'ctrl d') this.#editor.text === '' ? this.#end() : this.#edit(edit(this.#editor, 'delete'));
    else if (chord === 'return') this.#enter(session);
    else if (chord === 'meta return' || chord === 'enter' || chord === 'meta enter') this.#type('\n');
    else if (chord === 'tab') this.#complete(session);
    else if (chord === 'pageup') this.#up(session, this.#pageRows());
    else if (chord === 'pagedown') this.#down(this.#pageRows());
    else if (chord === 'ctrl n') this.#step(session, 1);
    else if (chord === 'ctrl p') this.#step(session, -1);
    else if (chord === 'ctrl l') this.#onResize();
    else if (chord === 'escape') this.#scroll = BOTTOM;
    else if (/^meta [1-9]$/.test(chord)) this.#jump(session, Number(name) - 1);
    else if (typed !== undefined && !key.ctrl && !key.meta && isText(typed)) this.#type(typed);
  }

  #edit(editor: Editor): void {
    this.#editor = editor;
    if (editor.text === '' || editor.text.startsWith('/')) this.#session?.typed(false);
  }

  #type(text: string): void {
    if (text === '') return;
    this.#editor = insert(this.#editor, text.replace(/\r\n?/g, '\n'));
    const { text: all } = this.#editor;
    this.#session?.typed(!all.startsWith('/') || all.startsWith('//'));
  }

  #enter(session: ChatSession): void {
    const { text } = this.#editor;
    if (text.trim() === '') return;
    this.#editor = taken(this.#editor);
    this.#scroll = BOTTOM;
    if (this.#ahead === null) this.#take(session, text);
    else this.#ahead.push(text);
  }

  #take(session: ChatSession, text: string): void {
    const asked = read(text);
    if (asked.is === 'quit') this.#end();
    else if (asked.is === 'unknown') session.notice(unknownWords(asked.name));
    else if (asked.is === 'command') void this.#run(session, asked.command, asked.rest);
    else {
      const chat = activeChat(session.model);
      try {
        if (chat === null) throw new Error('to whom? /to USER opens a chat');
        session.send(chat, asked.text);
      } catch (error) {
        this.#giveBack([text], errorWords(error));
      }
    }
  }

  /** What is typed before it is known where `/to` leads must not go to the chat before: it waits, and comes back if that fails. */
  async #run(session: ChatSession, command: SlashCommand, rest: string): Promise<void> {
    const where = navigates(command);
    if (where) this.#ahead = [];
    let fault: string | null = null;
    try {
      const words = await command.run(session, rest, this.#clock);
      if (words !== '') session.notice(words);
    } catch (error) {
      fault = errorWords(error);
      session.notice(fault);
    }
    const ahead = where ? (this.#ahead ?? []) : [];
    if (where) this.#ahead = null;
    if (fault !== null) this.#giveBack(ahead, fault);
    else
      for (const [at, line] of ahead.entries()) {
        if (this.#ahead === null) this.#take(session, line);
        else {
          (this.#ahead as string[]).push(...ahead.slice(at)); // it was a /to itself
          break;
        }
      }
    this.changed();
  }

  /** Words that could not go anywhere are not lost. */
  #giveBack(lines: readonly string[], why: string): void {
    if (lines.length === 0) return;
    const kept = [...lines, this.#editor.text].filter((line) => line !== '').join('\n');
    this.#editor = withText(this.#editor, kept);
    this.#hint = why;
  }

  #complete(session: ChatSession): void {
    const found = complete(session.model, this.#editor.text, this.#editor.at);
    if (found === null) return;
    this.#edit({ ...this.#editor, text: found.text, at: found.at });
    this.#hint = found.others.join('  ');
  }

  // —— moving about ——

  #pageRows(): number {
    return Math.max(1, (this.#output.rows ?? 24) - 6);
  }

  #up(session: ChatSession, by: number): void {
    const chat = activeChat(session.model);
    const view = this.#view;
    if (chat === null || view === null) return;
    const anchor = this.#scroll.anchor ?? chat.items.at(-1)?.id ?? null;
    const room = Math.min(by, view.linesAbove);
    if (room > 0) this.#scroll = { anchor, lines: this.#scroll.lines + room };
    if (view.linesAbove <= by) void session.older(chat).catch((error: unknown) => session.notice(errorWords(error)));
  }

  #down(by: number): void {
    const lines = Math.max(0, this.#scroll.lines - by);
    this.#scroll = lines === 0 ? BOTTOM : { ...this.#scroll, lines };
  }

  #step(session: ChatSession, by: number): void {
    const list = numbered(session.model);
    const at = list.findIndex(({ id }) => id === session.model.active);
    if (list.length > 0) this.#jump(session, (at + by + list.length) % list.length);
  }

  #jump(session: ChatSession, at: number): void {
    const chat = numbered(session.model)[at];
    if (chat === undefined) return;
    this.#scroll = BOTTOM;
    session.open(chat.id);
  }
}

/** Not the rest of a sequence that nobody knows. */
function isText(typed: string): boolean {
  return typed >= ' ' && typed !== '\u007f' && !(typed >= '\u0080' && typed <= '\u009f');
}
