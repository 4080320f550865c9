// The screen of a terminal: takes styled lines, writes what has changed, and gives the terminal back as it was. Everything that is
// written goes through `clean` here, so no words of others can move the cursor, change the title or ask the terminal anything.
import { clean } from './terminal-text.ts';

export type Style =
  | 'plain'
  | 'dim'
  | 'name'
  | 'own'
  | 'tick'
  | 'read'
  | 'failed'
  | 'change'
  | 'notice'
  | 'typing'
  | 'hint'
  | 'prompt'
  | 'bar'
  | 'barBold'
  | 'barWarn'
  | 'tab'
  | 'tabActive'
  | 'tabUnread';
export type Span = readonly [style: Style, text: string];
export type Line = readonly Span[];

/** With colours, and without: then weight and reversal alone must tell. */
const COLOURS: Readonly<Record<Style, string>> = {
  plain: '',
  dim: '2',
  name: '1;33',
  own: '1;32',
  tick: '2',
  read: '1;36',
  failed: '31',
  change: '3;35',
  notice: '36',
  typing: '3;32',
  hint: '36',
  prompt: '1;32',
  bar: '7',
  barBold: '1;7',
  barWarn: '1;33;7',
  tab: '2',
  tabActive: '1;4',
  tabUnread: '1;33',
};
const MONOCHROME: Readonly<Record<Style, string>> = {
  ...COLOURS,
  name: '1',
  own: '1',
  tick: '',
  read: '1;7',
  failed: '1',
  change: '3',
  notice: '',
  typing: '3',
  hint: '',
  prompt: '1',
  barWarn: '1;7',
  tabUnread: '1',
};

const ESC = '\u001b[';
/** Alternate screen, no wrapping at the edge, pasted text is marked as such. */
const ENTER = `${ESC}?1049h${ESC}?7l${ESC}?2004h${ESC}2J`;
const LEAVE = `${ESC}0m${ESC}?2004l${ESC}?7h${ESC}?25h${ESC}?1049l`;

export function paintLine(line: Line, colour: boolean): string {
  const styles = colour ? COLOURS : MONOCHROME;
  return line
    .map(([style, text]) => {
      const words = clean(text).replaceAll('\n', ' ');
      return styles[style] === '' || words === '' ? words : `${ESC}${styles[style]}m${words}${ESC}0m`;
    })
    .join('');
}

export class Screen {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;
  #shown: string[] = [];
  #open = false;

  constructor(write: (text: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  enter(): void {
    if (this.#open) return;
    this.#open = true;
    this.#write(ENTER);
  }

  /** Twice is once. */
  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#shown = [];
    this.#write(LEAVE);
  }

  /** The next drawing writes every line: the terminal has another size, or something else wrote to it. */
  forget(): void {
    this.#shown = [];
    if (this.#open) this.#write(`${ESC}2J`);
  }

  /** Each line is placed for itself, so that a character of unexpected width harms no other line. */
  draw(lines: readonly Line[], cursor: { readonly row: number; readonly column: number }): void {
    if (!this.#open) return;
    const painted = lines.map((line) => paintLine(line, this.#colour));
    const changed = painted.flatMap((text, row) =>
      this.#shown[row] === text ? [] : [`${ESC}${row + 1};1H${ESC}0m${ESC}2K${text}`],
    );
    for (let row = painted.length; row < this.#shown.length; row++) changed.push(`${ESC}${row + 1};1H${ESC}2K`);
    this.#shown = painted;
    const place = `${ESC}${cursor.row + 1};${cursor.column + 1}H`;
    this.#write(changed.length === 0 ? place : `${ESC}?25l${changed.join('')}${place}${ESC}?25h`);
  }
}
