// Every option of a node: its type, range, default and meaning, here and nowhere else. Documentation, environment variables and
// `parley config check` are made from this schema. Pure; where values come from is config-load.ts.
import { z } from 'zod';
import { DEFAULT_RATES } from '../actors/index.ts';
import { LIMITS } from '../protocol/index.ts';
import { cql } from './config-cql.ts';

const port = z.int().min(0).max(65_535);
const count = z.int().min(1).max(10_000_000);
const secret = (about: string) => z.string().nullable().default(null).meta({ description: about, secret: true });
const maybe = (about: string) => z.string().min(1).nullable().default(null).describe(about);
const list = (about: string) => z.array(z.string().min(1)).max(256).default([]).describe(about);

const node = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default('parley')
    .describe('Name of this node, in logs, metrics and WELCOME; different for each node of a cluster.'),
  dataDir: z.string().min(1).default('./.parley').describe('Directory of the embedded store. One process at a time.'),
  stopMs: z.int().min(0).max(600_000).default(10_000).describe('How long a stop waits for clients to leave, ms.'),
});

const gateway = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 or :: for all.'),
  port: port.default(7400).describe('Port for WebSockets and HTTP; 0 for any free one.'),
  publicUrl: z
    .url({ protocol: /^wss?$/ })
    .nullable()
    .default(null)
    .describe('Under which clients reach this node, such as wss://chat.example; null: what their Host header says.'),
  origins: list(
    'Origins whose pages may connect, exactly as browsers send them, such as https://chat.example; * for all.',
  ),
  allowNoOrigin: z
    .boolean()
    .default(true)
    .describe('Let clients in that send no Origin: programs. Pages always send one.'),
  connectionsMax: count.default(100_000).describe('Sockets on this node.'),
  connectionsPerSourceMax: count
    .default(LIMITS.socketsPerSourceMax)
    .describe('Sockets of one address (IPv6: of one /64). Raise it where many users share one.'),
  signInsAtOnceMax: count.default(LIMITS.signInsAtOnceMax).describe('Sockets that have not signed in yet.'),
  trustForwarded: z
    .boolean()
    .default(false)
    .describe('Take the address from the last entry of X-Forwarded-For. Only behind a proxy that writes it.'),
  metricsFrom: z.enum(['loopback', 'any']).default('loopback').describe('Who may read /metrics.'),
});

const auth = z.strictObject({
  secret: secret('Shared secret for HS256 tokens, 32 bytes or more.'),
  secretFile: maybe('File with that secret; white space at its ends is dropped.'),
  publicKeys: z
    .array(
      z.strictObject({
        algorithm: z.enum(['EdDSA', 'ES256', 'RS256']),
        file: z.string().min(1).describe('PEM file (SPKI).'),
      }),
    )
    .max(8)
    .default([])
    .describe('Public keys of token issuers.'),
  jwksUrl: maybe('Key set of a token issuer, over https; fetched when needed, rotation included.'),
  algorithms: z
    .array(z.enum(['HS256', 'EdDSA', 'ES256', 'RS256']))
    .min(1)
    .default(['HS256', 'EdDSA', 'ES256', 'RS256'])
    .describe('Algorithms that tokens may use.'),
  audience: maybe('What the aud of a token must hold; null: not checked.'),
  issuer: maybe('What the iss of a token must be; null: not checked.'),
  leewaySeconds: z.int().min(0).max(300).default(5).describe('How far apart clocks may be.'),
  requireExpiry: z.boolean().default(true).describe('Refuse tokens without exp.'),
  cachedTokensMax: z.int().min(0).max(1_000_000).default(20_000).describe('Verified tokens remembered, by digest.'),
});

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Least severe line written.'),
  ids: z
    .enum(['plain', 'hash'])
    .default('plain')
    .describe('Ids of users, devices and chats in logs: as they are, or hashed.'),
  idKey: secret('Key for hashing them; the same on all nodes makes them comparable. Null: one of this process alone.'),
});

const pressure = z.strictObject({
  presenceDelayMs: z.number().min(1).default(50).describe('Event-loop delay p99 from which presence and typing stop.'),
  signInDelayMs: z.number().min(1).default(100).describe('The same, from which there are no new sign-ins.'),
  messageDelayMs: z.number().min(1).default(250).describe('The same, from which messages are refused retryably.'),
  heapShare: z.number().min(0.1).max(1).default(0.85).describe('Share of the heap from which messages are refused.'),
});

const rate = (perSecond: number, burst: number, about: string) =>
  z
    .strictObject({ perSecond: z.number().min(0.01).max(1e9), burst: z.number().min(1).max(1e9) })
    .default({ perSecond, burst })
    .describe(about);
const rates = z.strictObject({
  userMessages: rate(DEFAULT_RATES.userMessages.perSecond, DEFAULT_RATES.userMessages.burst, 'Messages of one user.'),
  userBytes: rate(DEFAULT_RATES.userBytes.perSecond, DEFAULT_RATES.userBytes.burst, 'Bytes of messages of one user.'),
  pairMessages: rate(
    DEFAULT_RATES.pairMessages.perSecond,
    DEFAULT_RATES.pairMessages.burst,
    'Messages of one user in one chat.',
  ),
  sourceMessages: rate(
    DEFAULT_RATES.sourceMessages.perSecond,
    DEFAULT_RATES.sourceMessages.burst,
    'Messages from one address, of all its users.',
  ),
});

const storage = z.strictObject({
  kind: z
    .enum(['embedded', 'cql'])
    .default('embedded')
    .describe('Where messages are kept: in node.dataDir, for one node; or in Cassandra or ScyllaDB, for a cluster.'),
  mapBytes: z
    .int()
    .min(1_048_576)
    .default(64 * 1024 ** 3)
    .describe('What the embedded store may hold; beyond it messages are refused retryably.'),
  holdMs: z
    .number()
    .min(0)
    .max(1_000)
    .default(2)
    .describe('How long the first write of a batch waits for company, ms: less work for more latency.'),
  cql: cql.prefault({}).meta({ section: true }),
});

const cluster = z.strictObject({
  carrier: z
    .enum(['none', 'nats'])
    .default('none')
    .describe('none: this node alone. nats: one of several; needs nats.servers, and storage that all of them share.'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('parley')
    .describe('Clusters of different names on one NATS know nothing of each other.'),
  weight: z
    .number()
    .min(0)
    .max(1_000)
    .default(1)
    .describe("Share of the chats and sessions against the other nodes'; 0: this node only holds connections."),
  drainMs: z.int().min(0).max(600_000).default(60_000).describe('How long a stop hands over to other nodes, ms.'),
});

const nats = z.strictObject({
  servers: list('Servers of the NATS cluster, such as nats://10.0.0.1:4222 or tls://nats.example:4222.'),
  user: maybe('User name.'),
  password: secret('Password of that user.'),
  token: secret('Token instead of user and password.'),
  credsFile: maybe('Credentials file (JWT and nkey seed) instead.'),
  caFile: maybe('Certificate authority of the servers, PEM. Given any of the three, the connection must be TLS.'),
  certFile: maybe('Certificate of this node, PEM.'),
  keyFile: maybe('Key of that certificate, PEM.'),
  replicas: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('Copies of the coordination buckets; 3 on a cluster of three servers.'),
});

const redis = z.strictObject({
  url: z
    .string()
    .regex(/^rediss?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}(?:\/\d{1,4})?$/, {
      message: 'redis://host:port/database or rediss://…, without user and password',
    })
    .nullable()
    .default(null)
    .describe(
      'Redis for presence of users on other nodes, such as redis://redis:6379/0; rediss:// for TLS. Null: none, presence is asked of sessions.',
    ),
  nodes: list('Nodes of a Redis Cluster as host:port, from which the rest is found. Instead of url.'),
  tls: z.boolean().default(false).describe('TLS to these nodes; with url, rediss:// says so.'),
  caFile: maybe('PEM file with what signed the certificate of Redis; null: what Node trusts.'),
  username: maybe('ACL user of Redis; null: the default one.'),
  password: secret('Password for Redis.'),
  passwordFile: maybe('File with that password; white space at its ends is dropped.'),
  prefix: z
    .string()
    .regex(/^[^{}\s]{0,64}$/)
    .default('parley:')
    .describe('Begins every key; one for each cluster that shares a Redis. No braces.'),
  deadlineMs: z
    .int()
    .min(10)
    .max(10_000)
    .default(500)
    .describe('How long Redis may take to answer, ms; after it presence is unknown, and sessions are asked.'),
});

export const configSchema = z.strictObject({
  node: node.prefault({}),
  gateway: gateway.prefault({}),
  auth: auth.prefault({}),
  log: log.prefault({}),
  rates: rates.prefault({}),
  storage: storage.prefault({}),
  cluster: cluster.prefault({}),
  nats: nats.prefault({}),
  redis: redis
    .refine((r) => r.url === null || r.nodes.length === 0, { message: 'set either url or nodes', path: ['nodes'] })
    .refine((r) => r.password === null || r.passwordFile === null, {
      message: 'set either password or passwordFile',
      path: ['passwordFile'],
    })
    .prefault({}),
  pressure: pressure
    .refine((p) => p.presenceDelayMs <= p.signInDelayMs && p.signInDelayMs <= p.messageDelayMs, {
      message: 'the three delays must not fall',
    })
    .prefault({}),
});

/** What the sections ask of each other. Paths as in `--set`. */
export function contradictions(config: Config): { readonly path: string; readonly about: string }[] {
  const found: { path: string; about: string }[] = [];
  const { cluster, nats, node, storage } = config;
  if (cluster.carrier === 'none') {
    if (storage.kind === 'cql')
      found.push({ path: 'storage.kind', about: 'cql is for a cluster: set cluster.carrier too' });
    return found;
  }
  if (storage.kind !== 'cql')
    found.push({ path: 'storage.kind', about: 'nodes of a cluster share a database: set it to cql' });
  if (nats.servers.length === 0) found.push({ path: 'nats.servers', about: 'a cluster needs at least one' });
  if (node.name.includes('.'))
    found.push({ path: 'node.name', about: 'no dots in a cluster, where it is part of keys' });
  if ((nats.certFile === null) !== (nats.keyFile === null))
    found.push({ path: 'nats.keyFile', about: 'a certificate has a key, and a key a certificate' });
  if (nats.user !== null && nats.password === null)
    found.push({ path: 'nats.password', about: 'a user has a password' });
  return found;
}
export type Config = z.output<typeof configSchema>;

/** One option as documentation, made from the schema. */
export interface OptionDoc {
  /** Dotted, as in `--set`. */
  readonly path: string;
  readonly env: string;
  readonly type: string;
  readonly default: unknown;
  readonly secret: boolean;
  readonly about: string;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly secret?: boolean;
  /** Its properties are options of their own, not parts of one value. */
  readonly section?: boolean;
}

/** Made once: what is read from the environment asks for it option by option. */
export function optionDocs(): readonly OptionDoc[] {
  docs ??= docsOfSchema();
  return docs;
}
let docs: readonly OptionDoc[] | null = null;

function docsOfSchema(): readonly OptionDoc[] {
  const root = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return Object.entries(root.properties ?? {}).flatMap(([name, section]) => sectionDocs(name, section));
}

function sectionDocs(section: string, schema: JsonSchema): OptionDoc[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const path = `${section}.${name}`;
    if (option.section === true) return sectionDocs(path, option);
    const about = option.description ?? '';
    const secret = option.secret === true;
    return [{ path, env: envName(path), type: typeName(option), default: option.default ?? null, secret, about }];
  });
}

/** `gateway.connectionsMax` is PARLEY_GATEWAY_CONNECTIONS_MAX. */
export function envName(path: string): string {
  return `PARLEY_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

function typeName(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeName).join(' or ');
  if (schema.enum !== undefined) return schema.enum.join(', ');
  if (schema.type === 'array')
    return `list of ${schema.items?.enum === undefined ? (schema.items?.type ?? 'values') : typeName(schema.items)}`;
  if (schema.properties !== undefined) return `JSON {${Object.keys(schema.properties).join(', ')}}`;
  const { minimum, maximum } = schema;
  if (minimum === undefined && maximum === undefined) return String(schema.type ?? 'any');
  return `${schema.type} ${minimum ?? ''}..${maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? '' : maximum}`;
}
