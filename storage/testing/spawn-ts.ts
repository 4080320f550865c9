// Starts a .ts file as a process of its own, for tests that kill it or watch it from outside.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface TsProcess {
  readonly child: ChildProcess;
  /** All that it has written to its standard output, by lines; the last may be cut. */
  readonly lines: readonly string[];
  /** All that it has written to its standard error. */
  readonly errors: string;
  /** Resolves with the first line for which it holds, now or later; rejects when the process ends without one. */
  line(holds: (line: string) => boolean): Promise<string>;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const HOOK = fileURLToPath(new URL('./ts-hook.mjs', import.meta.url));

/** `fileBlocksMax`: no file of it may grow beyond so many blocks of 1,024 bytes, as on a full disk. */
export function spawnTs(file: string, args: readonly string[], fileBlocksMax?: number): TsProcess {
  const command = [process.execPath, '--import', HOOK, file, ...args];
  const limited = ['-c', `ulimit -f ${fileBlocksMax}; exec "$@"`, 'bash', ...command];
  const [program = '', ...rest] = fileBlocksMax === undefined ? command : ['bash', ...limited];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let text = '';
  let errors = '';
  let over = false;
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (text + chunk.toString()).split('\n');
    text = parts.pop() ?? '';
    lines.push(...parts);
    for (const watcher of [...watchers]) watcher();
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => {
      over = true;
      for (const watcher of [...watchers]) watcher();
      resolve(code ?? signal);
    });
  });
  return {
    child,
    lines,
    get errors() {
      return errors;
    },
    ended,
    line: (holds) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          const found = lines.find(holds);
          if (found === undefined && !over) return;
          watchers.delete(watch);
          if (found !== undefined) resolve(found);
          else reject(new Error(`the process ended without that line: ${lines.slice(-5).join('\n')}\n${errors}`));
        };
        watchers.add(watch);
        watch();
      }),
  };
}
