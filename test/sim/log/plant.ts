// Changes to the program, as data, and a copy of the built program that has them: `find` is exact source text that occurs once in `file`,
// `replace` takes its place. Text that moved is a fault of the list, and told as one.
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const FOLDERS = ['actors', 'cluster', 'protocol', 'runtime', 'storage', 'test/sim'];
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Where `main.js` of the changed copy lies, and the folder to remove. Throws when a change does not fit. */
export async function plant(changes: readonly Change[]): Promise<{ readonly main: string; readonly folder: string }> {
  const sources = new Map<string, string>();
  for (const { file, find, replace } of changes) {
    const source = sources.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
    const times = source.split(find).length - 1;
    if (times !== 1) throw new Error(`${JSON.stringify(find.slice(0, 60))} occurs ${times} times in ${file}`);
    sources.set(
      file,
      source.replace(find, () => replace),
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'parley-log-'));
  for (const name of FOLDERS)
    cpSync(join(ROOT, 'dist', name), join(folder, 'dist', name), {
      recursive: true,
      filter: (path) => !/\.(d\.ts|map)$/.test(path),
    });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const ts = (await import('typescript')).default;
  for (const [file, source] of sources) {
    const compilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    };
    const { outputText } = ts.transpileModule(source, { fileName: file, compilerOptions });
    writeFileSync(join(folder, 'dist', file.replace(/\.ts$/, '.js')), outputText);
  }
  return { main: join(folder, 'dist/test/sim/main.js'), folder };
}
