import { expect, test } from 'vitest';
import { type Edit, type Editor, EMPTY, edit, insert, PAST_MAX, taken, withText } from './terminal-editor.ts';

const typed = (text: string): Editor => insert(EMPTY, text);
const after = (editor: Editor, ...edits: Edit[]): Editor => edits.reduce(edit, editor);
/** The text with a bar where the cursor is. */
const seen = ({ text, at }: Editor): string => `${text.slice(0, at)}|${text.slice(at)}`;

test('insert and move by what a person sees as characters', () => {
  expect(seen(after(typed('a👨‍👩‍👧‍👦b'), 'left', 'left'))).toBe('a|👨‍👩‍👧‍👦b');
  expect(seen(after(typed('a👨‍👩‍👧‍👦b'), 'left', 'backspace'))).toBe('a|b');
  expect(seen(after(typed('e\u0301x'), 'left', 'left', 'delete'))).toBe('|x');
  expect(seen(after(typed('ab'), 'left', 'left', 'left', 'backspace'))).toBe('|ab');
  expect(seen(after(typed('ab'), 'right', 'delete'))).toBe('ab|');
});

test('words and line ends', () => {
  expect(seen(after(typed('one two  '), 'wordLeft'))).toBe('one |two  ');
  expect(seen(after(typed('one two'), 'home', 'wordRight'))).toBe('one| two');
  expect(seen(after(typed('one two'), 'deleteWord'))).toBe('one |');
  expect(seen(after(typed('one two'), 'wordLeft', 'deleteBefore'))).toBe('|two');
  expect(seen(after(typed('one two'), 'wordLeft', 'deleteAfter'))).toBe('one |');
  expect(seen(after(typed('ab\ncd'), 'home'))).toBe('ab\n|cd');
  expect(seen(after(typed('ab\ncd'), 'home', 'left', 'home', 'end'))).toBe('ab|\ncd');
  expect(seen(after(typed('ab'), 'home', 'end'))).toBe('ab|');
});

test('the past is looked at without losing what stood there', () => {
  const editor = insert(taken(withText(taken(typed('first')), 'second')), 'draft');
  expect(seen(after(editor, 'earlier'))).toBe('second|');
  expect(seen(after(editor, 'earlier', 'earlier', 'earlier'))).toBe('first|');
  expect(seen(after(editor, 'earlier', 'earlier', 'later', 'later'))).toBe('draft|');
  expect(taken(taken(typed('same'))).past).toEqual(['same']);
  let many = EMPTY;
  for (let i = 0; i < PAST_MAX + 5; i++) many = taken(withText(many, `${i}`));
  expect(many.past).toHaveLength(PAST_MAX);
});
