// From the configuration to a presence store: Redis, or null for none. Reads the files that options name; connects to nothing yet.
import { readFileSync } from 'node:fs';
import { createRedisPresence, type RedisPresenceOptions, redisAddress } from '../cluster/redis/index.ts';
import type { Env } from '../runtime/index.ts';
import type { Config } from './config.ts';
import type { StoreObserver } from './metrics.ts';

export interface PresenceFromConfig {
  readonly env: Env;
  /** Of the node, for Redis to show. */
  readonly name: string;
  readonly redis: Config['redis'];
  readonly observer?: StoreObserver | undefined;
}

/** Throws when an option is no address, or a file cannot be read. */
export function presenceFromConfig(from: PresenceFromConfig): ReturnType<typeof createRedisPresence> | null {
  const { env, name, observer } = from;
  const options = redisOptions(from.redis, (path) => readFileSync(path, 'utf8'));
  if (options === null) return null;
  return createRedisPresence({
    env,
    name: `parley-${name}`,
    ...options,
    ...(observer === undefined ? {} : { observer }),
  });
}

/** What the driver is given; null: Redis is not configured. */
export function redisOptions(
  redis: Config['redis'],
  readText: (path: string) => string,
): Omit<RedisPresenceOptions, 'env'> | null {
  const url = redis.url === null ? null : new URL(redis.url);
  if (url === null && redis.nodes.length === 0) return null;
  const texts = url === null ? redis.nodes : [`${url.hostname}:${url.port}`];
  const addresses = texts.map((text) => {
    const address = redisAddress(text);
    if (address === null) throw new Error(`redis.${url === null ? 'nodes' : 'url'}: ${text} is no host:port`);
    return address;
  });
  const secure = redis.tls || url?.protocol === 'rediss:';
  return {
    addresses,
    cluster: url === null,
    username: redis.username,
    password: redis.passwordFile === null ? redis.password : readText(redis.passwordFile).trim(),
    db: Number(url?.pathname.slice(1) ?? 0),
    tls: secure ? (redis.caFile === null ? {} : { ca: readText(redis.caFile) }) : null,
    prefix: redis.prefix,
    deadlineMs: redis.deadlineMs,
  };
}
