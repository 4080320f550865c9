// The driver's client, set up once for all that we ask of it. Knows servers and the driver, nothing of logs or rows.
import { auth, Client, policies } from 'cassandra-driver';
import { consistenciesOf } from './consistency.ts';
import { controlOf, IN_TURN, inTurn } from './control.ts';
import { CQL_LIMITS, type CqlLimits, type CqlOptions, type CqlServers } from './options.ts';

/** Connections to each server of the local data centre; each carries up to 2,048 requests at once. */
const CONNECTIONS = 2;
const RECONNECT_FIRST_MS = 100;
const RECONNECT_LONGEST_MS = 2_000;

/** `keyspace` null: for migrations, which make it. */
export function createClient(
  servers: CqlServers & Pick<CqlOptions, 'consistency'>,
  keyspace: string | null,
  limits: CqlLimits = CQL_LIMITS,
): Client {
  const { consistency, serialConsistency } = consistenciesOf(servers.consistency);
  const { credentials, tls, localDataCenter } = servers;
  const client = new Client({
    contactPoints: [...servers.contactPoints],
    localDataCenter,
    ...(keyspace === null ? {} : { keyspace }),
    ...(credentials == null
      ? {}
      : { authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password) }),
    ...(tls == null
      ? {}
      : {
          sslOptions: {
            rejectUnauthorized: tls.verify ?? true,
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            ...(tls.cert === undefined ? {} : { cert: tls.cert }),
            ...(tls.key === undefined ? {} : { key: tls.key }),
          },
        }),
    queryOptions: { consistency, serialConsistency, prepare: true, isIdempotent: true },
    policies: {
      // Token-aware, within the data centre: the default of the driver, said aloud.
      loadBalancing: new policies.loadBalancing.TokenAwarePolicy(
        new policies.loadBalancing.DCAwareRoundRobinPolicy(localDataCenter),
      ),
      speculativeExecution: new SecondReader(limits.speculateMs),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(
        RECONNECT_FIRST_MS,
        RECONNECT_LONGEST_MS,
        false,
      ),
    },
    pooling: { coreConnectionsPerHost: { 0: CONNECTIONS, 1: 1 } },
    socketOptions: { connectTimeout: limits.connectMs, readTimeout: limits.requestMs },
    // Several statements change the schema; who runs them waits once, at their end.
    protocolOptions: { maxSchemaAgreementWaitSeconds: 0 },
    monitorReporting: { enabled: false },
  });
  inTurn(controlOf(client), (message) => client.emit('log', 'warning', IN_TURN, message));
  return client;
}

/** A read is asked of one more server when the first is slow. Writes are not: a slow database does not need them twice. */
class SecondReader implements policies.speculativeExecution.SpeculativeExecutionPolicy {
  private readonly delayMs: number;

  constructor(delayMs: number) {
    this.delayMs = delayMs;
  }

  newPlan(_keyspace: string, query: string | object[]): { nextExecution: () => number } {
    let left = typeof query === 'string' && query.startsWith('SELECT') ? 1 : 0;
    return { nextExecution: () => (left-- > 0 ? this.delayMs : -1) };
  }

  getOptions(): Map<string, object> {
    return new Map();
  }

  init(): void {}

  shutdown(): void {}
}
