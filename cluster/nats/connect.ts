// One connection to NATS with what a node wants of it: back for ever after a loss, with jitter; who we are, and TLS. Used by the drivers
// here, each with a connection of its own: a heartbeat must not wait behind mail.
import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
} from '@nats-io/transport-node';

export type NatsAuth =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  /** A `.creds` file: a JWT and its key. */
  | { readonly credsFile: string }
  /** A file with an nkey's seed. */
  | { readonly nkeyFile: string };

export interface NatsTls {
  readonly caFile?: string;
  /** Our own certificate, for servers that ask. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface NatsConnectOptions {
  /** `nats://host:port` or `tls://…`, any of one NATS cluster. */
  readonly servers: readonly string[];
  /** Shown by the server's monitoring. */
  readonly name: string;
  readonly auth?: NatsAuth;
  /** `{}`: TLS with the system's authorities. */
  readonly tls?: NatsTls;
  /** Keep trying when no server answers at first. Default: reject. */
  readonly waitForServer?: boolean;
}

const CONNECT_MS = 5_000;
const RECONNECT_MS = 250;
const JITTER_MS = 500;
/** A server that answers no ping for two of these is given up: a silent cut shows no other way. */
const PING_MS = 2_000;
const PINGS_MAX = 2;

export function connectNats(options: NatsConnectOptions): Promise<NatsConnection> {
  const { servers, name, auth, tls, waitForServer = false } = options;
  return connect({
    servers: [...servers],
    name,
    timeout: CONNECT_MS,
    waitOnFirstConnect: waitForServer,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: JITTER_MS,
    reconnectJitterTLS: JITTER_MS,
    pingInterval: PING_MS,
    maxPingOut: PINGS_MAX,
    // Also when a server says that our password is wrong: it may be one that is just being set up.
    ignoreAuthErrorAbort: true,
    ...authOf(auth),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  });
}

function authOf(auth: NatsAuth | undefined): {
  user?: string;
  pass?: string;
  token?: string;
  authenticator?: Authenticator;
} {
  if (auth === undefined) return {};
  if ('user' in auth) return { user: auth.user, pass: auth.password };
  if ('token' in auth) return { token: auth.token };
  if ('credsFile' in auth) return { authenticator: credsAuthenticator(readFileSync(auth.credsFile)) };
  const seed = new TextEncoder().encode(readFileSync(auth.nkeyFile, 'utf8').trim());
  return { authenticator: nkeyAuthenticator(seed) };
}
