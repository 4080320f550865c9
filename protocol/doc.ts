// Writes docs/protocol.md: hand-written prose with tables and examples made from the code. Pure; `scripts/protocol-docs.mjs` puts it
// on disk, and a test holds what is on disk to what this makes.
import { encodeFrame } from './codec.ts';
import { DIRECT, GROUP, SAMPLES } from './doc-samples.ts';
import { CLOSE_CODES, ERROR_CODES } from './errors.ts';
import type { Field } from './field.ts';
import { type ClientFrame, FRAMES, type FrameName, type ServerFrame } from './frames.ts';
import { encodeJson } from './json.ts';
import { SUBPROTOCOL, WIRE_VERSION } from './kinds.ts';
import { LIMITS } from './limits.ts';
import { Writer } from './msgpack-writer.ts';
import { codecOfName } from './table-codec.ts';

const names = Object.keys(FRAMES) as FrameName[];
const number = (n: number): string => (n === Number.MAX_SAFE_INTEGER ? '2^53 − 1' : n.toLocaleString('en-US'));
const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ');
/** Columns padded as the formatter pads them, so that it has nothing to change in what is made. */
function table(...rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(3, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${widths.map((w, i) => (row[i] ?? '').padEnd(w)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(widths.map((w) => '-'.repeat(w))), ...body.map(line)].join('\n');
}

function typeOf(field: Field): string {
  switch (field.is) {
    case 'bool':
      return 'bool';
    case 'nil':
      return `${typeOf(field.of)} or nil`;
    case 'list':
      return `list ≤ ${number(field.max)} of ${field.of.is === 'tuple' ? typeOf(field.of) : `(${typeOf(field.of)})`}`;
    case 'tuple':
      return `(${Object.keys(field.of).join(', ')})`;
    default:
      return `${field.is} ≤ ${number(field.max)}`;
  }
}

/** Rows of a field, and of the fields of its tuples. */
function fieldRows(name: string, field: Field, depth = 0): string[][] {
  const own = [`${'· '.repeat(depth)}\`${name}\``, typeOf(field), field.about];
  const inner = field.is === 'list' || field.is === 'nil' ? field.of : field;
  if (inner.is !== 'tuple') return [own];
  return [own, ...Object.entries(inner.of).flatMap(([n, f]) => fieldRows(n, f, depth + 1))];
}

function frameSection(name: FrameName): string {
  const { op, from, about, fields } = FRAMES[name];
  const who = { client: 'from the client', server: 'from the server', both: 'both ways' }[from];
  const rows = Object.entries(fields).flatMap(([field, f]: [string, Field]) => fieldRows(field, f));
  const body = rows.length === 0 ? 'No fields.' : table(['field', 'type', 'meaning'], ...rows);
  return `### \`${name}\` · ${op} · ${who}\n\n${about}\n\n${body}`;
}

/** The frame with each element's bytes on a line of its own. */
export function annotated(name: FrameName, frame: ClientFrame | ServerFrame): string {
  const codec = codecOfName(name);
  const parts: [Uint8Array, string][] = [];
  const out = new Uint8Array(LIMITS.frameBytesMax);
  const part = (what: string, write: (w: Writer) => void): void => {
    const w = new Writer();
    w.start(out, 0);
    write(w);
    parts.push([out.slice(0, w.end()), what]);
  };
  part(`array of ${codec.names.length + 1}`, (w) => w.array(codec.names.length + 1));
  part(`op ${codec.op}, ${name}`, (w) => w.uint(codec.op, 127, 'op'));
  const json = JSON.parse(encodeJson(frame)) as unknown[];
  codec.names.forEach((field, i) => {
    const value = (frame as unknown as Record<string, unknown>)[field];
    part(`${field} ${JSON.stringify(json[i + 1])}`, (w) => codec.writers[i]?.(w, value));
  });
  const all = encodeFrame(frame);
  if (hex(all) !== parts.map(([bytes]) => hex(bytes)).join(' ')) throw new Error('the parts are not the whole');
  const lines = parts.flatMap(([bytes, what]) => wrapped(bytes, what));
  return `\`${name}\`, ${all.length} bytes:\n\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n\nThe same in JSON: \`${encodeJson(frame)}\``;
}

function wrapped(bytes: Uint8Array, what: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16)
    lines.push(`${hex(bytes.subarray(at, at + 16)).padEnd(48)} ${at === 0 ? what : ''}`.trimEnd());
  return lines;
}

const PARTS: Readonly<Record<string, () => string>> = {
  msgpack: () => SUBPROTOCOL.msgpack,
  json: () => SUBPROTOCOL.json,
  version: () => String(WIRE_VERSION),
  clientTypes: () => FRAMES.SEND_MESSAGE.fields.type.about.replace(/^content type: /, ''),
  changes: () => FRAMES.CHANGE_CHAT.fields.change.about,
  badFrameClose: () => String(CLOSE_CODES.badFrame.code),
  displacedClose: () => String(CLOSE_CODES.displaced.code),
  tokenExpiredClose: () => String(CLOSE_CODES.tokenExpired.code),
  silentClose: () => String(CLOSE_CODES.silent.code),
  closeCodes: () =>
    table(
      ['code', 'name', 'do', 'meaning'],
      ...Object.entries(CLOSE_CODES).map(([name, c]) => [String(c.code), name, c.action, c.about]),
    ),
  errors: () =>
    table(
      ['code', 'retry', 'meaning'],
      ...Object.entries(ERROR_CODES).map(([name, e]) => [`\`${name}\``, e.retry ? 'yes' : 'no', e.about]),
    ),
  frames: () => names.map(frameSection).join('\n\n'),
  limits: () =>
    table(['limit', 'value'], ...Object.entries(LIMITS).map(([name, value]) => [`\`${name}\``, number(value)])),
  examples: () =>
    [
      `The direct chat of \`ann\` and \`bob\` is \`${DIRECT}\`; the group that \`ann\` made as \`alps-1\` is \`${GROUP}\`.`,
      annotated('HELLO', SAMPLES.HELLO[0]),
      annotated('SEND_MESSAGE', SAMPLES.SEND_MESSAGE[0]),
      annotated('SENT', SAMPLES.SENT[0]),
      ...SAMPLES.RECEIVE_MESSAGE.map((frame) => annotated('RECEIVE_MESSAGE', frame)),
      annotated('MESSAGE_ACK', SAMPLES.MESSAGE_ACK[0]),
      annotated('HISTORY_PAGE', SAMPLES.HISTORY_PAGE[0]),
    ].join('\n\n'),
};

/** The template with its `{{parts}}` filled in. A number from LIMITS may be named by its key. */
export function protocolDoc(template: string): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, part: string) => {
    const made = PARTS[part]?.();
    const limit = (LIMITS as Readonly<Record<string, number>>)[part];
    if (made === undefined && limit === undefined) throw new Error(`the template asks for ${part}, which nobody makes`);
    return made ?? number(limit ?? 0);
  });
}
