// The gateway: listens, admits or refuses at the upgrade, hands sockets to their connection cells, and stops without losing
// anything. The one place that creates peers. Started by app/, stopped by it; knows actors only through ConnectionPort.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionPort, Pressure } from '../actors/index.ts';
import { LIMITS, SUBPROTOCOL } from '../protocol/index.ts';
import type { Env } from '../runtime/index.ts';
import { Admission, type AdmissionRefusal } from './admission.ts';
import { answerHandshake, CONNECT_PATH, switchingProtocols } from './handshake.ts';
import {
  answerHttp,
  type Health,
  type HttpQuestion,
  type HttpRoute,
  type MetricsSource,
  readQuestion,
  standardRoutes,
  writeAnswer,
} from './http.ts';
import { HttpSockets } from './http-sockets.ts';
import { Hub } from './hub.ts';
import { Peer, type PeerCounts } from './peer.ts';
import { ReceiverPool } from './receivers.ts';

export interface GatewayConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Under which clients reach this node, such as `wss://chat.example`; null: what their Host header says. */
  readonly publicUrl: string | null;
  readonly origins: readonly string[];
  readonly allowNoOrigin: boolean;
  readonly connectionsMax: number;
  readonly connectionsPerSourceMax: number;
  readonly signInsAtOnceMax: number;
  /** Believe the last entry of X-Forwarded-For. Only with a proxy in front that writes it. */
  readonly trustForwarded: boolean;
  readonly metricsFrom: 'loopback' | 'any';
}

export interface GatewayOptions {
  readonly env: Env;
  readonly config: GatewayConfig;
  readonly port: ConnectionPort;
  readonly pressure: Pressure;
  /** The kernel, for its slices: `onSliceEnd` is called once, and keeps the function. */
  readonly kernelHooks: { onSliceEnd(run: () => void): void };
  readonly metrics: MetricsSource;
  readonly health: Health;
  readonly nodeName: string;
  /** More routes by path, such as the demo page or the admin API. */
  readonly routes?: ReadonlyMap<string, HttpRoute>;
  /** In a cluster: the URL of the node that should serve this user. */
  readonly routeFor?: (user: string) => string | null;
  /** For tests; the limits of the wire otherwise. */
  readonly limits?: Partial<GatewayLimits>;
}

export interface GatewayLimits {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly closeHandshakeMs: number;
  readonly bufferedStopBytes: number;
  readonly bufferedCloseBytes: number;
  /** TCP connections that have not become WebSockets, in all. */
  readonly httpSocketsMax: number;
}

const DEFAULT_LIMITS: GatewayLimits = {
  headersMs: LIMITS.headersMs,
  requestMs: 10_000,
  closeHandshakeMs: 2_000,
  bufferedStopBytes: LIMITS.bufferedStopBytes,
  bufferedCloseBytes: LIMITS.bufferedCloseBytes,
  httpSocketsMax: 1_024,
};

export interface GatewayStats extends Readonly<PeerCounts> {
  readonly connections: number;
  readonly signIns: number;
  readonly sources: number;
  readonly accepted: number;
  /** Upgrades refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface Gateway {
  readonly port: number;
  /** As clients on this machine would write it. */
  readonly url: string;
  stats(): GatewayStats;
  /** No new sockets from here on, and `/readyz` says so; those there stay. */
  stopAccepting(): void;
  /** Waits for the sockets to go (the cells send them away), ends those left after `limitMs`, and closes the port. */
  stop(limitMs: number): Promise<void>;
}

/** Status, code in metrics, and words for each refusal at the upgrade. All but `sourceFull` and the handshake's own are ours to mend. */
const REFUSALS: { readonly [R in AdmissionRefusal | 'stopping' | 'noCell']: { status: number; about: string } } = {
  full: { status: 503, about: 'This node has as many connections as it may.' },
  sourceFull: { status: 429, about: 'Too many connections from this address.' },
  signInsFull: { status: 503, about: 'Too many sign-ins at once.' },
  pressed: { status: 503, about: 'This node is under pressure.' },
  stopping: { status: 503, about: 'This node is stopping.' },
  noCell: { status: 503, about: 'This node takes no connections now.' },
};
/** A source has a socket on its way, and one that was refused or asks for a page, for each that it may have. */
const HTTP_SOCKETS_PER_CONNECTION = 2;
const RETRY_AFTER_MIN_S = 1;
const RETRY_AFTER_SPREAD_S = 9;

/**
 * Rejects as `startGateway` would when somebody else listens there. To be asked before a start touches anything shared: a node that
 * cannot listen must not have taken the store from one that does.
 */
export async function checkAddress(config: Pick<GatewayConfig, 'host' | 'port'>): Promise<void> {
  const probe = createServer();
  await listen(probe, config);
  await new Promise<void>((resolve) => probe.close(() => resolve()));
}

function listen(server: Server, config: Pick<GatewayConfig, 'host' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** Rejects when the address cannot be listened on (`error.code` is Node's: EADDRINUSE and so on). */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { env, config } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const admission = new Admission(config);
  const receivers = new ReceiverPool({
    frameBytesMax: LIMITS.frameBytesMax,
    fragmentsMax: LIMITS.frameFragmentsMax,
    keepMax: 1_024,
  });
  const hub = new Hub({
    env,
    port: options.port,
    admission,
    receivers,
    limits,
    closeHandshakeMs: limits.closeHandshakeMs,
  });
  options.kernelHooks.onSliceEnd(hub.onSliceEnd);
  const refused: Record<string, number> = {};
  let accepted = 0;
  let stopping = false;

  const health: Health = { notReady: () => (stopping ? 'stopping' : options.health.notReady()) };
  const connectUrl = (question: HttpQuestion): string => {
    const user = question.query.get('user');
    const elsewhere = user === null ? null : (options.routeFor?.(user) ?? null);
    const base = elsewhere ?? config.publicUrl ?? `ws://${question.headers.host ?? `${config.host}:${config.port}`}`;
    return `${base.replace(/\/$/, '')}${CONNECT_PATH}`;
  };
  const routes = standardRoutes({
    health,
    metrics: options.metrics,
    metricsFrom: config.metricsFrom,
    nodeName: options.nodeName,
    connectUrl,
  });
  for (const [path, route] of options.routes ?? []) routes.set(path, route);

  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
    noDelay: true,
  });

  const httpSockets = new HttpSockets({
    httpSocketsMax: limits.httpSocketsMax,
    perSourceMax: config.trustForwarded ? null : HTTP_SOCKETS_PER_CONNECTION * config.connectionsPerSourceMax,
  });
  server.on('connection', (socket: Socket) => {
    const refusal = httpSockets.enter(socket);
    if (refusal === null) return;
    count(refusal);
    socket.destroy();
  });

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const question = readQuestion(request, config.trustForwarded);
    void answerHttp(routes, config, question, (error, path) => {
      env.log.error({ path, error: error instanceof Error ? error.message : 'unknown' }, 'an HTTP route failed');
    }).then((answer) => writeAnswer(response, answer, question.method !== 'HEAD'));
  });

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as Socket; // an http.Server without TLS hands over net.Sockets
    httpSockets.leave(socket);
    const handshake = answerHandshake(request, config);
    if (!handshake.ok) {
      count(`http${handshake.status}`);
      refuseUpgrade(socket, handshake.status, handshake.about, handshake.headers ?? {});
      return;
    }
    const address = readQuestion(request, config.trustForwarded).source;
    const source = stopping ? 'stopping' : admission.admit(address, options.pressure.level);
    if (typeof source === 'string') {
      refuseForNow(socket, source);
      return;
    }
    const peer = new Peer(hub, socket, source, handshake.protocol === SUBPROTOCOL.json);
    hub.add(peer);
    const connection = socket.writable ? options.port.open(peer) : null;
    if (connection === null) {
      hub.gone(peer);
      refuseForNow(socket, 'noCell');
      return;
    }
    accepted += 1;
    socket.setTimeout(0);
    socket.write(switchingProtocols(handshake));
    peer.attach(connection, head);
  });

  function count(reason: string): void {
    refused[reason] = (refused[reason] ?? 0) + 1;
  }

  /** The delay is drawn, so that a crowd that was refused together does not come back together. */
  function refuseForNow(socket: Socket, reason: keyof typeof REFUSALS): void {
    count(reason);
    const { status, about } = REFUSALS[reason];
    const seconds = RETRY_AFTER_MIN_S + Math.floor(env.random() * (RETRY_AFTER_SPREAD_S + 1));
    refuseUpgrade(socket, status, about, { 'Retry-After': String(seconds) });
  }

  await listen(server, config);
  server.on('error', (error) => env.log.error({ error: error.message }, 'the listening socket failed'));
  const bound = (server.address() as AddressInfo).port;

  const stopAccepting = (): void => {
    if (stopping) return;
    stopping = true;
    server.close();
    server.closeIdleConnections();
  };
  return {
    port: bound,
    url: `ws://${config.host.includes(':') ? `[${config.host}]` : config.host}:${bound}${CONNECT_PATH}`,
    stats: () => ({
      connections: admission.connections,
      signIns: admission.signIns,
      sources: admission.sourcesOpen,
      accepted,
      refused: { ...refused },
      ...hub.counts,
    }),
    stopAccepting,
    async stop(limitMs: number): Promise<void> {
      stopAccepting();
      await hub.empty(limitMs);
      hub.terminateAll();
      server.closeAllConnections();
    },
  };
}

/** A refusal at the upgrade is plain HTTP; what the client still sends is of no interest. */
function refuseUpgrade(socket: Socket, status: number, about: string, headers: Readonly<Record<string, string>>): void {
  socket.on('error', () => socket.destroy());
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(about) + 1}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${about}\n`);
}
