// Redis, in memory only: Parley keeps nothing there that it could not lose.
import { join } from 'node:path';
import { redisProgram } from './fetch.mjs';
import { Server } from './server.mjs';
import { freePorts } from './waiting.mjs';

const HOST = '127.0.0.1';
const READY_MS = 15_000;

/** @param {string} folder @param {{ password?: string | null, portBase?: number, say?: (words: string) => void }} options */
export async function planRedis(folder, { password = null, portBase, say } = {}) {
  const { program, version } = await redisProgram({ say });
  const [port] = portBase === undefined ? await freePorts(1) : [portBase];
  const inner = join(folder, 'redis');
  const lines = [
    `bind ${HOST}`,
    `port ${port}`,
    `dir ${JSON.stringify(join(inner, 'data'))}`,
    'daemonize no',
    'appendonly no',
    'save ""',
    'maxmemory 256mb',
    ...(password === null ? [] : [`requirepass ${JSON.stringify(password)}`]),
  ];
  const spec = {
    kind: 'redis',
    name: 'redis',
    version,
    program,
    args: [join(inner, 'redis.conf')],
    host: HOST,
    ports: { port },
    url: password === null ? `redis://${HOST}:${port}` : `redis://:${encodeURIComponent(password)}@${HOST}:${port}`,
    readyMs: READY_MS,
    ready: { password },
  };
  return { servers: [Server.create(inner, spec, { 'redis.conf': `${lines.join('\n')}\n` })], facts: {} };
}
