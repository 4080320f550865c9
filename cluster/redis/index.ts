// The door of cluster/redis/: presence in Redis, one server or a Redis Cluster. The one folder that knows ioredis.

export { type RedisAddress, redisAddress } from './client.ts';
export { createRedisPresence, type RedisPresenceOptions } from './presence.ts';
