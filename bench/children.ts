// Child processes of a bench, each pinned to a core when `taskset` is there, and asked over IPC. Started by the scenarios.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Question, Reply } from './child-port.ts';

export interface ChildOptions {
  /** Module to run, from bench/, without its extension. */
  readonly module: string;
  /** Core to pin to; null: none. */
  readonly core: number | null;
  readonly nodeArgs?: readonly string[];
  /** Handed over as one argument, as JSON. */
  readonly args: unknown;
}

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const START_MS = 180_000;
const STOP_MS = 15_000;

let hasTaskset: boolean | null = null;
/** Pinning needs two cores, and `taskset`. */
export function canPin(): boolean {
  hasTaskset ??= availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  return hasTaskset;
}

export class Child {
  readonly pid: number;
  private readonly process: ChildProcess;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private asked = 0;

  private constructor(child: ChildProcess, module: string) {
    this.process = child;
    this.pid = child.pid ?? 0;
    child.on('message', (message) => {
      const reply = message as Reply;
      const settle = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      settle?.(reply);
    });
    child.on('exit', (code, signal) => {
      const error = `${module} ended: ${signal ?? code}`;
      for (const [id, settle] of this.waiting) settle({ id, error });
      this.waiting.clear();
    });
  }

  /** Resolves with the child and what it announced. */
  static async start<T>(options: ChildOptions): Promise<{ child: Child; announced: T }> {
    const path = fileURLToPath(new URL(`./${options.module}${EXTENSION}`, import.meta.url));
    const node = [process.execPath, '--expose-gc', ...(options.nodeArgs ?? []), path, JSON.stringify(options.args)];
    const command = options.core === null || !canPin() ? node : ['taskset', '-c', String(options.core), ...node];
    const [file = '', ...args] = command;
    const child = new Child(spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }), options.module);
    const announced = await child.reply<T>(0, START_MS);
    return { child, announced };
  }

  ask<T>(ask: string, args: unknown = null, limitMs = 120_000): Promise<T> {
    this.asked += 1;
    const id = this.asked;
    const answer = this.reply<T>(id, limitMs);
    if (!this.process.connected) this.waiting.get(id)?.({ id, error: 'the child has ended' });
    else this.process.send({ id, ask, args } satisfies Question);
    return answer;
  }

  /** SIGKILL: no last word. */
  async kill(): Promise<void> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  /** Asks it to stop, and makes sure. */
  async stop(limitMs = STOP_MS): Promise<void> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const kill = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await this.ask('stop', null, limitMs).catch(() => {});
    if (child.connected) child.disconnect();
    await ended;
    clearTimeout(kill);
  }

  private reply<T>(id: number, limitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Error(`no answer within ${limitMs} ms`));
      }, limitMs);
      this.waiting.set(id, (reply) => {
        clearTimeout(late);
        if (reply.error === undefined) resolve(reply.value as T);
        else reject(new Error(reply.error));
      });
    });
  }
}
