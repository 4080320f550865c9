// A node of a cluster as an operator runs it: `parley serve`, configured by its environment, all it says in a file. It can be killed,
// paused, drained and started again; an end that nobody asked for is remembered. Test code.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { envName } from '../../app/config.ts';
import { distFile, freePort } from './server-process.ts';

/** A cluster waits for leases before it takes shards over, and Cassandra may be slow on a busy machine. */
const READY_MS = 90_000;
const ASK_MS = 1_000;

export class NodeProcess {
  readonly name: string;
  readonly port: number;
  readonly logFile: string;
  /** Ends that nobody asked for, with the last words. */
  readonly ends: string[] = [];
  paused = false;
  /** It ended by itself, and nobody has seen to it. */
  fallen = false;
  private readonly settings: Readonly<Record<string, string>>;
  private child: ChildProcess | null = null;

  private constructor(name: string, port: number, folder: string, settings: Readonly<Record<string, string>>) {
    this.name = name;
    this.port = port;
    this.logFile = join(folder, `${name}.log`);
    this.settings = {
      ...settings,
      'node.name': name,
      'node.dataDir': join(folder, name),
      'gateway.port': String(port),
      'gateway.publicUrl': `ws://127.0.0.1:${port}`,
    };
    mkdirSync(folder, { recursive: true });
  }

  /** `settings` by path, such as `storage.kind`. Does not start it. */
  static async plan(name: string, folder: string, settings: Readonly<Record<string, string>>): Promise<NodeProcess> {
    return new NodeProcess(name, await freePort(), folder, settings);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get running(): boolean {
    return this.child !== null;
  }

  /** A `parley` command with the settings of this node; rejects when it fails. */
  async command(words: readonly string[]): Promise<void> {
    const child = this.spawn(words);
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`parley ${words.join(' ')} ended with ${code}: ${this.lastWords()}`);
  }

  /** Resolves when it takes clients. */
  async run(): Promise<void> {
    const child = this.spawn(['serve']);
    this.child = child;
    this.fallen = false;
    child.once('exit', (code, signal) => {
      if (this.child !== child) return;
      this.child = null;
      this.fallen = true;
      this.ends.push(`${this.name} ended with ${code ?? signal}: ${this.lastWords()}`);
    });
    const end = Date.now() + READY_MS;
    while (!(await this.ready())) {
      if (this.child !== child) throw new Error(this.ends.at(-1) ?? `${this.name} was stopped while it started`);
      if (Date.now() > end) throw new Error(`${this.name} is not ready: ${this.lastWords()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** As an operator stops it: it hands over first. Resolves to its exit code. */
  async stop(): Promise<number | null> {
    return await this.end('SIGTERM');
  }

  pause(): void {
    this.paused = true;
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.paused = false;
    this.child?.kill('SIGCONT');
  }

  /** Would a load balancer send clients here? */
  async ready(): Promise<boolean> {
    if (this.child === null || this.paused) return false;
    return await fetch(`http://127.0.0.1:${this.port}/readyz`, { signal: AbortSignal.timeout(ASK_MS) }).then(
      (answer) => answer.ok,
      () => false,
    );
  }

  /** Its metrics by name and labels, as the text has them; empty when it does not answer. */
  async metrics(): Promise<Map<string, number>> {
    const text = await fetch(`http://127.0.0.1:${this.port}/metrics`, { signal: AbortSignal.timeout(ASK_MS) }).then(
      (answer) => answer.text(),
      () => '',
    );
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  /** Lines of its log at level error. */
  errors(): string[] {
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"level":"error"'));
  }

  lastWords(): string {
    return readFileSync(this.logFile, 'utf8').slice(-2_000);
  }

  private spawn(words: readonly string[]): ChildProcess {
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_'));
    const own = Object.entries(this.settings).map(([path, value]) => [envName(path), value]);
    const log = openSync(this.logFile, 'a');
    try {
      return spawn(process.execPath, [distFile('cli/main.js'), ...words], {
        env: Object.fromEntries([...clean, ...own]),
        stdio: ['ignore', log, log],
        // Ctrl-C is for us alone: we end it, in our order.
        detached: true,
      });
    } finally {
      closeSync(log);
    }
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    this.child = null;
    this.fallen = false;
    this.paused = false;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return null;
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    return await gone;
  }
}
