// The line that a person types, with cursor, words and what was sent before. Pure: a key gives a new state. Knows no terminal.
import { graphemes } from './terminal-text.ts';

export interface Editor {
  readonly text: string;
  /** An index into `text`, never within a character. */
  readonly at: number;
  /** Lines from before, oldest first. */
  readonly past: readonly string[];
  /** Which of them is shown; `past.length`: none. */
  readonly shown: number;
  /** What stood here before looking at the past. */
  readonly draft: string;
}
export const PAST_MAX = 200;
export const EMPTY: Editor = { text: '', at: 0, past: [], shown: 0, draft: '' };

export type Edit =
  | 'left'
  | 'right'
  | 'wordLeft'
  | 'wordRight'
  | 'home'
  | 'end'
  | 'backspace'
  | 'delete'
  | 'deleteWord'
  | 'deleteBefore'
  | 'deleteAfter'
  | 'earlier'
  | 'later';

export function insert(editor: Editor, what: string): Editor {
  const text = editor.text.slice(0, editor.at) + what + editor.text.slice(editor.at);
  return { ...editor, text, at: editor.at + what.length };
}

export function withText(editor: Editor, text: string): Editor {
  return { ...editor, text, at: text.length };
}

/** The line was sent: it is the past now. */
export function taken(editor: Editor): Editor {
  const { text } = editor;
  const past = text === '' || editor.past.at(-1) === text ? editor.past : [...editor.past, text].slice(-PAST_MAX);
  return { text: '', at: 0, past, shown: past.length, draft: '' };
}

export function edit(editor: Editor, how: Edit): Editor {
  const { text, at } = editor;
  switch (how) {
    case 'left':
      return { ...editor, at: before(text, at) };
    case 'right':
      return { ...editor, at: after(text, at) };
    case 'wordLeft':
      return { ...editor, at: wordBefore(text, at) };
    case 'wordRight':
      return { ...editor, at: at + (/^\s*\S*/.exec(text.slice(at))?.[0].length ?? 0) };
    case 'home':
      return { ...editor, at: text.lastIndexOf('\n', at - 1) + 1 };
    case 'end':
      return { ...editor, at: (text.indexOf('\n', at) + text.length + 1) % (text.length + 1) };
    case 'backspace':
      return without(editor, before(text, at), at);
    case 'delete':
      return without(editor, at, after(text, at));
    case 'deleteWord':
      return without(editor, wordBefore(text, at), at);
    case 'deleteBefore':
      return without(editor, 0, at);
    case 'deleteAfter':
      return without(editor, at, text.length);
    case 'earlier':
      return show(editor, editor.shown - 1);
    case 'later':
      return show(editor, editor.shown + 1);
  }
}

function show(editor: Editor, shown: number): Editor {
  if (shown < 0 || shown > editor.past.length) return editor;
  const draft = editor.shown === editor.past.length ? editor.text : editor.draft;
  return { ...withText(editor, editor.past[shown] ?? draft), shown, draft };
}

function without(editor: Editor, from: number, to: number): Editor {
  return { ...editor, text: editor.text.slice(0, from) + editor.text.slice(to), at: from };
}

function before(text: string, at: number): number {
  return at - (graphemes(text.slice(0, at)).at(-1)?.length ?? 0);
}
function after(text: string, at: number): number {
  return at + (graphemes(text.slice(at))[0]?.length ?? 0);
}
function wordBefore(text: string, at: number): number {
  return at - (/\S*\s*$/.exec(text.slice(0, at))?.[0].length ?? 0);
}
