// Garbage below WebSocket: at the HTTP port, and in the middle of a WebSocket stream. Test code.
import { connect } from 'node:net';
import { SUBPROTOCOL } from '../../protocol/index.ts';
import type { Attacker } from './fuzz-attacker.ts';
import { add, type Book } from './fuzz-book.ts';
import type { Random } from './fuzz-random.ts';

const END_MS = 2_000;
const crlf = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const upgrade = (...more: string[]): string =>
  crlf(
    'GET /v1/connect HTTP/1.1',
    'Host: x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    ...more,
  );
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';

const REQUESTS: Readonly<Record<string, (r: Random) => string | Uint8Array>> = {
  bytes: (r) => r.bytes(r.between(1, 2_000)),
  tlsHello: () => Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
  noVersion: () => crlf('GET /'),
  longPath: (r) => crlf(`GET /${'a'.repeat(r.pick([8_000, 20_000]))} HTTP/1.1`, 'Host: x'),
  manyHeaders: () => crlf('GET /livez HTTP/1.1', 'Host: x', ...Array.from({ length: 3_000 }, (_, n) => `X-${n}: y`)),
  methods: (r) =>
    crlf(
      `${r.pick(['POST', 'PUT', 'DELETE', 'CONNECT', 'TRACE', 'FROB'])} ${r.pick(['/livez', '/v1/connect', '/metrics', '*'])} HTTP/1.1`,
      'Host: x',
      'Content-Length: 3',
    ),
  smuggled: () =>
    `${crlf('GET /livez HTTP/1.1', 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n`,
  badEscapes: (r) =>
    crlf(
      `GET ${r.pick(['/%', '/v1/route?user=%ff%', '/v1/dev/token?user=%00', '/v1/dev/token?user=a%20b', '/../../etc/passwd', 'http://[::1/'])} HTTP/1.1`,
      'Host: x',
      'Connection: close',
    ),
  noKey: () => upgrade(`Sec-WebSocket-Protocol: ${SUBPROTOCOL.msgpack}`),
  noProtocol: () => upgrade(KEY),
  badOrigin: () => upgrade(KEY, `Sec-WebSocket-Protocol: ${SUBPROTOCOL.msgpack}`, 'Origin: https://evil.example'),
  halfUpgrade: () => upgrade(KEY).slice(0, 60),
  framesAtOnce: (r) =>
    Buffer.concat([Buffer.from(upgrade(KEY, `Sec-WebSocket-Protocol: ${SUBPROTOCOL.msgpack}`)), r.bytes(200)]),
};
const REQUEST_NAMES = Object.keys(REQUESTS);

/** One connection with one of the above; ends when the server ends it, or after two seconds. */
export async function garbageAtHttp(port: number, address: string, r: Random, book: Book): Promise<void> {
  const kind = r.pick(REQUEST_NAMES);
  const bytes = REQUESTS[kind]?.(r) ?? '';
  add(book.tcp, `http ${kind}`);
  await new Promise<void>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address });
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    };
    const timer = setTimeout(done, r.chance(0.2) ? END_MS : 50);
    socket.on('error', done);
    socket.on('close', done);
    socket.on('data', () => {});
    socket.on('connect', () => socket.write(bytes));
  });
}

/** Bytes straight into an open WebSocket: some break RFC 6455 at once, some leave the server waiting for more; then it is cut. */
export async function garbageMidStream(attacker: Attacker, r: Random, book: Book): Promise<void> {
  const [kind, bytes] = r.pick<readonly [string, Uint8Array]>([
    ['bytes', r.bytes(r.between(1, 500))],
    ['hugeLength', Uint8Array.of(0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0)],
    ['unmasked', Uint8Array.of(0x82, 0x02, 0x92, 0x03)],
    ['reserved', Uint8Array.of(0xf2, 0x80, 0, 0, 0, 0)],
    ['opcode', Uint8Array.of(0x80 | r.between(3, 7), 0x80, 0, 0, 0, 0)],
    ['halfHeader', Uint8Array.of(0x82)],
    ['halfPayload', Uint8Array.of(0x82, 0xfe, 0x40, 0x00, 1, 2, 3, 4, 5)],
    ['openFragment', Uint8Array.of(0x02, 0x80, 0, 0, 0, 0)],
    ['pingFlood', Buffer.concat(Array.from({ length: 500 }, () => Buffer.of(0x89, 0x80, 0, 0, 0, 0)))],
    ['longPing', Uint8Array.of(0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0)],
    ['badClose', Uint8Array.of(0x88, 0x81, 0, 0, 0, 0, 3)],
    ['closeCode', Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0, r.below(256))],
    ['http', Buffer.from('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')],
  ]);
  add(book.tcp, `stream ${kind}`);
  attacker.belowFrames = true;
  attacker.raw?.write(bytes);
  await attacker.wait(() => !attacker.isOpen, 200);
  attacker.hangUp();
  attacker.belowFrames = false;
}
