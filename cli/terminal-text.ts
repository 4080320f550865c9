// Text of others on a terminal: made harmless, measured in columns, cut and wrapped without tearing what a person sees as one
// character. Pure. Nothing that others wrote reaches a terminal except through `clean`.

/**
 * Invisible characters that reorder or hide text: soft hyphen, zero-width spaces, marks and overrides of direction, annotations. The
 * joiners U+200C and U+200D stay: scripts and emoji need them.
 */
const INVISIBLE = /[\u00AD\u061C\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\u0000-\u001F\u007F-\u009F]/g;
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
/** Code points of one grapheme: more than any emoji has, fewer than a tower of accents. */
const CLUSTER_POINTS_MAX = 20;
const TAB = '    ';

/** Harmless lines: control characters become pictures (␛), what would reorder or hide is gone. Line ends stay, as \n. */
export function clean(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replaceAll('\t', TAB)
    .replace(INVISIBLE, '')
    .replace(LONE_SURROGATE, '\uFFFD')
    .replace(CONTROL, (found) => (found === '\n' ? found : pictureOf(found.charCodeAt(0))));
}

/** The same on one line: a line end is ␊. */
export function cleanLine(text: string): string {
  return clean(text).replaceAll('\n', '␊');
}

function pictureOf(code: number): string {
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : '\uFFFD';
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
const ASCII = /^[\x20-\x7e]*$/;

/** What a person sees as characters. A tower of combining marks is cut. */
export function graphemes(text: string): string[] {
  if (ASCII.test(text)) return text.split('');
  return Array.from(segmenter.segment(text), ({ segment }) =>
    segment.length <= CLUSTER_POINTS_MAX ? segment : [...segment].slice(0, CLUSTER_POINTS_MAX).join(''),
  );
}

const EMOJI = /\p{Emoji_Presentation}|\p{Regional_Indicator}|\p{Extended_Pictographic}\uFE0F|^[0-9#*]\uFE0F?\u20E3/u;
const ZERO = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11FF]/u;
/** Two columns each: East Asian Width W and F of Unicode 15, without emoji, in coarse ranges. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

/** Columns of one grapheme. Where terminals differ, the larger number: a line then ends early instead of late. */
export function graphemeWidth(grapheme: string): number {
  if (grapheme.length === 1 && grapheme < '\u0300') return grapheme < ' ' ? 0 : 1;
  if (EMOJI.test(grapheme)) return 2;
  let width = 0;
  for (const point of grapheme) {
    if (ZERO.test(point)) continue;
    const code = point.codePointAt(0) ?? 0;
    width += WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
  }
  return width;
}

export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/** At most `columns` wide; with … where something was cut off. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const grapheme of graphemes(text)) {
    width += graphemeWidth(grapheme);
    if (width > columns - 1) break;
    kept += grapheme;
  }
  return `${kept}…`;
}

/** Exactly `columns` wide. */
export function padTo(text: string, columns: number): string {
  const kept = cut(text, columns);
  return kept + ' '.repeat(Math.max(0, columns - widthOf(kept)));
}

/** Lines of at most `columns`, broken at spaces where there are any. `text` is clean; its line ends are kept. */
export function wrap(text: string, columns: number): string[] {
  const width = Math.max(2, columns);
  return text.split('\n').flatMap((line) => wrapLine(line, width));
}

function wrapLine(line: string, columns: number): string[] {
  if (widthOf(line) <= columns) return [line];
  const lines: string[] = [];
  let current: string[] = [];
  let width = 0;
  let space = -1;
  for (const grapheme of graphemes(line)) {
    const wide = graphemeWidth(grapheme);
    if (width + wide > columns && grapheme !== ' ') {
      const at = space > 0 ? space + 1 : current.length;
      lines.push(current.slice(0, at).join('').trimEnd());
      current = current.slice(at);
      width = current.reduce((sum, one) => sum + graphemeWidth(one), 0);
      space = -1;
    }
    if (grapheme === ' ') space = current.length;
    current.push(grapheme);
    width += wide;
  }
  if (current.length > 0) lines.push(current.join('').trimEnd());
  return lines;
}
