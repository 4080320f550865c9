// A real node in a process of its own, to be killed: `parley dev` on a free port and a directory of its own. Test code.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Raised so that a load test tests the store and not the limits; the limits have tests of their own. */
export const GENEROUS = {
  // A busy machine would make the node shed what the test is about; the thresholds have tests of their own.
  'pressure.presenceDelayMs': '20000',
  'pressure.signInDelayMs': '20000',
  'pressure.messageDelayMs': '20000',
  'gateway.connectionsPerSourceMax': '20000',
  'rates.userMessages': '{"perSecond":1000000,"burst":1000000}',
  'rates.userBytes': '{"perSecond":1000000000,"burst":1000000000}',
  'rates.pairMessages': '{"perSecond":1000000,"burst":1000000}',
  'rates.sourceMessages': '{"perSecond":1000000,"burst":1000000}',
} as const;

const READY_MS = 30_000;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A file of `dist/`, from a compiled file and from a test that runs the source. */
export function distFile(path: string): string {
  const here = fileURLToPath(import.meta.url);
  const root = join(here, '..', '..', '..');
  return here.includes(`${join('dist', 'test')}`) ? join(root, path) : join(root, 'dist', path);
}

export class ServerProcess {
  readonly port: number;
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  /** What it wrote to stderr, the last of it. */
  stderr = '';
  private child: ChildProcess | null = null;
  private readonly nodeArgs: readonly string[];

  private constructor(port: number, settings: Readonly<Record<string, string>>, nodeArgs: readonly string[]) {
    this.port = port;
    this.settings = settings;
    this.nodeArgs = nodeArgs;
    this.directory = mkdtempSync(join(tmpdir(), 'parley-test-'));
  }

  /** `nodeArgs`: options of Node itself. */
  static async start(
    settings: Readonly<Record<string, string>> = GENEROUS,
    nodeArgs: readonly string[] = [],
  ): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), settings, nodeArgs);
    await server.run();
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the process and waits until it is ready. */
  async run(): Promise<void> {
    const sets = Object.entries(this.settings).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
    const args = [
      ...this.nodeArgs,
      distFile('cli/main.js'),
      'dev',
      '--port',
      String(this.port),
      '--data',
      this.directory,
      ...sets,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    child.stderr?.setEncoding('utf8').on('data', (words: string) => {
      this.stderr = (this.stderr + words).slice(-8_000);
    });
    const end = Date.now() + READY_MS;
    while (Date.now() < end) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${this.stderr}`);
      const ready = await fetch(`${this.http}/readyz`).then(
        (r) => r.ok,
        () => false,
      );
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`the server is not ready: ${this.stderr}`);
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** No last word: SIGKILL. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** As an operator stops it. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async token(user: string): Promise<string> {
    const response = await fetch(`${this.http}/v1/dev/token?user=${encodeURIComponent(user)}`);
    return ((await response.json()) as { token: string }).token;
  }

  /** Ends it, and leaves nothing behind. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
