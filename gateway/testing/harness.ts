// A gateway on 127.0.0.1 in front of a port that tests hold in their hands. No actors, no store. For tests only.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ConnectionPort, Sink, Taken } from '../../actors/index.ts';
import {
  type ClientFrame,
  type ErrorCode,
  encodeFrame,
  OP,
  type ServerFrame,
  SUBPROTOCOL,
} from '../../protocol/index.ts';
import type { Env, Ref } from '../../runtime/index.ts';
import { CONNECT_PATH, type Gateway, type GatewayConfig, type GatewayOptions, startGateway } from '../index.ts';

export class FakeConnection implements Ref {
  readonly kind = 'connection';
  readonly key: string;
  readonly sink: Sink;
  readonly frames: ClientFrame[] = [];
  readonly broken: { code: ErrorCode; about: string }[] = [];
  closed = 0;
  constructor(key: string, sink: Sink) {
    this.key = key;
    this.sink = sink;
  }
  send(...frames: ServerFrame[]): void {
    for (const frame of frames) this.sink.write(encodeFrame(frame));
  }
}

/** Answers HELLO with WELCOME and heartbeats with themselves, and closes whoever breaks the protocol, unless told otherwise. */
export class FakePort implements ConnectionPort {
  readonly connections: FakeConnection[] = [];
  accepting = true;
  take: (connection: FakeConnection, frame: ClientFrame) => Taken = () => 'taken';

  open(sink: Sink): Ref | null {
    if (!this.accepting) return null;
    const connection = new FakeConnection(String(this.connections.length), sink);
    this.connections.push(connection);
    return connection;
  }
  frame(ref: Ref, frame: ClientFrame): Taken {
    const connection = ref as FakeConnection;
    const taken = this.take(connection, frame);
    if (taken !== 'taken') return taken;
    connection.frames.push(frame);
    if (frame.op === OP.HELLO) connection.send(welcome(frame.device));
    if (frame.op === OP.HEARTBEAT) connection.send(frame);
    return 'taken';
  }
  broke(ref: Ref, code: ErrorCode, about: string): void {
    const connection = ref as FakeConnection;
    connection.broken.push({ code, about });
    connection.sink.close('badFrame');
  }
  closed(ref: Ref): void {
    (ref as FakeConnection).closed += 1;
  }
  get last(): FakeConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error('no connection yet');
    return last;
  }
}

export const welcome = (device: string): ServerFrame => ({
  op: OP.WELCOME,
  user: 'alice',
  device,
  node: 'n1',
  sync: 's',
  resumed: false,
  heartbeatMs: 10_000,
  window: 64,
  time: 1,
  expires: null,
});
export const hello = (token = 't'): Uint8Array =>
  encodeFrame({ op: OP.HELLO, version: 1, token, device: 'web', agent: 'test', sync: null, known: [] });
export const heartbeat = (n: number): Uint8Array => encodeFrame({ op: OP.HEARTBEAT, n });

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
export function testEnv(): Env {
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    setTimer: (run, delayMs) => setTimeout(run, delayMs),
    clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
    setImmediate: (run) => void setImmediate(run),
    random: () => Math.random(),
    id: () => randomBytes(16).toString('base64url'),
    log: quiet,
  };
}

export interface Bench {
  readonly gateway: Gateway;
  readonly port: FakePort;
  readonly pressure: { level: 0 | 1 | 2 | 3 };
  /** Ends a slice of the kernel that is not there. */
  endSlice(): void;
  ws(options?: { json?: boolean; origin?: string; headers?: Record<string, string> }): WebSocket;
  raw(): Socket;
  http(path: string, headers?: Record<string, string>): Promise<Response>;
  stop(): Promise<void>;
}

export const TEST_CONFIG: GatewayConfig = {
  host: '127.0.0.1',
  port: 0,
  publicUrl: null,
  origins: ['https://chat.example'],
  allowNoOrigin: true,
  connectionsMax: 1_000,
  connectionsPerSourceMax: 1_000,
  signInsAtOnceMax: 512,
  trustForwarded: false,
  metricsFrom: 'loopback',
};

export async function startBench(
  config: Partial<GatewayConfig> = {},
  more: Partial<Pick<GatewayOptions, 'limits' | 'routes' | 'routeFor' | 'health'>> = {},
): Promise<Bench> {
  const port = new FakePort();
  const pressure: Bench['pressure'] = { level: 0 };
  const hooks: (() => void)[] = [];
  const gateway = await startGateway({
    env: testEnv(),
    config: { ...TEST_CONFIG, ...config },
    port,
    pressure,
    kernelHooks: { onSliceEnd: (run) => hooks.push(run) },
    metrics: { contentType: 'text/plain', render: async () => 'parley_up 1\n' },
    health: { notReady: () => null },
    nodeName: 'n1',
    ...more,
  });
  const sockets: (WebSocket | Socket)[] = [];
  return {
    gateway,
    port,
    pressure,
    endSlice: () => {
      for (const hook of hooks) hook();
    },
    ws: ({ json = false, origin, headers = {} } = {}) => {
      const socket = new WebSocket(gateway.url, json ? SUBPROTOCOL.json : SUBPROTOCOL.msgpack, {
        perMessageDeflate: false,
        headers,
        ...(origin === undefined ? {} : { origin }),
      });
      socket.on('error', () => {});
      sockets.push(socket);
      return socket;
    },
    raw: () => {
      const socket = connect(gateway.port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      return socket;
    },
    http: (path, headers = {}) => fetch(`http://127.0.0.1:${gateway.port}${path}`, { headers }),
    stop: async () => {
      for (const socket of sockets) {
        if (socket instanceof WebSocket) socket.terminate();
        else socket.destroy();
      }
      await gateway.stop(0);
    },
  };
}

/** The bytes of an upgrade request, for clients that misbehave after it. */
export const upgradeRequest = (headers: Record<string, string> = {}, path = CONNECT_PATH): string => {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': SUBPROTOCOL.msgpack,
    ...headers,
  };
  return `GET ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
};

/** Resolves when the condition holds; rejects after the limit, naming what it waited for. */
export async function until(what: string, holds: () => boolean, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const opened = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('unexpected-response', (_request, response) =>
      reject(new Error(`refused with ${response.statusCode}`)),
    );
    socket.once('error', reject);
  });

/** Status and headers of a refused upgrade. */
export const refusal = (socket: WebSocket): Promise<{ status: number; retryAfter: string | undefined }> =>
  new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('was not refused')));
    socket.once('unexpected-response', (_request, response) =>
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] }),
    );
  });

export const closedWith = (socket: WebSocket): Promise<{ code: number; reason: string }> =>
  new Promise((resolve) => socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })));
