// Redis, in memory only: Parley keeps nothing there that it could not lose.
import { join } from 'node:path';
import { makeCertificate } from './certificate.mjs';
import { redisProgram } from './fetch.mjs';
import { Server } from './server.mjs';
import { freePorts } from './waiting.mjs';

const HOST = '127.0.0.1';
const READY_MS = 15_000;

/**
 * @param {string} folder
 * @param {{ password?: string | null, tls?: boolean, portBase?: number, say?: (words: string) => void }} options
 * `tls`: for clients; on a second port it is asked in plain whether it serves.
 */
export async function planRedis(folder, { password = null, tls = false, portBase, say } = {}) {
  const { program, version } = await redisProgram({ say });
  const [plain, secure] = portBase === undefined ? await freePorts(2) : [portBase, portBase + 1];
  const port = tls ? secure : plain;
  const pair = tls ? makeCertificate(folder) : null;
  const inner = join(folder, 'redis');
  const lines = [
    `bind ${HOST}`,
    `port ${plain}`,
    `dir ${JSON.stringify(join(inner, 'data'))}`,
    'daemonize no',
    'appendonly no',
    'save ""',
    'maxmemory 256mb',
    ...(pair === null ? [] : tlsLines(secure, pair)),
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
    url: `${tls ? 'rediss' : 'redis'}://${password === null ? '' : `:${encodeURIComponent(password)}@`}${HOST}:${port}`,
    readyMs: READY_MS,
    ready: { password, port: plain },
  };
  const facts = pair === null ? {} : { caFile: pair.cert };
  return { servers: [Server.create(inner, spec, { 'redis.conf': `${lines.join('\n')}\n` })], facts };
}

const tlsLines = (port, { cert, key }) => [
  `tls-port ${port}`,
  `tls-cert-file ${JSON.stringify(cert)}`,
  `tls-key-file ${JSON.stringify(key)}`,
  `tls-ca-cert-file ${JSON.stringify(cert)}`,
  'tls-auth-clients no',
];
