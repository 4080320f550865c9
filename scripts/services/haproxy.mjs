// HAProxy before nodes on this machine, by the configuration that is deployed: deploy/haproxy.cfg with other addresses.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../lib.mjs';
import { haproxyProgram } from './fetch.mjs';
import { Server } from './server.mjs';
import { freePorts } from './waiting.mjs';

const HOST = '127.0.0.1';
const READY_MS = 15_000;
/** Where the nodes of a developer listen: the default port of a node, and the next two. */
const BACKENDS = [7_400, 7_401, 7_402].map((port) => `${HOST}:${port}`);

/** @param {string} folder @param {{ backends?: string[], portBase?: number, say?: (words: string) => void }} options */
export async function planHaproxy(folder, { backends = BACKENDS, portBase, say } = {}) {
  const { program, version } = await haproxyProgram({ say });
  const [port, stats] = portBase === undefined ? await freePorts(2) : [portBase, portBase + 1];
  const inner = join(folder, 'haproxy');
  const spec = {
    kind: 'haproxy',
    name: 'haproxy',
    version,
    program,
    args: ['-db', '-f', join(inner, 'haproxy.cfg')],
    host: HOST,
    ports: { port, stats },
    url: `http://${HOST}:${port}`,
    readyMs: READY_MS,
  };
  const text = localConfig(readFileSync(at('deploy/haproxy.cfg'), 'utf8'), { port, stats, backends });
  return { servers: [Server.create(inner, spec, { 'haproxy.cfg': text })], facts: {} };
}

/** The deployed text with our addresses in the place of its own, and no names to look up. */
export function localConfig(text, { port, stats, backends }) {
  const servers = backends.map((address, index) => `    server node-${index + 1} ${address}`);
  const lines = text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === 'bind') return [`    bind ${HOST}:${words[1].endsWith(':8404') ? stats : port}`];
    if (words[0] === 'server') return servers.splice(0);
    return words[0] === 'default-server' ? [line.replace(/\s+(resolvers|init-addr) \S+/g, '')] : [line];
  });
  return lines.join('\n');
}
