// A command as data: name, words, options and what it does. The parser, `--help` and docs are made from it. Knows nothing of
// commander, and nothing of what commands do.

/** The world as commands see it, so that tests can bring their own. */
export interface Io {
  /** Data. */
  out(text: string): void;
  /** Everything else. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Someone reads `err` on a terminal that shows colours. */
  readonly colour: boolean;
  stdin(): Promise<string>;
  /** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
  stopAsked(): Promise<string>;
}

export const EXIT = {
  ok: 0,
  failed: 1,
  /** A check found something critical. */
  critical: 2,
  usage: 64,
  noUser: 67,
  unreachable: 69,
  timeout: 75,
  denied: 77,
  config: 78,
} as const;

/** Ends a command with words for a person and an exit code. */
export class CommandError extends Error {
  readonly exit: number;
  readonly hint: string | null;
  constructor(exit: number, message: string, hint: string | null = null) {
    super(message);
    this.name = 'CommandError';
    this.exit = exit;
    this.hint = hint;
  }
}

export interface OptionSpec {
  /** As on the command line: `--port <number>`, `--json`, `--set <path=value...>` for one that repeats. */
  readonly flags: string;
  readonly about: string;
  readonly required?: boolean;
  readonly default?: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly about: string;
  readonly optional?: boolean;
}

/** Options by their long name in camel case: a text, a list of texts for one that repeats, or true. */
export type OptionValues = Readonly<Record<string, string | readonly string[] | true | undefined>>;

export interface Invocation {
  readonly io: Io;
  readonly options: OptionValues;
  readonly args: readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  readonly about: string;
  readonly options?: readonly OptionSpec[];
  readonly args?: readonly ArgumentSpec[];
  /** Lines at the end of `--help`. */
  readonly examples?: readonly string[];
  /** Resolves to the exit code. A command has either this or others below it. */
  readonly run?: (invocation: Invocation) => Promise<number>;
  readonly sub?: readonly CommandSpec[];
}

/** The one text of an option, or null. */
export function text(options: OptionValues, name: string): string | null {
  const value = options[name];
  return typeof value === 'string' ? value : null;
}

export function texts(options: OptionValues, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export function paint(io: Io, style: keyof typeof STYLES, words: string): string {
  return io.colour ? `\u001b[${STYLES[style]}m${words}\u001b[0m` : words;
}
