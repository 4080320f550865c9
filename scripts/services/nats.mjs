// NATS with JetStream: one server, or several that replicate. Every write is flushed before it is confirmed where the server can do so.
import { join } from 'node:path';
import { makeCertificate } from './certificate.mjs';
import { natsProgram } from './fetch.mjs';
import { Server } from './server.mjs';
import { freePorts } from './waiting.mjs';

const HOST = '127.0.0.1';
const READY_MS = 30_000;

/**
 * @param {string} folder
 * @param {{ nodes?: number, tls?: boolean, auth?: { user: string, password: string } | null, portBase?: number, say?: (words: string) => void }} options
 */
export async function planNats(folder, { nodes = 1, tls = false, auth = null, portBase, say } = {}) {
  const { program, version, knowsSync } = await natsProgram({ say });
  const ports = portBase === undefined ? await freePorts(3 * nodes) : range(portBase, 3 * nodes);
  const plans = range(0, nodes).map((index) => ({
    name: `nats-${index + 1}`,
    ports: { port: ports[index], route: ports[nodes + index], monitor: ports[2 * nodes + index] },
  }));
  const pair = tls ? makeCertificate(folder) : null;
  const routes = plans.map((plan) => `nats://${HOST}:${plan.ports.route}`);
  const servers = plans.map(({ name, ports }) => {
    const inner = join(folder, name);
    const url = `${tls ? 'tls' : 'nats'}://${HOST}:${ports.port}`;
    const args = ['-c', join(inner, 'nats.conf')];
    const spec = { kind: 'nats', name, version, program, args, host: HOST, ports, url, readyMs: READY_MS };
    const text = configOf({ name, ports, routes, data: join(inner, 'data'), knowsSync, pair, auth });
    return Server.create(inner, spec, { 'nats.conf': text });
  });
  return { servers, facts: { ...(auth === null ? {} : { auth }), ...(pair === null ? {} : { caFile: pair.cert }) } };
}

function configOf({ name, ports, routes, data, knowsSync, pair, auth }) {
  const lines = [
    `server_name: ${name}`,
    `listen: "${HOST}:${ports.port}"`,
    `http: "${HOST}:${ports.monitor}"`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(data)}`,
    '  max_memory_store: 256MB',
    '  max_file_store: 4GB',
    // Older servers refuse to start over a field they do not know.
    ...(knowsSync ? ['  sync_interval: always'] : []),
    '}',
  ];
  if (routes.length > 1) {
    const others = routes.map((route) => JSON.stringify(route)).join(', ');
    lines.push(`cluster { name: parley, listen: "${HOST}:${ports.route}", routes: [${others}] }`);
  }
  if (pair !== null) {
    lines.push(`tls { cert_file: ${JSON.stringify(pair.cert)}, key_file: ${JSON.stringify(pair.key)}, timeout: 5 }`);
  }
  if (auth !== null) {
    lines.push(`authorization { user: ${JSON.stringify(auth.user)}, password: ${JSON.stringify(auth.password)} }`);
  }
  return `${lines.join('\n')}\n`;
}

const range = (from, count) => Array.from({ length: count }, (_, index) => from + index);
