// A connection to Redis, one server or a Redis Cluster, made on first use and thrown away whole when it fails: there is no queue of
// commands that wait for better times, and no reconnecting behind our back. How often to try is the caller's (a breaker's).
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis } from 'ioredis';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisClientOptions {
  /** One for a single server; those of a Redis Cluster from which it is discovered. */
  readonly addresses: readonly RedisAddress[];
  readonly cluster: boolean;
  /** ACL user; null: the default one. */
  readonly username?: string | null;
  readonly password?: string | null;
  /** A Redis Cluster has only 0. */
  readonly db?: number;
  /** Null: no TLS. */
  readonly tls?: ConnectionOptions | null;
  /** Shown by CLIENT LIST. */
  readonly name?: string;
  /** To connect and be ready, ms. */
  readonly connectMs: number;
}

/** Host and port of `host:port` or `[v6]:port`; null: it is neither. */
export function redisAddress(text: string): RedisAddress | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

type Client = Redis | Cluster;

export class RedisConnection {
  private readonly options: RedisClientOptions;
  private client: Client | null = null;
  private opening: Promise<Client> | null = null;

  constructor(options: RedisClientOptions) {
    this.options = options;
  }

  /** Connected and ready; rejects when it does not come to be. Callers share one attempt. */
  open(): Promise<Client> {
    if (this.client?.status === 'ready') return Promise.resolve(this.client);
    this.opening ??= this.connect();
    return this.opening;
  }

  private async connect(): Promise<Client> {
    this.drop();
    const client = make(this.options);
    // What went wrong is told by the command or the attempt that it went wrong for.
    client.on('error', () => {});
    this.client = client;
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (this.client === client) this.drop();
      throw error;
    } finally {
      this.opening = null;
    }
  }

  /** Ends it, with every command that has no answer yet. The next `open` begins anew. */
  drop(): void {
    const client = this.client;
    this.client = null;
    client?.disconnect();
  }
}

function make(options: RedisClientOptions): Client {
  const { username, password, tls, connectMs, name } = options;
  const common = {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectMs,
    maxLoadingRetryTime: connectMs,
    ...(username == null ? {} : { username }),
    ...(password == null ? {} : { password }),
    ...(tls == null ? {} : { tls }),
    ...(name === undefined ? {} : { connectionName: name }),
  };
  // Commands of one turn are written as one pipeline; in a Redis Cluster, as one for each of its nodes.
  const enableAutoPipelining = true;
  if (options.cluster)
    return new Cluster([...options.addresses], {
      lazyConnect: true,
      enableOfflineQueue: false,
      enableAutoPipelining,
      clusterRetryStrategy: () => null,
      slotsRefreshTimeout: connectMs,
      maxRedirections: 4,
      retryDelayOnClusterDown: 100,
      retryDelayOnFailover: 100,
      redisOptions: common,
    });
  const [first] = options.addresses;
  if (first === undefined) throw new Error('no address of a Redis');
  return new Redis({
    ...common,
    host: first.host,
    port: first.port,
    db: options.db ?? 0,
    enableAutoPipelining,
    retryStrategy: () => null,
  });
}
