// The HTTP beside the sockets: a table of routes, and the four that every node has. Only this file and gateway.ts touch Node's
// HTTP objects. Never logs a URL: a query may hold a ticket.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { OriginRule } from './handshake.ts';
import { CONNECT_PATH, originAllowed, pathOf } from './handshake.ts';

export interface HttpQuestion {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Address of the client; behind a trusted proxy the one that the proxy saw. */
  readonly source: string;
  /** The client is on this machine, and no proxy says otherwise. */
  readonly isLocal: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers GET and HEAD. A rejection is logged and becomes a 500. */
export type HttpRoute = (question: HttpQuestion) => HttpAnswer | Promise<HttpAnswer>;

export interface Health {
  /** Null: ready for clients. Else why not, for an operator. */
  notReady(): string | null;
}

export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

export interface StandardRoutes {
  readonly health: Health;
  readonly metrics: MetricsSource;
  readonly metricsFrom: 'loopback' | 'any';
  readonly nodeName: string;
  /** Where to connect to; the node that should serve this user, when there are several. */
  readonly connectUrl: (question: HttpQuestion) => string;
}

export function standardRoutes(options: StandardRoutes): Map<string, HttpRoute> {
  return new Map<string, HttpRoute>([
    ['/livez', () => text(200, 'live')],
    [
      '/readyz',
      () => {
        const why = options.health.notReady();
        return why === null ? text(200, 'ready') : text(503, `not ready: ${why}`);
      },
    ],
    [
      '/metrics',
      async (question) => {
        if (options.metricsFrom === 'loopback' && !question.isLocal)
          return text(403, 'Metrics are for this machine only.');
        return { status: 200, body: await options.metrics.render(), type: options.metrics.contentType };
      },
    ],
    ['/v1/route', (question) => json(200, { url: options.connectUrl(question), node: options.nodeName })],
    [CONNECT_PATH, () => ({ ...text(426, 'This is a WebSocket.'), headers: { Upgrade: 'websocket' } })],
  ]);
}

export const text = (status: number, body: string): HttpAnswer => ({
  status,
  body: `${body}\n`,
  type: 'text/plain; charset=utf-8',
});
export const json = (status: number, value: unknown): HttpAnswer => ({
  status,
  body: `${JSON.stringify(value)}\n`,
  type: 'application/json',
});

/** Finds the route and asks it. Pages of an allowed origin may read the answers. */
export async function answerHttp(
  routes: ReadonlyMap<string, HttpRoute>,
  rule: OriginRule,
  question: HttpQuestion,
  onFault: (error: unknown, path: string) => void,
): Promise<HttpAnswer> {
  const route = routes.get(question.path);
  let answer: HttpAnswer;
  if (route === undefined) answer = text(404, 'Nothing here.');
  else if (question.method !== 'GET' && question.method !== 'HEAD') {
    answer = { ...text(405, 'GET only.'), headers: { Allow: 'GET, HEAD', Connection: 'close' } };
  } else {
    try {
      answer = await route(question);
    } catch (error) {
      onFault(error, question.path);
      answer = text(500, 'A fault of the server, recorded there.');
    }
  }
  const { origin } = question.headers;
  if (origin === undefined || !originAllowed(origin, rule)) return answer;
  return { ...answer, headers: { ...answer.headers, 'Access-Control-Allow-Origin': origin, Vary: 'Origin' } };
}

export function writeAnswer(response: ServerResponse, answer: HttpAnswer, withBody: boolean): void {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.writeHead(answer.status, {
    'Content-Type': answer.type ?? 'application/octet-stream',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...answer.headers,
  });
  response.end(withBody ? body : undefined);
}

/** `X-Forwarded-For` counts only when a proxy of ours wrote it, and then only its last entry, which is the proxy's own. */
export function readQuestion(request: IncomingMessage, trustForwarded: boolean): HttpQuestion {
  const remote = remoteAddressOf(request.socket);
  const forwarded = request.headers['x-forwarded-for'];
  const list = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',');
  const last = list.at(-1)?.trim() ?? '';
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: pathOf(url),
    query: new URLSearchParams(query < 0 ? '' : url.slice(query + 1)),
    headers: request.headers,
    source: trustForwarded && last !== '' ? last : remote,
    isLocal: isLoopback(remote) && forwarded === undefined,
  };
}

/** Node keeps on each socket what it was asked once, an object and a string; a socket that lives for days is asked only here. */
function remoteAddressOf(socket: Socket & { _peername?: unknown }): string {
  const address = socket.remoteAddress ?? '';
  if (socket._peername !== undefined) socket._peername = undefined;
  return address;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}
