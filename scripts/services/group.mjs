// The servers of one kind that belong together, such as three NATS: one folder, one life. What tests and the command line hold.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { planCassandra } from './cassandra.mjs';
import { planHaproxy } from './haproxy.mjs';
import { planNats } from './nats.mjs';
import { planRedis } from './redis.mjs';
import { Server } from './server.mjs';

const PLANS = { nats: planNats, cassandra: planCassandra, redis: planRedis, haproxy: planHaproxy };
export const KINDS = Object.keys(PLANS);
const FILE = 'group.json';

export class Group {
  /** What clients need to know beside the addresses: credentials, certificates, the name of the data centre. */
  facts;
  skip = null;
  given = false;

  constructor(folder) {
    this.folder = folder;
    const { kind, names, facts } = JSON.parse(readFileSync(join(folder, FILE), 'utf8'));
    this.kind = kind;
    this.facts = facts;
    this.nodes = names.map((name) => new Server(join(folder, name)));
  }

  static isIn(folder) {
    return existsSync(join(folder, FILE));
  }

  /** Every group below a folder. */
  static allIn(folder) {
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder).sort();
    return names.filter((name) => Group.isIn(join(folder, name))).map((name) => new Group(join(folder, name)));
  }

  /** Makes the folder and starts what is in it. When a server does not start, its folder stays for its log to be read, and the next try
   * plans anew, perhaps with other ports. */
  static async up(folder, kind, options) {
    mkdirSync(folder, { recursive: true });
    const { servers, facts } = await PLANS[kind](folder, options);
    const text = JSON.stringify({ kind, names: servers.map((server) => server.name), facts });
    writeFileSync(join(folder, `${FILE}.draft`), text);
    renameSync(join(folder, `${FILE}.draft`), join(folder, FILE));
    const group = new Group(folder);
    try {
      await group.start();
    } catch (error) {
      await group.kill();
      rmSync(join(folder, FILE), { force: true });
      throw error;
    }
    return group;
  }

  get url() {
    return this.urls.join(',');
  }
  get urls() {
    return this.nodes.map((node) => node.url);
  }
  /** host:port of each. */
  get addresses() {
    return this.nodes.map((node) => `${node.host}:${node.port}`);
  }
  get version() {
    return this.nodes[0].spec.version;
  }

  /** All are launched before one is waited for: some serve only together. */
  async start() {
    for (const node of this.nodes) await node.launch();
    await Promise.all(this.nodes.map((node) => node.ready()));
  }

  async stop(signal = 'SIGTERM') {
    await Promise.all(this.nodes.map((node) => node.stop(signal)));
  }

  async kill() {
    await this.stop('SIGKILL');
  }

  pause() {
    for (const node of this.nodes) node.pause();
  }

  resume() {
    for (const node of this.nodes) node.resume();
  }

  async restart({ empty = false } = {}) {
    await this.stop();
    if (empty) for (const node of this.nodes) node.empty();
    await this.start();
  }

  /** Nothing is left of it. Data that goes anyway needs no orderly end. */
  async remove() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async dispose() {
    await this.remove();
  }
}
