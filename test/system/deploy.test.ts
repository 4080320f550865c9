// What is deployed is checked as far as this machine can: by the programs that will read it where they are here, and by its text.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { haproxyProgram, natsProgram, startHaproxy, Unavailable } from '#services';
import { authFromConfig } from '../../app/auth.ts';
import { optionDocs } from '../../app/config.ts';
import { loadConfig } from '../../app/config-load.ts';
import { cqlServersFromConfig } from '../../app/cql-servers.ts';
import { createMetrics } from '../../app/metrics.ts';
import { describeUnless } from './describe-unless.ts';
import { isSkipped } from './servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const compose = read('docker-compose.yml');
const SECRETS = { PARLEY_AUTH_SECRET: 'x'.repeat(32), PARLEY_NATS_PASSWORD: '123e4', PARLEY_REDIS_PASSWORD: 'y' };
/** What the last word of writers may take, after the clients have gone. */
const WORD_MS = 10_000;
const NO_FILES = { files: { readText: () => '' }, demoAllowed: false, wallNow: () => 0 };
const ENV = { ...process.env, ...SECRETS, GRAFANA_PASSWORD: 'z' };

describe('docker-compose.yml', () => {
  const services = [...(/^services:\n([\s\S]*?)^\w/m.exec(compose)?.[1] ?? '').matchAll(/^ {2}([\w-]+):$/gm)];

  test('has three nodes, three NATS, a database, Redis, a proxy and the two that watch', () => {
    const names = services.map((match) => match[1]);
    const three = (name: string): string[] => [1, 2, 3].map((number) => `${name}-${number}`);
    expect(names).toEqual(
      expect.arrayContaining([
        ...three('parley'),
        ...three('nats'),
        'scylla',
        'redis',
        'haproxy',
        'prometheus',
        'grafana',
      ]),
    );
  });

  test('is taken by docker compose, and not without its secrets', (context) => {
    const ask = (env: NodeJS.ProcessEnv) => spawnSync('docker', ['compose', 'config', '-q'], { cwd: ROOT, env });
    if (spawnSync('docker', ['compose', 'version']).status !== 0) return context.skip('docker compose is not here');
    expect(ask(ENV).status, String(ask(ENV).stderr)).toBe(0);
    for (const name of [...Object.keys(SECRETS), 'GRAFANA_PASSWORD']) {
      expect(ask({ ...ENV, [name]: '' }).status, name).not.toBe(0);
    }
  });

  test('has no secret in it, and no default for one', () => {
    const settings = [...compose.matchAll(/^\s+(\w*(?:SECRET|PASSWORD|AUTH)\w*): (.*)$/gm)];
    expect(settings.length).toBeGreaterThanOrEqual(5);
    for (const [, name, value] of settings) expect(value, name).toMatch(/\$\{\w+:\?[^}]+\}/);
  });

  test('pins every image to one version', () => {
    const images = [...compose.matchAll(/image: (\S+)/g)].map((match) => match[1] ?? '');
    expect(images.length).toBeGreaterThan(6);
    for (const image of images) expect(image).toMatch(/^parley:local$|:v?\d+\.\d+\.\d+(-\w+)?$/);
  });

  test('publishes nothing to other machines', () => {
    const published = [...compose.matchAll(/ports: \["([^"]+)"\]/g)].map((match) => match[1]);
    expect(published).toHaveLength(3);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('mounts only what is there', () => {
    const mounts = [...compose.matchAll(/(\.\/deploy\/[^:"]+):/g)].map((match) => match[1] ?? '');
    expect(mounts.length).toBeGreaterThan(5);
    for (const path of mounts) expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  test('sets options that exist', () => {
    const known = new Set(optionDocs().map((option) => option.env));
    const set = [
      ...[...compose.matchAll(/^\s+(PARLEY_\w+): /gm)].map((match) => match[1] ?? ''),
      ...[...read('Dockerfile').matchAll(/\b(PARLEY_\w+)=/g)].map((match) => match[1] ?? ''),
    ];
    expect(set).toContain('PARLEY_NODE_NAME');
    expect([...new Set(set)].filter((name) => !known.has(name))).toEqual([]);
  });

  test('is a configuration that every node and `parley migrate` take', () => {
    const settings = [...compose.matchAll(/^ {2}(PARLEY_\w+): "?(.*?)"?$/gm)].map(([, name = '', value = '']) => {
      const [, variable = '', usual] = /^\$\{(\w+):[-?](.*)\}$/.exec(value) ?? [];
      const given = { ...SECRETS } as Record<string, string>;
      return [name, variable === '' ? value : (given[variable] ?? usual ?? '')] as const;
    });
    for (const node of ['parley-1', 'parley-2', 'parley-3', 'migrate']) {
      const loaded = loadConfig({ env: { ...Object.fromEntries(settings), PARLEY_NODE_NAME: node } });
      expect(loaded).toMatchObject({ ok: true, warnings: [] });
      if (!loaded.ok) continue;
      const { cluster, gateway, nats, node: own, storage } = loaded.config;
      expect([cluster.carrier, storage.kind, nats.replicas]).toEqual(['nats', 'cql', 3]);
      expect(authFromConfig(loaded.config.auth, NO_FILES).ok).toBe(true);
      expect(cqlServersFromConfig(storage.cql, NO_FILES.files).ok).toBe(true);
      expect(gateway.trustForwarded).toBe(true);
      const grace = Number(/stop_grace_period: (\d+)s/.exec(compose)?.[1]) * 1_000;
      expect(grace).toBeGreaterThan(cluster.drainMs + own.stopMs + WORD_MS);
    }
  });
});

const dashboard = JSON.parse(read('deploy/grafana/dashboards/parley.json')) as {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
};
const questions = dashboard.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr)).join('\n');

describe('the dashboard', () => {
  test('shows only what a node measures', async () => {
    const shown = new Set(
      [...questions.matchAll(/\b(?:parley|process|nodejs)_\w+/g)].map(([name]) =>
        name.replace(/_(?:bucket|sum|count)$/, ''),
      ),
    );
    const text = await createMetrics('test').render();
    const there = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
    expect(shown.size).toBeGreaterThan(20);
    expect([...shown].filter((name) => !there.has(name))).toEqual([]);
  });
});

test('nats.conf is taken by the server, whatever the password looks like', async (context) => {
  const nats = await natsProgram().catch((error: unknown) => {
    if (error instanceof Unavailable) return error.message;
    throw error;
  });
  if (typeof nats === 'string') return context.skip(`nats-server cannot be had here: ${nats}`);
  const env = { ...process.env, NATS_NAME: 'nats-1', NATS_PASSWORD: '"123e4"' };
  const checked = spawnSync(nats.program, ['-t', '-c', join(ROOT, 'deploy/nats.conf')], { env, encoding: 'utf8' });
  // Servers before 2.10 do not know sync_interval, and are not what is deployed.
  if (!nats.knowsSync) return context.skip(`nats-server ${nats.version} is too old`);
  expect(checked.stderr).toContain('is valid');
});

const haproxy = await startedHaproxy();
afterAll(async () => {
  if (haproxy.skip !== null) return;
  await haproxy.servers.dispose();
  for (const node of haproxy.nodes) await node.close();
});

describeUnless(haproxy.skip, 'haproxy.cfg', () => {
  test('is taken by HAProxy as it is', async () => {
    const { program } = await haproxyProgram();
    const checked = spawnSync(program, ['-c', '-f', join(ROOT, 'deploy/haproxy.cfg')], { encoding: 'utf8' });
    expect(checked.status, checked.stderr).toBe(0);
  });

  test('sends sockets to where the fewest are, and only to nodes that are ready; open ones stay', async () => {
    const { port, nodes } = theProxy();
    await expect.poll(() => nodesThatAre('UP'), { timeout: 10_000 }).toBe(2);
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    const sockets = [];
    for (let count = 0; count < 6; count += 1) sockets.push(await upgrade(port));
    expect([first.open.size, second.open.size]).toEqual([3, 3]);
    first.ready = false;
    await expect.poll(() => nodesThatAre('DOWN'), { timeout: 10_000 }).toBe(1);
    for (let count = 0; count < 4; count += 1) sockets.push(await upgrade(port));
    expect([first.open.size, second.open.size]).toEqual([3, 7]);
    const answers = await Promise.all(sockets.map((socket) => echoed(socket, 'still here')));
    expect(answers).toEqual(sockets.map(() => 'still here'));
    first.ready = true;
    await expect.poll(() => nodesThatAre('UP'), { timeout: 10_000 }).toBe(2);
    for (const socket of sockets) socket.destroy();
  });

  test('tells a node who asks, whatever the client says, and keeps metrics to itself', async () => {
    const { port, nodes } = theProxy();
    await fetch(`http://127.0.0.1:${port}/livez`, { headers: { 'X-Forwarded-For': '192.0.2.1' } });
    expect(nodes.map((node) => node.lastForwarded)).toContain('127.0.0.1');
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);
  });

  test('measures what the dashboard shows of it', async () => {
    const text = await (await fetch(`${theProxy().inside}/metrics`)).text();
    const shown = [...questions.matchAll(/\bhaproxy_\w+/g)].map(([name]) => name);
    expect(shown).not.toEqual([]);
    for (const name of shown) expect(text).toContain(`# TYPE ${name} `);
  });

  /** Not those on their way there, such as `UP 1/2`. */
  async function nodesThatAre(state: 'UP' | 'DOWN'): Promise<number> {
    const text = await (await fetch(`${theProxy().inside}/stats;csv`)).text();
    return [...text.matchAll(new RegExp(`^nodes,node-\\d,.*,${state},`, 'gm'))].length;
  }
});

/** The key and its answer of RFC 6455, 1.3: HAProxy looks whether they fit. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const SWITCHED = [
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
];

interface FakeNode {
  ready: boolean;
  lastForwarded: string;
  readonly open: Set<Socket>;
  readonly address: string;
  close(): Promise<unknown>;
}

function theProxy() {
  if (haproxy.skip !== null) throw new Error(`a test that should have been skipped: ${haproxy.skip}`);
  return haproxy;
}

async function startedHaproxy() {
  const nodes = [await fakeNode(), await fakeNode()];
  const servers = await startHaproxy({ backends: nodes.map((node) => node.address) });
  if (isSkipped(servers)) {
    console.warn(`\n*** SKIPPED, for want of a server: ${servers.skip}\n`);
    for (const node of nodes) await node.close();
    return servers;
  }
  const [server] = servers.nodes;
  if (server === undefined) throw new Error('no server');
  const inside = /bind (127\.0\.0\.1:\d+)\s[\s\S]*?bind (127\.0\.0\.1:\d+)/.exec(
    readFileSync(join(server.folder, 'haproxy.cfg'), 'utf8'),
  );
  return { skip: null, servers, nodes, port: server.port, inside: `http://${inside?.[2]}` };
}

/** Answers as a node does, as far as a proxy can see. */
async function fakeNode(): Promise<FakeNode> {
  const open = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    node.lastForwarded = String(request.headers['x-forwarded-for'] ?? node.lastForwarded);
    response.statusCode = request.url === '/readyz' && !node.ready ? 503 : 200;
    response.end();
  });
  server.on('upgrade', (_request: IncomingMessage, socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => {});
    socket.write(`${SWITCHED.join('\r\n')}\r\n\r\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const node: FakeNode = {
    ready: true,
    lastForwarded: '',
    open,
    address: `127.0.0.1:${address.port}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return node;
}

/** A socket through the proxy, after its upgrade. */
async function upgrade(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  const asked = ['GET /v1/connect HTTP/1.1', 'Host: test', 'Connection: Upgrade', 'Upgrade: websocket'];
  socket.write(`${[...asked, `Sec-WebSocket-Key: ${KEY}`, 'Sec-WebSocket-Version: 13'].join('\r\n')}\r\n\r\n`);
  const answer = await nextWords(socket);
  if (!answer.startsWith('HTTP/1.1 101')) throw new Error(answer);
  return socket;
}

async function echoed(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  return await nextWords(socket);
}

const nextWords = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    socket.once('data', (data) => resolve(String(data)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
