// The configuration: order of sources, every problem with its place, and documentation that cannot disagree with the schema.
import { expect, test } from 'vitest';
import { envName, optionDocs } from './config.ts';
import { configDocMarkdown, loadConfig, redactConfig } from './config-load.ts';

const loaded = (sources: Parameters<typeof loadConfig>[0]) => {
  const result = loadConfig(sources);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
};
const file = (content: unknown) => ({ name: 'parley.json', text: JSON.stringify(content) });

test('with nothing given, the defaults hold, and they are safe', () => {
  const config = loaded({});
  expect(config.gateway).toMatchObject({ host: '127.0.0.1', port: 7400, origins: [], connectionsPerSourceMax: 10 });
  expect(config.auth.secret).toBeNull();
});

test('a file is stronger than the base, the environment than a file, a flag than the environment', () => {
  const base = { 'gateway.port': 1, 'gateway.host': 'base', 'node.name': 'base' };
  const env = { PARLEY_GATEWAY_PORT: '3', PARLEY_NODE_NAME: 'env' };
  const config = loaded({
    base,
    file: file({ gateway: { port: 2, host: 'file' } }),
    env,
    flags: { 'gateway.port': '4' },
  });
  expect([config.gateway.port, config.gateway.host, config.node.name]).toEqual([4, 'file', 'env']);
});

test('text becomes what the option asks for', () => {
  const env = {
    PARLEY_GATEWAY_ORIGINS: 'https://a.example, https://b.example',
    PARLEY_GATEWAY_ALLOW_NO_ORIGIN: 'false',
    PARLEY_PRESSURE_HEAP_SHARE: '0.5',
    PARLEY_AUTH_PUBLIC_KEYS: '[{"algorithm":"ES256","file":"k.pem"}]',
    PARLEY_AUTH_AUDIENCE: '',
    PARLEY_RATES_USER_MESSAGES: '{"perSecond":1,"burst":2}',
  };
  const config = loaded({ env });
  expect(config.gateway).toMatchObject({ origins: ['https://a.example', 'https://b.example'], allowNoOrigin: false });
  expect(config.pressure.heapShare).toBe(0.5);
  expect(config.rates.userMessages).toEqual({ perSecond: 1, burst: 2 });
  expect(config.auth).toMatchObject({ publicKeys: [{ algorithm: 'ES256', file: 'k.pem' }], audience: null });
});

test('all problems are told at once, each with its place and its source', () => {
  const result = loadConfig({
    file: file({ gateway: { port: 70_000, prot: 1 }, extra: {} }),
    env: { PARLEY_LOG_LEVEL: 'loud', PARLEY_GATEWAY_CONNECTIONS_MAX: 'many' },
    flags: { 'gateway.publicUrl': 'ftp://x' },
  });
  if (result.ok) throw new Error('should not be accepted');
  const told = result.problems.map((problem) => `${problem.path} from ${problem.from}`);
  expect(told).toContain('gateway.port from parley.json');
  expect(told).toContain('log.level from PARLEY_LOG_LEVEL');
  expect(told).toContain('gateway.connectionsMax from PARLEY_GATEWAY_CONNECTIONS_MAX');
  expect(told).toContain('gateway.publicUrl from flag for gateway.publicUrl');
  const unknown = result.problems.map((problem) => problem.about).join();
  expect(unknown).toContain('prot');
  expect(unknown).toContain('extra');
});

test('a section within a section is set option by option, each by the strongest that says it', () => {
  const config = loaded({
    base: { 'storage.cql.keyspace': 'base', 'cluster.carrier': 'nats', 'nats.servers': ['nats://127.0.0.1:4222'] },
    file: file({ storage: { kind: 'cql', cql: { keyspace: 'file', contactPoints: ['a:1'], username: 'u' } } }),
    env: { PARLEY_STORAGE_CQL_KEYSPACE: 'env', PARLEY_STORAGE_CQL_REPLICATION: 'dc1=3,dc2=2' },
    flags: { 'storage.cql.requestMs': '900' },
  });
  expect(config.storage.kind).toBe('cql');
  expect(config.storage.cql).toMatchObject({ keyspace: 'env', contactPoints: ['a:1'], username: 'u', requestMs: 900 });
  expect(config.storage.cql.replication).toEqual(['dc1=3', 'dc2=2']);
  const wrong = loadConfig({
    file: file({ storage: { cql: { keyspace: 'file', readMs: 1 } } }),
    env: { PARLEY_STORAGE_CQL_KEYSPACE: 'No' },
  });
  if (wrong.ok) throw new Error('should not be accepted');
  expect(wrong.problems.map(({ path, from }) => `${path} from ${from}`).sort()).toEqual([
    'storage.cql.keyspace from PARLEY_STORAGE_CQL_KEYSPACE',
    'storage.cql.readMs from parley.json',
  ]);
});

test('a file that is no JSON object is one problem', () => {
  for (const text of ['{', '[]', '7']) {
    const result = loadConfig({ file: { name: 'x.json', text } });
    expect(result).toMatchObject({ ok: false, problems: [{ from: 'x.json' }] });
  }
});

test('a variable that nobody knows is a warning, not an error', () => {
  const ours = { PARLEY_CONFIG: 'x', PARLEY_JAVA: 'java', PARLEY_TEST_NATS: 'a:1', PARLEY_SERVICES_CACHE: 'b' };
  const result = loadConfig({ env: { PARLEY_GATEWAY_PROT: '1', ...ours } });
  expect(result).toMatchObject({ ok: true, warnings: [expect.stringContaining('PARLEY_GATEWAY_PROT')] });
});

test('thresholds of pressure must not fall', () => {
  const result = loadConfig({ flags: { 'pressure.signInDelayMs': 10 } });
  expect(result).toMatchObject({ ok: false, problems: [{ path: 'pressure' }] });
});

test('secrets are not shown', () => {
  const config = loaded({ flags: { 'auth.secret': 'x'.repeat(40) } });
  expect(JSON.stringify(redactConfig(config))).not.toContain('xxx');
  expect(redactConfig(config)).toMatchObject({ auth: { secret: '(set)', secretFile: null } });
  const cql = loaded({ flags: { 'storage.cql.password': 'hush' } });
  expect(JSON.stringify(redactConfig(cql))).not.toContain('hush');
  expect(redactConfig(cql)).toMatchObject({ storage: { cql: { password: '(set)', username: null } } });
});

test('every option is documented, and its variable is its own', () => {
  const docs = optionDocs();
  expect(docs.length).toBeGreaterThan(20);
  for (const doc of docs) expect(doc.about, doc.path).not.toBe('');
  expect(new Set(docs.map((doc) => doc.env)).size).toBe(docs.length);
  expect(envName('gateway.connectionsPerSourceMax')).toBe('PARLEY_GATEWAY_CONNECTIONS_PER_SOURCE_MAX');
  expect(docs.find((doc) => doc.path === 'gateway.port')).toMatchObject({ type: 'integer 0..65535', default: 7400 });
  expect(configDocMarkdown().split('\n')).toHaveLength(docs.length + 2);
});
