// `parley dev`: a whole chat in one process for trying it out. Anybody who reaches it may be anybody: it hands out demo tokens,
// and says so loudly.
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { authFromConfig } from '../app/auth.ts';
import { type HttpQuestion, type HttpRoute, issueToken, json, text as plain } from '../gateway/index.ts';
import { isDeviceId, isUserId } from '../protocol/index.ts';
import { CommandError, type CommandSpec, EXIT, type Invocation, type Io, paint, text } from './command.ts';
import { pageRoutes } from './dev-page.ts';
import { ensureDataDir, ensureDemoKey, readText } from './files.ts';
import { serveNodesUntilStopped, serveUntilStopped } from './serving.ts';
import { badConfig, readSettings, SERVER_OPTIONS } from './settings.ts';

export const DEV_TOKEN_PATH = '/v1/dev/token';
const TOKEN_TTL_SECONDS = 24 * 3_600;

export const devCommand: CommandSpec = {
  name: 'dev',
  about: 'A whole chat in one process, with demo users. Needs nothing; not for real users.',
  options: [
    { flags: '--nodes <count>', about: 'several nodes in one process, on ports that follow each other (1 to 5)' },
    ...SERVER_OPTIONS,
  ],
  examples: ['parley dev', 'parley dev --nodes 3', 'parley dev --port 0 --data /tmp/parley'],
  run: dev,
};

async function dev({ io, options }: Invocation): Promise<number> {
  const given = readSettings(io, options, { 'log.level': 'warn', 'gateway.connectionsPerSourceMax': 10_000 });
  const { dataDir } = given.node;
  const nodes = countOfNodes(text(options, 'nodes'));
  ensureDataDir(dataDir);
  const key = ensureDemoKey(dataDir);
  const { host } = given.gateway;
  // Our own page is let in once the port is known: until then 0 may stand for any.
  const origins = [...given.gateway.origins];
  const config = {
    ...given,
    auth: { ...given.auth, secret: key, secretFile: null, publicKeys: [], jwksUrl: null },
    gateway: { ...given.gateway, origins },
  };
  const auth = authFromConfig(config.auth, { files: { readText }, demoAllowed: true, wallNow: Date.now });
  if (!auth.ok) throw badConfig(auth.problems);
  const home = createHash('sha256').update(`home ${key}`).digest('hex').slice(0, 12);
  const routes = pageRoutes(home).set(DEV_TOKEN_PATH, tokenRoute(Buffer.from(key), config.auth));
  const listens = (port: number): void => {
    for (const name of ownNames(host)) origins.push(`http://${name}:${port}`);
  };
  if (nodes === 1) {
    return await serveUntilStopped(io, { config, auth: auth.options, routes }, ({ gateway }) => {
      listens(gateway.port);
      io.out(welcome(io, [gateway.port], host, dataDir));
    });
  }
  const each = Array.from({ length: nodes }, (_, index) => {
    const { name } = config.node;
    const port = config.gateway.port === 0 ? 0 : config.gateway.port + index;
    const publicUrl = port === 0 ? null : (config.gateway.publicUrl ?? `ws://localhost:${port}`);
    const node = { ...config.node, name: `${name.replaceAll('.', '-')}-${index + 1}` };
    return { config: { ...config, node, gateway: { ...config.gateway, port, publicUrl } }, auth: auth.options, routes };
  });
  return await serveNodesUntilStopped(io, each, (servers) => {
    const ports = servers.map(({ gateway }) => gateway.port);
    for (const port of ports) listens(port);
    io.out(welcome(io, ports, host, dataDir));
  });
}

const NODES_MAX = 5;

function countOfNodes(given: string | null): number {
  const count = given === null ? 1 : Number(given);
  if (Number.isInteger(count) && count >= 1 && count <= NODES_MAX) return count;
  throw new CommandError(EXIT.usage, `--nodes ${given}: a whole number from 1 to ${NODES_MAX}`);
}

/** How our own page may be addressed: as this machine, and by its addresses when it listens on all of them. */
function ownNames(host: string): Set<string> {
  const isAny = host === '0.0.0.0' || host === '::';
  const addresses = isAny ? Object.values(networkInterfaces()).flatMap((one) => one ?? []) : [];
  const names = ['localhost', '127.0.0.1', host, ...addresses.map(({ address }) => address)];
  return new Set(names.map((name) => (isIPv6(name) ? `[${name}]` : name)));
}

/** Demo tokens for whoever asks by an address of this machine. A name of somebody else's in Host is a page that rebound its DNS. */
function tokenRoute(
  secret: Uint8Array,
  auth: { readonly audience: string | null; readonly issuer: string | null },
): HttpRoute {
  return async (question) => {
    if (!hostIsOurs(question)) return plain(403, 'Ask for it by an address, or as localhost.');
    const user = question.query.get('user');
    const device = question.query.get('device');
    if (!isUserId(user)) return plain(400, 'user: 1 to 64 of A-Z a-z 0-9 . _ ~ : @ + -');
    if (device !== null && !isDeviceId(device)) return plain(400, 'device: 1 to 32 of A-Z a-z 0-9 . _ ~ : @ + -');
    const { audience, issuer } = auth;
    const token = await issueToken({
      secret,
      user,
      device,
      ttlSeconds: TOKEN_TTL_SECONDS,
      audience,
      issuer,
      wallNow: Date.now(),
    });
    return json(200, { token, user, demo: true });
  };
}

function hostIsOurs({ headers: { host = '' } }: HttpQuestion): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || /^\d+\.\d+\.\d+\.\d+$/.test(name) || /^\[[0-9a-fA-F:]+\]$/.test(name);
}

function welcome(io: Io, ports: readonly number[], host: string, dataDir: string): string {
  const port = ports[0] ?? 0;
  // Another node for the second one: whoever tries several wants to see them talk.
  const other = ports[1] ?? port;
  const atOther = other === 7400 ? '' : ` --url ws://localhost:${other}`;
  const at = port === 7400 ? '' : ` --url ws://localhost:${port}`;
  const open = host === '127.0.0.1' || host === 'localhost' || host === '::1';
  const lines = [
    '',
    `${paint(io, 'bold', 'Parley')} is running at ${paint(io, 'green', `http://localhost:${port}`)}, sockets at ws://localhost:${port}/v1/connect`,
    ...(ports.length > 1
      ? [`${ports.length} nodes, one cluster, on ports ${ports.join(', ')}: chats and users live on one of them each.`]
      : []),
    '',
    `Open ${paint(io, 'green', `http://localhost:${port}/?as=alice`)} and ${paint(io, 'green', `http://localhost:${other}/?as=bob`)} in two windows of a browser,`,
    'or open two more terminals here, and type in each one:',
    '',
    `    npx parley chat --as alice${at}`,
    `    npx parley chat --as bob${atOther}`,
    '',
    paint(
      io,
      'yellow',
      'DEMO IDENTITIES: anybody who reaches this port may be anybody. Never for real users; use `parley serve` for them.',
    ),
    ...(open ? [] : [paint(io, 'yellow', `It listens on ${host}, so others on your network reach it.`)]),
    `A token:  curl 'http://localhost:${port}${DEV_TOKEN_PATH}?user=alice'`,
    `Messages are kept in ${dataDir}. Ctrl-C stops without losing any.`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}
