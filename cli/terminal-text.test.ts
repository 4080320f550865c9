import { describe, expect, test } from 'vitest';
import { clean, cleanLine, cut, graphemes, padTo, widthOf, wrap } from './terminal-text.ts';

const FAMILY = '👨‍👩‍👧‍👦';

describe('what others write is harmless', () => {
  test.each([
    ['\u001b[2J\u001b[H', '␛[2J␛[H'],
    ['\u001b]0;title\u0007', '␛]0;title␇'],
    ['\u001bP+q544e\u001b\\', '␛P+q544e␛\\'],
    ['\u009b31m', '\uFFFD31m'],
    ['a\b\bb\u007f', 'a␈␈b␡'],
    ['a\rb', 'a\nb'],
    ['a\r\nb\u2028c', 'a\nb\nc'],
    ['1\t2', '1    2'],
    ['user\u202Egnp.exe\u2066x', 'usergnp.exex'],
    ['in\u200Bvis\u00ADi\uFEFFble', 'invisible'],
    ['\ud800x', '\uFFFDx'],
  ])('%j', (from, to) => expect(clean(from)).toBe(to));

  test('every control character of both sets, and only those', () => {
    const all = Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)).join('');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(cleanLine(all)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u00ad]/);
    expect(clean('é ü 日本 עברית \u200Cx')).toBe('é ü 日本 עברית \u200Cx');
    expect(cleanLine('a\nb')).toBe('a␊b');
    expect(clean(FAMILY)).toBe(FAMILY);
  });
});

describe('columns', () => {
  test.each([
    ['abc', 3],
    ['日本語', 6],
    ['한글', 4],
    ['ｆｕｌｌ', 8],
    ['é', 1],
    ['e\u0301', 1],
    ['👍', 2],
    ['👍🏽', 2],
    [FAMILY, 2],
    ['🇩🇪', 2],
    ['❤️', 2],
    ['1️⃣', 2],
    ['שלום', 4],
    ['◷✓✓', 3],
    ['', 0],
  ])('%s takes %i', (text, columns) => expect(widthOf(text)).toBe(columns));

  test('a tower of accents is cut down', () => {
    expect([...(graphemes(`e${'\u0301'.repeat(1_000)}`)[0] ?? '')].length).toBeLessThan(30);
  });

  test('cut and padTo never tear a character, never exceed', () => {
    expect(cut('日本語', 5)).toBe('日本…');
    expect(cut('日本語', 4)).toBe('日…');
    expect(cut(`${FAMILY}${FAMILY}`, 3)).toBe(`${FAMILY}…`);
    expect(cut('abc', 0)).toBe('');
    expect(padTo('日本語', 4)).toBe('日… ');
    for (let columns = 1; columns < 9; columns++) expect(widthOf(padTo('a日b👍c', columns))).toBe(columns);
  });
});

describe('wrapping', () => {
  test('at spaces, and within words that are too long', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
    expect(wrap('a\n\nb', 4)).toEqual(['a', '', 'b']);
    expect(wrap('日本語日本語', 5)).toEqual(['日本', '語日', '本語']);
    expect(wrap('', 5)).toEqual(['']);
  });

  test('no line is too wide, and no word is lost', () => {
    const text = 'the 日本語 quick 👨‍👩‍👧‍👦 brown שלום fox jumps overandoverandoverandover the lazy dog';
    for (let columns = 2; columns < 40; columns++) {
      const lines = wrap(text, columns);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    }
  });
});
