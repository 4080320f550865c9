// What happened, as a rolling hash that two runs of a seed must agree on, and, when asked for, as lines for people.
import { hashOf } from './random.ts';

export interface Note {
  readonly time: number;
  readonly what: string;
  /** Who: a device, a node, a connection. */
  readonly who: string;
  /** Chat, user or whatever else it was about. */
  readonly about: string;
  readonly more: string;
}

const LINES_MAX = 200_000;

export class Trace {
  hash = 0;
  count = 0;
  readonly notes: Note[] | null;

  constructor(keeps: boolean) {
    this.notes = keeps ? [] : null;
  }

  /** `n` and `id` are part of the hash; `more` is for people, and made only when lines are kept. */
  note(time: number, what: string, who: string, about: string, n: number, id: string, more?: () => string): void {
    this.count++;
    let hash = this.hash ^ Math.floor(time * 1_000);
    hash = Math.imul(hash, 0x01000193) ^ n;
    hash = Math.imul(hash, 0x01000193) ^ hashOf(what);
    hash = Math.imul(hash, 0x01000193) ^ hashOf(who);
    hash = Math.imul(hash, 0x01000193) ^ hashOf(about);
    hash = Math.imul(hash, 0x01000193) ^ hashOf(id);
    this.hash = (hash ^ (hash >>> 15)) | 0;
    if (this.notes === null || this.notes.length > LINES_MAX) return;
    const text = [n === 0 ? '' : String(n), id, more?.() ?? ''].filter((part) => part !== '').join(' ');
    this.notes.push({ time, what, who, about, more: text });
  }

  /** The last `count` lines in which one of these words occurs; all lines when there is no word. */
  lines(words: readonly string[], count: number): string[] {
    const found: string[] = [];
    for (let at = (this.notes?.length ?? 0) - 1; at >= 0 && found.length < count; at--) {
      const line = lineOf(this.notes?.[at] as Note);
      if (words.length === 0 || words.some((word) => line.includes(word))) found.push(line);
    }
    return found.reverse();
  }
}

const lineOf = (note: Note): string =>
  `${(note.time / 1_000).toFixed(4).padStart(9)} ${note.who.padEnd(10)} ${note.what.padEnd(16)} ${note.about} ${note.more}`;
