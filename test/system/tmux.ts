// Real terminals for tests: a tmux server of the test's own, on a socket of its own, so that ending it ends nothing else. And a
// `parley dev` that can be stopped and started again on the same port.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const PARLEY = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Null when real terminals can be driven here, else why not. */
export function tmuxMissing(): string | null {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' });
  } catch {
    return 'tmux is not installed, so no real terminal can be driven';
  }
  return existsSync(PARLEY) ? null : `${PARLEY} is not there: build first`;
}

/** Waits for a condition; fails with what `seen` shows. */
export async function until(what: string, holds: () => boolean, seen: () => string, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}\n${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let servers = 0;
/** That terminal and no other: a bare name may also match the name of a window. */
const paneOf = (name: string): string => `=${name}:`;

export class Tmux {
  readonly #socket = `parley-test-${process.pid}-${++servers}`;
  readonly #env: NodeJS.ProcessEnv;
  #started = false;

  constructor(home: string) {
    const { TMUX: _in, NO_COLOR: _plain, ...env } = process.env;
    this.#env = { ...env, HOME: home, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  }

  #run(...args: string[]): string {
    return execFileSync('tmux', ['-u', '-L', this.#socket, '-f', '/dev/null', ...args], {
      env: this.#env,
      encoding: 'utf8',
    });
  }

  /** A terminal of that name running a command; the exit code is shown at its end. */
  open(name: string, command: readonly string[], size: { columns: number; rows: number }): void {
    const words = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const line = `${words}; echo "[exit $?]"; exec cat`;
    this.#run('new-session', '-d', '-s', name, '-x', String(size.columns), '-y', String(size.rows), line);
    this.#started = true;
  }

  /** What stands on the terminal, with styles as escape sequences if wanted. */
  pane(name: string, styled = false): string {
    return this.#run('capture-pane', '-p', ...(styled ? ['-e'] : []), '-t', paneOf(name));
  }

  lines(name: string): string[] {
    return this.pane(name).split('\n');
  }

  keys(name: string, ...keys: string[]): void {
    this.#run('send-keys', '-t', paneOf(name), ...keys);
  }

  type(name: string, text: string): void {
    this.#run('send-keys', '-t', paneOf(name), '-l', '--', text);
  }

  /** As a terminal pastes: marked as pasted when the program asked for that. */
  paste(name: string, text: string): void {
    this.#run('set-buffer', '-b', 'pasted', '--', text);
    this.#run('paste-buffer', '-p', '-b', 'pasted', '-t', paneOf(name));
  }

  say(name: string, text: string): void {
    this.type(name, text);
    this.keys(name, 'Enter');
  }

  resize(name: string, columns: number, rows: number): void {
    this.#run('resize-window', '-t', paneOf(name), '-x', String(columns), '-y', String(rows));
  }

  end(name: string): void {
    this.#run('kill-session', '-t', `=${name}`);
  }

  endAll(): void {
    if (this.#started) this.#run('kill-server');
    this.#started = false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class DevServer {
  readonly port: number;
  readonly #data: string;
  #process: ChildProcess | null = null;
  #said = '';

  constructor(port: number, data: string) {
    this.port = port;
    this.#data = data;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    // A busy machine must not make the server stop telling of presence: that is shed first, and these tests look for it.
    const patient = ['presence=5000', 'signIn=6000', 'message=7000'].map(
      (one) => `pressure.${one.replace('=', 'DelayMs=')}`,
    );
    const args = [
      'dev',
      '--port',
      String(this.port),
      '--data',
      this.#data,
      ...patient.flatMap((one) => ['--set', one]),
    ];
    const child = spawn(process.execPath, [PARLEY, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (this.#said += String(data)));
    await until(
      'parley dev is up',
      () => this.#said.includes('parley chat --as'),
      () => this.#said,
    );
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
}
