// From options to what the Redis driver is given: one server or a cluster, TLS, secrets from files and never in what is shown.
import { expect, test } from 'vitest';
import { loadConfig, redactConfig } from './config-load.ts';
import { createMetrics } from './metrics.ts';
import { redisOptions } from './presence.ts';

const loaded = (redis: object, env: Record<string, string> = {}) => {
  const result = loadConfig({ file: { name: 'f', text: JSON.stringify({ redis }) }, env });
  if (!result.ok) throw new Error(result.problems.map(({ path, about }) => `${path}: ${about}`).join());
  return result.config;
};
const options = (redis: object, env?: Record<string, string>) =>
  redisOptions(loaded(redis, env).redis, (path) => `of ${path}\n`);

test('with nothing set there is no Redis', () => {
  expect(options({})).toBeNull();
});

test('a url is one server, with its database and TLS', () => {
  expect(options({ url: 'redis://redis:6379' })).toMatchObject({
    addresses: [{ host: 'redis', port: 6379 }],
    cluster: false,
    db: 0,
    tls: null,
    prefix: 'parley:',
  });
  expect(options({ url: 'rediss://[::1]:7000/3', caFile: 'ca' })).toMatchObject({
    addresses: [{ host: '::1', port: 7000 }],
    db: 3,
    tls: { ca: 'of ca\n' },
  });
});

test('nodes are a Redis Cluster, from the environment too', () => {
  const env = { PARLEY_REDIS_NODES: 'a:1, b:2', PARLEY_REDIS_TLS: 'true', PARLEY_REDIS_USERNAME: 'parley' };
  expect(options({}, env)).toMatchObject({
    addresses: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
    cluster: true,
    tls: {},
    username: 'parley',
  });
  expect(() => options({ nodes: ['nonsense'] })).toThrow('redis.nodes: nonsense');
});

test('passwords come from an option or a file, and are not shown', () => {
  expect(options({ url: 'redis://r:1', passwordFile: 'key' })).toMatchObject({ password: 'of key' });
  const config = loaded({ url: 'redis://r:1' }, { PARLEY_REDIS_PASSWORD: 'hush' });
  expect(config.redis.password).toBe('hush');
  expect(JSON.stringify(redactConfig(config))).not.toContain('hush');
});

test('what contradicts itself, or would show a secret, is refused', () => {
  expect(() => loaded({ url: 'redis://r:1', nodes: ['a:1'] })).toThrow('either url or nodes');
  expect(() => loaded({ password: 'a', passwordFile: 'b' })).toThrow('either password or passwordFile');
  for (const url of ['redis://u:secret@r:1', 'http://r:1', 'redis://r'])
    expect(() => loaded({ url })).toThrow('redis.url');
  expect(() => loaded({ prefix: 'a{b}' })).toThrow('redis.prefix');
});

test('metrics tell of batches, of the breaker and of what the service holds', async () => {
  const metrics = createMetrics('n', { processMetrics: false });
  expect(await metrics.render()).not.toContain('parley_presence_up{');
  metrics.presenceObserver.batch('write', 500, 4, 'ok');
  metrics.presenceObserver.batch('read', 20, 500, 'failed');
  metrics.watch({
    presence: { up: () => false, counts: () => ({ online: 3, pending: 2, waiting: 1, dropped: 4 }) },
  });
  const text = await metrics.render();
  expect(text).toContain('parley_presence_up{store="redis",node="n"} 0');
  expect(text).toContain('parley_presence_users{what="online",node="n"} 3');
  expect(text).toContain('parley_presence_dropped_total{node="n"} 4');
  expect(text).toMatch(/parley_presence_batch_seconds_count\{.*op="write",outcome="ok".*\} 1/);
  expect(text).toMatch(/parley_presence_batch_users_total\{op="read",outcome="failed".*\} 20/);
});
