// Where the values of a configuration come from: defaults, then a JSON file, then the environment, then flags; later ones win.
// Pure: the caller reads the file and hands in the environment. Tells every problem at once, with its place.
import { type Config, configSchema, contradictions, envName, optionDocs } from './config.ts';

export interface ConfigSources {
  readonly file?: { readonly name: string; readonly text: string } | null;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By dotted path. Strings are read as the type of the option asks. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Below the file: what a command prefers to the defaults of the schema. */
  readonly base?: Readonly<Record<string, unknown>>;
}

export interface ConfigProblem {
  readonly path: string;
  readonly about: string;
  /** The file, variable or flag that set the value; `default` otherwise. */
  readonly from: string;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly string[] };

type Tree = { [key: string]: unknown };
/** Set by whoever runs us, and no options: the path of the file itself, and what the scripts and tests of this repository are told. */
const OTHER_VARIABLES = /^PARLEY_(?:CONFIG|JAVA|CHROMIUM|TEST_.*|SERVICES_.*)$/;

export function loadConfig(sources: ConfigSources): LoadedConfig {
  const tree: Tree = {};
  const from = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];

  for (const [path, value] of Object.entries(sources.base ?? {})) put(tree, path, value);
  if (sources.file != null) readFile(sources.file, tree, from, problems);
  const known = new Map(optionDocs().map((option) => [option.env, option.path]));
  for (const [name, value] of Object.entries(sources.env ?? {})) {
    if (!name.startsWith('PARLEY_') || value === undefined || OTHER_VARIABLES.test(name)) continue;
    const path = known.get(name);
    if (path === undefined) {
      warnings.push(`${name} is set, but there is no such option`);
      continue;
    }
    put(tree, path, fromText(path, value));
    from.set(path, name);
  }
  for (const [path, value] of Object.entries(sources.flags ?? {})) {
    put(tree, path, typeof value === 'string' ? fromText(path, value) : value);
    from.set(path, `flag for ${path}`);
  }

  const parsed = configSchema.safeParse(tree);
  if (parsed.success) {
    for (const { path, about } of contradictions(parsed.data))
      problems.push({ path, about, from: sourceOf(from, path) });
  }
  if (parsed.success && problems.length === 0) return { ok: true, config: parsed.data, warnings };
  for (const issue of parsed.error?.issues ?? []) {
    const path = issue.path.join('.');
    problems.push({ path, about: issue.message, from: sourceOf(from, path) });
  }
  return { ok: false, problems, warnings };
}

function readFile(
  file: { name: string; text: string },
  tree: Tree,
  from: Map<string, string>,
  problems: ConfigProblem[],
): void {
  let content: unknown;
  try {
    content = JSON.parse(file.text);
  } catch (error) {
    problems.push({ path: '', about: `not JSON: ${error instanceof Error ? error.message : ''}`, from: file.name });
    return;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push({ path: '', about: 'not a JSON object', from: file.name });
    return;
  }
  const options = optionDocs().map((option) => option.path);
  const read = (values: object, prefix: string): void => {
    for (const [name, value] of Object.entries(values)) {
      const path = `${prefix}${name}`;
      const isSection = options.some((option) => option.startsWith(`${path}.`));
      if (isSection && isObject(value)) {
        put(tree, path, {});
        read(value, `${path}.`);
      } else {
        put(tree, path, value);
        from.set(path, file.name);
      }
    }
  };
  read(content, '');
}

const isObject = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function put(tree: Tree, path: string, value: unknown): void {
  const [section = '', ...rest] = path.split('.');
  const inner = tree[section];
  if (rest.length === 0) {
    // A section that is there keeps what is in it.
    tree[section] = isObject(value) && isObject(inner) ? { ...inner, ...value } : value;
    return;
  }
  const next = isObject(inner) ? inner : {};
  tree[section] = next;
  put(next, rest.join('.'), value);
}

/** A text from the environment or a flag, as the option's type asks; what does not fit stays text, and the schema says so. */
function fromText(path: string, text: string): unknown {
  const type = optionDocs().find((option) => option.path === path)?.type ?? '';
  if (type.startsWith('list')) return listFromText(text);
  if (type.startsWith('JSON')) return jsonFromText(text);
  if (/^(integer|number)/.test(type) && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text === '' && type.includes('null') ? null : text;
}

function listFromText(text: string): unknown {
  if (text.trimStart().startsWith('[')) return jsonFromText(text);
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}

function jsonFromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function sourceOf(from: ReadonlyMap<string, string>, path: string): string {
  for (const [set, source] of from) if (path === set || path.startsWith(`${set}.`)) return source;
  return 'default';
}

/** The configuration for a person to read: secrets are there or not, and no more. */
export function redactConfig(config: Config): unknown {
  const copy = structuredClone(config) as unknown as Tree;
  for (const { path, secret } of optionDocs()) {
    const sections = path.split('.');
    const name = sections.pop() ?? '';
    let values: unknown = copy;
    for (const section of sections) values = isObject(values) ? values[section] : null;
    if (secret && isObject(values) && values[name] != null) values[name] = '(set)';
  }
  return copy;
}

export const configDocMarkdown = (): string =>
  [
    '| option | variable | type | default | meaning |',
    '|---|---|---|---|---|',
    ...optionDocs().map(
      (option) =>
        `| \`${option.path}\` | \`${envName(option.path)}\` | ${option.type} | \`${JSON.stringify(option.default)}\` | ${option.about} |`,
    ),
  ].join('\n');
