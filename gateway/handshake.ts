// The WebSocket handshake as a pure question: an upgrade request in, an answer out. Our own, since it must refuse by Origin and
// subprotocol before anything is spent on the socket. RFC 6455, section 4.2. Knows nothing of limits and load.
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SUBPROTOCOL } from '../protocol/index.ts';

export const CONNECT_PATH = '/v1/connect';

export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export interface OriginRule {
  /** Exact origins that may connect, such as `https://chat.example`. A single `*` allows all: for development. */
  readonly origins: readonly string[];
  /** Requests without an Origin header come from programs, not from pages: no page can leave it out. */
  readonly allowNoOrigin: boolean;
}

export type Handshake =
  | { readonly ok: true; readonly protocol: string; readonly accept: string }
  | { readonly ok: false; readonly status: number; readonly about: string; readonly headers?: Record<string, string> };

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const PROTOCOLS: readonly string[] = [SUBPROTOCOL.msgpack, SUBPROTOCOL.json];

export function answerHandshake(request: UpgradeRequest, rule: OriginRule): Handshake {
  const { headers } = request;
  if (pathOf(request.url) !== CONNECT_PATH) return refuse(404, `Connect to ${CONNECT_PATH}.`);
  if (request.method !== 'GET') return refuse(405, 'Upgrade with GET.', { Allow: 'GET' });
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refuse(400, 'Upgrade to websocket.');
  if (headers['sec-websocket-version'] !== '13') {
    return refuse(426, 'WebSocket version 13 is spoken here.', { 'Sec-WebSocket-Version': '13' });
  }
  const key = headers['sec-websocket-key'];
  if (key === undefined || !KEY.test(key)) return refuse(400, 'Sec-WebSocket-Key is missing or malformed.');
  if (!originAllowed(headers.origin, rule)) return refuse(403, 'This origin may not connect.');
  const protocol = choose(headers['sec-websocket-protocol']);
  if (protocol === null) return refuse(400, `Ask for a subprotocol: ${PROTOCOLS.join(' or ')}.`);
  return {
    ok: true,
    protocol,
    accept: createHash('sha1')
      .update(key + GUID)
      .digest('base64'),
  };
}

/** The 101 that seals it. */
export function switchingProtocols(handshake: { readonly protocol: string; readonly accept: string }): string {
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${handshake.accept}\r\nSec-WebSocket-Protocol: ${handshake.protocol}\r\n\r\n`
  );
}

/** Exact comparison, no patterns: a suffix match once let `evil-example.com` in somewhere. */
export function originAllowed(origin: string | undefined, rule: OriginRule): boolean {
  if (origin === undefined) return rule.allowNoOrigin;
  return rule.origins.includes(origin) || rule.origins.includes('*');
}

export function pathOf(url: string | undefined): string {
  const text = url ?? '/';
  const query = text.indexOf('?');
  return query < 0 ? text : text.slice(0, query);
}

/** The client's order is its preference. */
function choose(header: string | undefined): string | null {
  for (const asked of header?.split(',') ?? []) if (PROTOCOLS.includes(asked.trim())) return asked.trim();
  return null;
}

function refuse(status: number, about: string, headers?: Record<string, string>): Handshake {
  return headers === undefined ? { ok: false, status, about } : { ok: false, status, about, headers };
}
