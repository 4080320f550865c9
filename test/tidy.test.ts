// The law of the house (docs: which folder may know which), held by reading the sources. A rule that has exceptions names each with
// its reason; the list of long files is a ratchet: it only ever gets shorter.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Which folders a folder's code may import. Tests may import anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  runtime: [],
  storage: ['runtime', 'protocol'],
  cluster: ['runtime'],
  actors: ['runtime', 'protocol', 'storage'],
  gateway: ['runtime', 'protocol', 'actors'],
  client: ['protocol'],
  app: ['protocol', 'runtime', 'storage', 'cluster', 'actors', 'gateway'],
  cli: ['protocol', 'runtime', 'gateway', 'client', 'app'],
  bench: ['protocol', 'runtime', 'storage', 'cluster', 'actors', 'gateway', 'client', 'app'],
  test: ['protocol', 'runtime', 'storage', 'cluster', 'actors', 'gateway', 'client', 'app', 'cli', 'bench'],
};

/** Packages with a border around them: only files whose path begins so may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  nact: ['runtime/service.ts', 'bench/'],
  ioredis: ['cluster/redis/', 'test/'],
  lmdb: ['storage/lmdb/', 'bench/'],
  'cassandra-driver': ['storage/cql/', 'bench/', 'test/'],
  ws: ['gateway/', 'client/node', 'bench/', 'test/'],
  jose: ['gateway/', 'bench/'],
  pino: ['app/logging.ts'],
  'prom-client': ['app/metrics.ts', 'app/metrics-registry.ts'],
  zod: ['app/'],
  commander: ['cli/run.ts', 'bench/'],
  'hdr-histogram-js': ['bench/'],
  'socket.io': ['bench/'],
  'socket.io-client': ['bench/'],
  'playwright-core': ['test/'],
  '@nats-io/transport-node': ['cluster/nats/', 'bench/', 'test/'],
  '@nats-io/nats-core': ['cluster/nats/', 'bench/', 'test/'],
  '@nats-io/jetstream': ['cluster/nats/', 'bench/', 'test/'],
  '@nats-io/kv': ['cluster/nats/', 'bench/', 'test/'],
};
/** Code that runs in a browser or in the simulation: no module of Node. */
const WITHOUT_NODE = ['protocol/', 'actors/', 'client/core/', 'client/browser/', 'client/view/', 'client/web/'];
/** Packages and modules of Node that a border mentions, for tests: all are allowed there. */
const DRIVERS = ['storage/lmdb', 'storage/memory', 'storage/cql', 'cluster/nats', 'cluster/redis', 'cluster/memory'];
const MAY_KNOW_DRIVERS = ['app/', 'bench/', 'test/'];

/** Other doors than a folder's index.ts. */
const DOORS: readonly string[] = [
  ...DRIVERS.map((driver) => `${driver}/index.ts`),
  'client/testing/index.ts',
  'cluster/testing/index.ts',
  'client/node/index.ts',
  'client/view/index.ts',
];
const PAST_THE_DOOR: readonly (readonly [from: string, to: string, why: string])[] = [
  ['cli/', 'app/', 'two halves of one program; the command line loads only what a command needs'],
  ['bench/', '', 'measures parts alone'],
];

const SERVER = ['protocol/', 'runtime/', 'storage/', 'cluster/', 'actors/', 'gateway/', 'app/'];
const AMBIENT =
  /(?<![.\w$])(?:Date\.now|new Date\(\)|Math\.random|performance\.now|process\.(?:hrtime|nextTick)|(?:setTimeout|setInterval|setImmediate|queueMicrotask|randomBytes|randomUUID|randomInt|randomFill|randomFillSync|monitorEventLoopDelay)(?=\s*\()|crypto\.getRandomValues)/;
const MAY_BE_AMBIENT: Readonly<Record<string, string>> = {
  'runtime/env.ts': 'declares what real-env.ts does',
  'runtime/real-env.ts': 'is where time and randomness come from',
  'gateway/pressure-monitor.ts': 'measures the event loop itself; the machine it feeds is pure',
  'app/logging.ts': 'draws the key that hides ids when none is configured',
};

const LINES_MAX = 400;
/** Files that are longer. May shrink, may not grow, and leave the list at 400. */
const LONG_FILES: Readonly<Record<string, number>> = {};

interface Source {
  readonly path: string;
  readonly text: string;
  readonly folder: string;
  readonly isTest: boolean;
  /** Resolved paths within the project. */
  readonly own: readonly string[];
  readonly packages: readonly string[];
}

const sources: readonly Source[] = Object.keys(MAY_IMPORT).flatMap((folder) => readFolder(folder));
const byPath = new Map(sources.map((source) => [source.path, source]));
const code = sources.filter((source) => !source.isTest);
const startsWithAny = (path: string, starts: readonly string[]): boolean =>
  starts.some((start) => path.startsWith(start));

function readFolder(folder: string): Source[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => readSource(relative(ROOT, join(entry.parentPath, entry.name))));
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
  return {
    path,
    text,
    folder: path.split('/')[0] ?? '',
    isTest: path.endsWith('.test.ts') || path.includes('/testing/') || path.startsWith('test/'),
    own: imports
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(ROOT, resolve(ROOT, dirname(path), name))),
    packages: imports.filter((name) => !name.startsWith('.')),
  };
}

/** The code without comments and the content of strings. */
function bare(text: string): string {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text);
  let out = '';
  const isText = (token: ts.SyntaxKind) =>
    token === ts.SyntaxKind.StringLiteral ||
    token === ts.SyntaxKind.NoSubstitutionTemplateLiteral ||
    token === ts.SyntaxKind.SingleLineCommentTrivia ||
    token === ts.SyntaxKind.MultiLineCommentTrivia;
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    out += isText(token) ? "''" : scanner.getTokenText();
  }
  return out;
}

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

describe('who knows whom', () => {
  test('a folder imports only what the law allows', () => {
    const broken = code.flatMap((source) =>
      source.own
        .map((target) => target.split('/')[0] ?? '')
        .filter((folder) => folder !== source.folder && !MAY_IMPORT[source.folder]?.includes(folder))
        .map((folder) => `${source.path} imports ${folder}/`),
    );
    expect(broken).toEqual([]);
  });

  test('from outside, a folder is entered by its door', () => {
    const broken = code.flatMap((source) =>
      source.own
        .filter((target) => target.split('/')[0] !== source.folder)
        .filter((target) => target.split('/').slice(1).join('/') !== 'index.ts' && !DOORS.includes(target))
        .filter((target) => !PAST_THE_DOOR.some(([from, to]) => source.path.startsWith(from) && target.startsWith(to)))
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('drivers are known to the composition root, benches and tests', () => {
    const broken = code
      .filter((source) => !startsWithAny(source.path, MAY_KNOW_DRIVERS))
      .flatMap((source) =>
        source.own
          .filter((target) =>
            DRIVERS.some((driver) => target.startsWith(`${driver}/`) && !source.path.startsWith(`${driver}/`)),
          )
          .map((target) => `${source.path} imports ${target}`),
      );
    expect(broken).toEqual([]);
  });

  test('packages stay within their border', () => {
    const broken = code.flatMap((source) =>
      source.packages
        .filter(
          (name) =>
            PACKAGES[packageOf(name)] !== undefined && !startsWithAny(source.path, PACKAGES[packageOf(name)] ?? []),
        )
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(broken).toEqual([]);
  });

  test('what also runs elsewhere uses no module of Node', () => {
    const broken = code
      .filter((source) => startsWithAny(source.path, WITHOUT_NODE))
      .flatMap((source) =>
        source.packages.filter((name) => name.startsWith('node:')).map((name) => `${source.path} imports ${name}`),
      );
    expect(broken).toEqual([]);
  });

  test('relative imports name their file with its extension', () => {
    const broken = sources.flatMap((source) =>
      source.own.filter((target) => !/\.(ts|tsx|json|mjs)$/.test(target)).map((target) => `${source.path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('no file imports itself by a detour', () => {
    expect(cycles(code)).toEqual([]);
  });
});

describe('what code may not do', () => {
  test('time, timers and randomness come in through Env', () => {
    const broken = code
      .filter((source) => startsWithAny(source.path, SERVER) && MAY_BE_AMBIENT[source.path] === undefined)
      .flatMap((source) => {
        const found = AMBIENT.exec(bare(source.text));
        return found === null ? [] : [`${source.path} uses ${found[0]}`];
      });
    expect(broken).toEqual([]);
  });

  test('no exception outlives its use', () => {
    const unused = Object.keys(MAY_BE_AMBIENT).filter((path) => !AMBIENT.test(bare(byPath.get(path)?.text ?? '')));
    expect(unused).toEqual([]);
  });

  test('no enum, no namespace, no default export, no any', () => {
    const broken = code.flatMap((source) => {
      const found =
        /(?<![.\w$])(?:enum\s+\w+\s*\{|namespace\s+\w+\s*\{|export\s+default\b|:\s*any\b|\bas\s+any\b|<any>)/.exec(
          bare(source.text),
        );
      return found === null ? [] : [`${source.path}: ${found[0]}`];
    });
    expect(broken).toEqual([]);
  });
});

describe('how files look', () => {
  test('each opens with what it is', () => {
    const bareFiles = sources
      .filter(({ path, text }) => !path.endsWith('.test.ts') && !/^(?:#!.*\n\s*)?\/[/*]/.test(text))
      .map((source) => source.path);
    expect(bareFiles).toEqual([]);
  });

  test('none is longer than 400 lines, but for those that were, and these do not grow', () => {
    const lines = (source: Source): number => source.text.split('\n').length - 1;
    const tooLong = sources
      .filter((source) => lines(source) > (LONG_FILES[source.path] ?? LINES_MAX))
      .map((source) => `${source.path}: ${lines(source)} lines`);
    expect(tooLong).toEqual([]);
    const loose = Object.keys(LONG_FILES).filter((path) => {
      const source = byPath.get(path);
      return source === undefined || lines(source) <= LINES_MAX;
    });
    expect(loose).toEqual([]);
  });
});

test('the lock file is whole, so that `npm ci` works on a fresh clone', () => {
  interface Locked {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
    readonly resolved?: string;
  }
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const broken = Object.entries(lock.packages).flatMap(([path, entry]) => [
    // A lock file written where a registry lacks packages for other systems leaves them out, and `npm ci` refuses it everywhere.
    ...Object.keys(entry.optionalDependencies ?? {})
      .filter(
        (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      )
      .map((name) => `${path} needs ${name}`),
    ...(entry.resolved === undefined ? [] : [`${path} names a host`]),
  ]);
  expect(broken).toEqual([]);
});

/** Each cycle once, as a path that comes back. Depth first; a file that is finished is never looked at again. */
function cycles(files: readonly Source[]): string[] {
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    state.set(path, 'open');
    for (const target of byPath.get(path)?.own ?? []) visit(target, [...trail, path]);
    state.set(path, 'done');
  };
  for (const file of files) visit(file.path, []);
  return found;
}
