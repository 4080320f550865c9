// One server process and its folder. All that is needed to run it lies in `service.json` there, so that any process of ours can ask
// for it, stop it and start it again: the command line, a test in a worker of its own, the keeper that ends what others left.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { end, isAlive, launch, pause, signalTo } from './processes.mjs';
import { isReady } from './ready.mjs';
import { Hopeless, waitFor } from './waiting.mjs';

const FILE = 'service.json';
const LOG_TAIL_CHARS = 1_500;

/**
 * @typedef {object} Spec What a server is, as JSON.
 * @property {string} kind nats, cassandra, redis or haproxy
 * @property {string} name
 * @property {string} version
 * @property {string} program
 * @property {string[]} args
 * @property {Record<string, string>} [env]
 * @property {string} host
 * @property {Record<string, number>} ports the one that clients use is called `port`
 * @property {string} url
 * @property {number} readyMs how long its start may take
 * @property {Record<string, unknown>} [ready] what the check of readiness needs beside the ports
 */
export class Server {
  /** @param {string} folder one that holds a service.json */
  constructor(folder) {
    this.folder = folder;
    this.spec = this.#read().spec;
  }

  /** @param {string} folder @param {Spec} spec @param {Record<string, string>} files written into the folder */
  static create(folder, spec, files) {
    for (const inner of ['data', 'tmp', 'log']) mkdirSync(join(folder, inner), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
    writeFileSync(join(folder, FILE), JSON.stringify({ spec, process: null }));
    return new Server(folder);
  }

  static isIn(folder) {
    return existsSync(join(folder, FILE));
  }

  get name() {
    return this.spec.name;
  }
  get host() {
    return this.spec.host;
  }
  get port() {
    return this.spec.ports.port;
  }
  get url() {
    return this.spec.url;
  }
  get log() {
    return join(this.folder, 'log', 'output.log');
  }
  /** Of the living process, else null. */
  get pid() {
    const known = this.#read().process;
    return isAlive(known) ? known.pid : null;
  }
  get running() {
    return this.pid !== null;
  }
  get startedMs() {
    return this.#read().process?.startedMs ?? null;
  }

  /** With the data that is there. Resolves when it serves. */
  async start() {
    await this.launch();
    await this.ready();
  }

  async launch() {
    if (this.running) return;
    const { program, args, env } = this.spec;
    const known = await launch(program, args, {
      cwd: this.folder,
      env: { ...process.env, ...env },
      log: this.log,
    });
    this.#remember(known);
  }

  async ready() {
    const what = `${this.name} does not serve (log: ${this.log})`;
    await waitFor(
      async () => {
        if (!this.running) throw new Hopeless(`${this.name} ended at its start (log: ${this.log})\n${this.#logTail()}`);
        return await isReady(this.spec);
      },
      { limitMs: this.spec.readyMs, what },
    );
  }

  /** Is it there, and does it answer? */
  async answers() {
    return this.running && (await isReady(this.spec).catch(() => false));
  }

  async stop(signal = 'SIGTERM') {
    const known = this.#read().process;
    if (known !== null) await end(known, signal);
  }

  /** No last word. */
  async kill() {
    await this.stop('SIGKILL');
  }

  pause() {
    this.#signal(pause);
  }

  resume() {
    this.#signal((known) => signalTo(known, 'SIGCONT'));
  }

  /** `empty`: without its data, as after the loss of its disk. */
  async restart({ empty = false } = {}) {
    await this.stop();
    if (empty) this.empty();
    await this.start();
  }

  empty() {
    if (this.running) throw new Error(`${this.name} runs: its data stays`);
    rmSync(join(this.folder, 'data'), { recursive: true, force: true });
    mkdirSync(join(this.folder, 'data'));
  }

  /** Ends it, and leaves nothing behind. */
  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #signal(send) {
    if (!send(this.#read().process)) throw new Error(`${this.name} does not run`);
  }

  #read() {
    return JSON.parse(readFileSync(join(this.folder, FILE), 'utf8'));
  }

  /** Renamed into place: others read it at any moment. */
  #remember(known) {
    const draft = join(this.folder, `${FILE}.${process.pid}`);
    writeFileSync(draft, JSON.stringify({ spec: this.spec, process: known }));
    renameSync(draft, join(this.folder, FILE));
  }

  #logTail() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').slice(-LOG_TAIL_CHARS) : '';
  }
}
