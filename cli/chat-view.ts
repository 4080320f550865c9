// From what a terminal chat knows to the lines on a screen: status line, messages with their ticks, who types, the other chats, and
// the line being typed. Pure: a model, a size and a clock give styled lines. Words of others are made harmless by the screen, which
// cleans every span; here they are cleaned before they are measured.

import { progressOf } from '../client/view/index.ts';
import { activeChat, type ChatState, chatList, type Item, type Model, nameOf, unreadOf } from './chat-model.ts';
import { type Clock, connectionWords, counted, presenceWords, typingWords } from './chat-words.ts';
import type { Editor } from './terminal-editor.ts';
import type { Line, Span, Style } from './terminal-screen.ts';
import { clean, cleanLine, cut, graphemes, graphemeWidth, padTo, widthOf, wrap } from './terminal-text.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}
export interface Scroll {
  /** Lines above the newest that is followed. 0: at the end. */
  readonly lines: number;
  /** The newest item when scrolling began, by id; what came later does not move the screen. */
  readonly anchor: string | null;
}
export interface ViewState {
  readonly model: Model;
  readonly editor: Editor;
  readonly scroll: Scroll;
  /** A hint in the line above the input, such as what Tab could complete. */
  readonly hint: string;
  readonly clock: Clock;
}
export interface View {
  readonly lines: readonly Line[];
  readonly cursor: { readonly row: number; readonly column: number };
  /** The last entry that is on the screen, and the first line is the first one there is. */
  readonly lastSeq: number | null;
  readonly atTop: boolean;
  /** How far up one can scroll. */
  readonly linesAbove: number;
}

const INPUT_ROWS_MAX = 5;
const NAME_COLUMNS_MAX = 14;
const PROMPT = '› ';

export function render(state: ViewState, { columns, rows }: Size): View {
  const { model, clock } = state;
  const input = inputLines(state.editor, columns);
  const paneRows = Math.max(1, rows - 3 - input.lines.length);
  const chat = activeChat(model);
  const pane = paneOf(state, chat, columns, paneRows);
  const lines: Line[] = [
    headerLine(model, chat, clock, columns),
    ...pane.lines,
    activityLine(state, chat, pane.newer, columns),
    chatsLine(model, columns),
    ...input.lines,
  ];
  const cursor = { row: paneRows + 3 + input.row, column: input.column };
  const { lastSeq, atTop, linesAbove } = pane;
  return {
    lines: lines.slice(-rows).map((line) => clipped(line, columns)),
    cursor: { ...cursor, row: cursor.row - Math.max(0, lines.length - rows) },
    lastSeq,
    atTop,
    linesAbove,
  };
}

/** Holds for every line what each one should hold for itself: never wider than the screen. */
function clipped(line: Line, columns: number): Line {
  let room = columns;
  if (line.reduce((sum, [, text]) => sum + widthOf(cleanLine(text)), 0) <= columns) return line;
  return line.map(([style, text]): Span => {
    const kept = cut(cleanLine(text), room);
    room -= widthOf(kept);
    return [style, kept];
  });
}

// —— status line ——

function headerLine(model: Model, chat: ChatState | null, clock: Clock, columns: number): Line {
  const state = connectionWords(model.connection, model.retryAt, clock.now());
  const up = model.connection.is === 'online';
  const right = ` ${model.me}${model.demo ? ' (demo)' : ''}  ${up ? '●' : '○'} ${cleanLine(state)} `;
  const name = chat === null ? ' Parley' : ` ${cleanLine(nameOf(model, chat))}`;
  const about = chat === null ? '' : ` · ${aboutChat(model, chat, clock)}`;
  const room = Math.max(0, columns - widthOf(right));
  const title = cut(name, room);
  return [
    ['barBold', title],
    ['bar', padTo(about === ' · ' ? '' : about, room - widthOf(title))],
    [up ? 'bar' : 'barWarn', cut(right, columns)],
  ];
}

function aboutChat(model: Model, chat: ChatState, clock: Clock): string {
  if (chat.left) return 'you are not a member any more';
  if (chat.kind === 'direct')
    return presenceWords(chat.peer === null ? undefined : model.presence.get(chat.peer), clock);
  const size = chat.members.size;
  if (size === 0) return '';
  const online = [...chat.members.keys()].filter(
    (user) => user === model.me || model.presence.get(user)?.online === true,
  );
  return model.connection.is === 'online'
    ? `${counted(size, 'member')}, ${online.length} online`
    : counted(size, 'member');
}

function activityLine({ hint, model }: ViewState, chat: ChatState | null, newer: number, columns: number): Line {
  if (hint !== '') return [['hint', cut(` ${cleanLine(hint)}`, columns)]];
  const typing = chat === null ? '' : typingWords([...chat.typing].sort());
  const more = newer > 0 ? `↓ ${counted(newer, 'line')} below` : '';
  const waiting = chat?.items.filter(({ status }) => status === 'queued').length ?? 0;
  const late =
    model.connection.is !== 'online' && waiting > 0 ? `${counted(waiting, 'message')} will go out when online` : '';
  const words = [typing, more, late].filter((one) => one !== '').join('   ');
  return [['typing', cut(words === '' ? '' : ` ${words}`, columns)]];
}

function chatsLine(model: Model, columns: number): Line {
  const spans: Span[] = [];
  let room = columns;
  const push = (style: Style, text: string): void => {
    const kept = cut(text, room);
    room -= widthOf(kept);
    spans.push([style, kept]);
  };
  for (const [at, chat] of numbered(model).entries()) {
    const unread = chat.id === model.active ? 0 : unreadOf(model, chat);
    push(
      chat.id === model.active ? 'tabActive' : unread > 0 ? 'tabUnread' : 'tab',
      ` ${at + 1} ${cleanLine(nameOf(model, chat))} `,
    );
    if (unread > 0) push('tabUnread', `(${unread}) `);
  }
  if (spans.length === 0) push('tab', ' /to USER begins a chat · /help');
  push('tab', ' '.repeat(room));
  return spans;
}

/** The chats as /switch counts them: oldest known first, so that numbers do not jump. */
export function numbered(model: Model): ChatState[] {
  const listed = new Set(chatList(model));
  return [...model.chats.values()].filter((chat) => listed.has(chat));
}

// —— messages ——

interface Pane {
  readonly lines: readonly Line[];
  readonly lastSeq: number | null;
  readonly atTop: boolean;
  readonly linesAbove: number;
  readonly newer: number;
}
interface Row {
  readonly line: Line;
  readonly item: Item | null;
}

function paneOf(state: ViewState, chat: ChatState | null, columns: number, rows: number): Pane {
  const all = chat === null ? welcomeRows(columns) : chatRows(state, chat, columns);
  const { anchor, lines: up } = state.scroll;
  const follow = anchor === null ? -1 : all.findLastIndex(({ item }) => item?.id === anchor);
  const end = up === 0 || follow < 0 ? all.length : Math.min(all.length, Math.max(rows, follow + 1 - up));
  const shown = all.slice(Math.max(0, end - rows), end);
  const seqs = shown.flatMap(({ item }) => (item?.seq == null ? [] : [item.seq]));
  const blank: Line[] = Array.from({ length: Math.max(0, rows - shown.length) }, () => []);
  return {
    lines: [...blank, ...shown.map(({ line }) => line)],
    lastSeq: seqs.length === 0 ? null : Math.max(...seqs),
    atTop: end <= rows,
    linesAbove: Math.max(0, end - rows),
    newer: all.length - end,
  };
}

function welcomeRows(columns: number): Row[] {
  const words = [
    'Nobody here yet.',
    '',
    '/to bob                  begins a chat with bob',
    '/group Team with bob,eve  a group',
    '/help                    all commands',
  ];
  return words.map((text) => ({ line: [['notice', cut(` ${text}`, columns)]], item: null }));
}

function chatRows({ model, clock }: ViewState, chat: ChatState, columns: number): Row[] {
  const rows: Row[] = [];
  const say = (text: string, style: Style = 'dim'): void => void rows.push({ line: [[style, text]], item: null });
  if (chat.from === null) say(centred(model.connection.is === 'online' ? 'loading…' : 'not loaded yet', columns));
  else if (chat.more) say(centred('PgUp or /history shows more', columns));
  const names = Math.min(nameColumns(model, chat), Math.max(3, columns - 32));
  const ticks = tickColumns(chat);
  let day = '';
  for (const item of chat.items) {
    const today = clock.day(item.at);
    if (item.is !== 'notice' && today !== day) say(centred(`── ${today} ──`, columns));
    if (item.is !== 'notice') day = today;
    rows.push(...itemRows(model, chat, item, { clock, columns, names, ticks }));
  }
  return rows;
}

interface Layout {
  readonly clock: Clock;
  readonly columns: number;
  readonly names: number;
  readonly ticks: number;
}

function itemRows(model: Model, chat: ChatState, item: Item, layout: Layout): Row[] {
  const { clock, columns, names, ticks } = layout;
  if (item.is === 'notice') return wrapped(item, columns - 2).map((text) => ({ line: [['notice', ` ${text}`]], item }));
  const time: Span = ['dim', ` ${clock.time(item.at)} `];
  if (item.is === 'change') {
    const indent = ' '.repeat(7);
    return wrapped(item, columns - 7).map((text, at) => ({
      line: at === 0 ? [time, ['change', text]] : [['change', `${indent}${text}`]],
      item,
    }));
  }
  const own = item.sender === model.me;
  const left = 7 + names + 1 + ticks + 1;
  const roomy = columns - left >= 12;
  const name: Span = [own ? 'own' : 'name', padTo(own ? 'you' : cleanLine(item.sender), names)];
  const head: Span[] = [
    time,
    name,
    ['plain', ' '],
    ...(own ? tickSpans(model, chat, item, ticks) : [['plain', ' '.repeat(ticks)] as const]),
    ['plain', ' '],
  ];
  const body = roomy ? wrapped(item, columns - left) : wrapped(item, columns - 2);
  const style: Style = item.status === 'failed' ? 'failed' : item.seq === null ? 'dim' : 'plain';
  if (!roomy) return [{ line: head, item }, ...body.map((text) => ({ line: [[style, `  ${text}`]] as Line, item }))];
  return body.map((text, at) => ({
    line:
      at === 0
        ? [...head, [style, text]]
        : [
            ['plain', ' '.repeat(left)],
            [style, text],
          ],
    item,
  }));
}

const TICK: Readonly<Record<string, string>> = { queued: '◷', sent: '✓', delivered: '✓✓', read: '✓✓', failed: '✗' };
const TICK_STYLE: Readonly<Record<string, Style>> = {
  queued: 'dim',
  sent: 'tick',
  delivered: 'tick',
  read: 'read',
  failed: 'failed',
};

function tickSpans(model: Model, chat: ChatState, item: Item, columns: number): Span[] {
  const { status, delivered, read, others } = progressOf(model, chat, item);
  const tick: Span = [TICK_STYLE[status] ?? 'tick', padTo(TICK[status] ?? '?', 2)];
  if (columns <= 2) return [tick];
  const partly = others > 1 && (status === 'sent' || status === 'delivered');
  // While some have read it, that is the news; until then, how many have it.
  const count: Span =
    partly && read > 0
      ? ['read', padTo(` ${read}/${others}`, columns - 2)]
      : partly && status === 'sent'
        ? ['tick', padTo(` ${delivered}/${others}`, columns - 2)]
        : ['plain', ' '.repeat(columns - 2)];
  return [tick, count];
}

const tickColumns = (chat: ChatState): number =>
  chat.kind === 'direct' || chat.members.size < 3 ? 2 : 4 + 2 * String(chat.members.size - 1).length;

function nameColumns(model: Model, chat: ChatState): number {
  let columns = 3;
  for (const { sender, is } of chat.items)
    if (is === 'message' && sender !== model.me) columns = Math.max(columns, sender.length);
  for (const user of chat.typing) columns = Math.max(columns, user.length);
  return Math.min(columns, NAME_COLUMNS_MAX);
}

/** Wrapping is the one costly step, so each item keeps its last result. */
const wraps = new WeakMap<Item, { readonly key: string; readonly lines: string[] }>();
function wrapped(item: Item, columns: number): string[] {
  const marks = [
    ...(item.about === null ? [] : [`↩ ${item.about}`]),
    ...(item.edited ? ['(edited)'] : []),
    ...(item.reactions.length > 0 ? [`[${item.reactions.join(', ')}]`] : []),
    ...(item.fault === null ? [] : [`— not sent: ${item.fault}`]),
  ];
  const key = `${columns} ${marks.join(' ')} ${item.text}`;
  const kept = wraps.get(item);
  if (kept?.key === key) return kept.lines;
  const lines = wrap(clean([item.text, ...marks].join(' ')), columns);
  wraps.set(item, { key, lines });
  return lines;
}

function centred(text: string, columns: number): string {
  const kept = cut(text, columns);
  return ' '.repeat(Math.max(0, Math.floor((columns - widthOf(kept)) / 2))) + kept;
}

// —— the line being typed ——

function inputLines(editor: Editor, columns: number): { lines: Line[]; row: number; column: number } {
  const indent = widthOf(PROMPT);
  const room = Math.max(4, columns - indent - 1);
  const lines: string[] = [''];
  let width = 0;
  let at = 0;
  let row = 0;
  let column = 0;
  const mark = (): void => {
    row = lines.length - 1;
    column = width;
  };
  for (const grapheme of graphemes(editor.text)) {
    if (at === editor.at) mark();
    at += grapheme.length;
    if (grapheme === '\n') {
      lines.push('');
      width = 0;
      continue;
    }
    const shown = cleanLine(grapheme);
    const wide = shown === grapheme ? graphemeWidth(grapheme) : widthOf(shown);
    if (width + wide > room) {
      lines.push('');
      width = 0;
    }
    lines[lines.length - 1] += shown;
    width += wide;
  }
  if (at <= editor.at) mark();
  const first = Math.max(0, Math.min(row - Math.floor(INPUT_ROWS_MAX / 2), lines.length - INPUT_ROWS_MAX));
  const shown = lines.slice(first, first + INPUT_ROWS_MAX);
  return {
    lines: shown.map(
      (text, i): Line => [
        ['prompt', i + first === 0 ? PROMPT : ' '.repeat(indent)],
        ['plain', text],
      ],
    ),
    row: row - first,
    column: indent + column,
  };
}
