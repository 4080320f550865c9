// Who is let in at the upgrade, and how the others hear of it. Over real sockets.
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { answerHandshake, originAllowed } from './handshake.ts';
import {
  type Bench,
  closedWith,
  hello,
  opened,
  refusal,
  startBench,
  until,
  upgradeRequest,
} from './testing/harness.ts';

let bench: Bench;
afterEach(() => bench?.stop());

test('a real client of each subprotocol gets in', async () => {
  bench = await startBench();
  const binary = bench.ws();
  const json = bench.ws({ json: true });
  await Promise.all([opened(binary), opened(json)]);
  expect([binary.protocol, json.protocol]).toEqual(['parley.v1', 'parley.v1.json']);
  expect(bench.gateway.stats()).toMatchObject({ connections: 2, signIns: 2, accepted: 2 });
});

test('the accept key is that of RFC 6455', () => {
  const answer = answerHandshake(
    {
      method: 'GET',
      url: '/v1/connect?x=1',
      headers: {
        upgrade: 'WebSocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'chat, parley.v1.json, parley.v1',
      },
    },
    { origins: [], allowNoOrigin: true },
  );
  expect(answer).toEqual({ ok: true, protocol: 'parley.v1.json', accept: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' });
});

describe('a raw upgrade is refused', () => {
  const cases: [string, Record<string, string>, string, number][] = [
    ['without a subprotocol', { 'Sec-WebSocket-Protocol': '' }, '/v1/connect', 400],
    ['with a subprotocol of somebody else', { 'Sec-WebSocket-Protocol': 'graphql-ws' }, '/v1/connect', 400],
    ['with the next version of ours', { 'Sec-WebSocket-Protocol': 'parley.v2' }, '/v1/connect', 400],
    ['on another path', {}, '/socket', 404],
    ['to another protocol', { Upgrade: 'h2c' }, '/v1/connect', 400],
    ['with an old WebSocket version', { 'Sec-WebSocket-Version': '8' }, '/v1/connect', 426],
    ['with a malformed key', { 'Sec-WebSocket-Key': 'short' }, '/v1/connect', 400],
    ['from a foreign origin', { Origin: 'https://evil.example' }, '/v1/connect', 403],
  ];
  for (const [why, headers, path, status] of cases) {
    test(`${why}: ${status}`, async () => {
      bench = await startBench();
      const socket = bench.raw();
      let answer = '';
      let ended = false;
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => {
        ended = true;
      });
      socket.write(upgradeRequest(headers, path));
      await until('the refusal', () => ended);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(bench.port.connections).toHaveLength(0);
    });
  }
});

test('origins are compared exactly', () => {
  const rule = { origins: ['https://chat.example'], allowNoOrigin: true };
  expect(originAllowed('https://chat.example', rule)).toBe(true);
  for (const origin of [
    'http://chat.example',
    'https://chat.example:8443',
    'https://evil-chat.example',
    'https://chat.example.evil.example',
    'https://CHAT.example',
    'null',
    '',
  ]) {
    expect(originAllowed(origin, rule)).toBe(false);
  }
  expect(originAllowed(undefined, rule)).toBe(true);
  expect(originAllowed(undefined, { ...rule, allowNoOrigin: false })).toBe(false);
});

test('an allowed origin gets in; without one it depends on the configuration', async () => {
  bench = await startBench({ allowNoOrigin: false });
  await opened(bench.ws({ origin: 'https://chat.example' }));
  expect((await refusal(bench.ws())).status).toBe(403);
});

test('a source has its share of sockets, and the refusal says when to come back', async () => {
  bench = await startBench({ connectionsPerSourceMax: 2 });
  const first = bench.ws();
  await opened(first);
  await opened(bench.ws());
  const refused = await refusal(bench.ws());
  expect(refused.status).toBe(429);
  expect(Number(refused.retryAfter)).toBeGreaterThanOrEqual(1);
  first.close();
  await until('a free place', () => bench.gateway.stats().connections === 1);
  await opened(bench.ws());
});

test('behind a proxy that is trusted, the source is the one that the proxy saw', async () => {
  bench = await startBench({ connectionsPerSourceMax: 1, trustForwarded: true });
  await opened(bench.ws({ headers: { 'X-Forwarded-For': '6.6.6.6, 9.9.9.1' } }));
  await opened(bench.ws({ headers: { 'X-Forwarded-For': '6.6.6.6, 9.9.9.2' } }));
  expect(bench.port.connections.map((connection) => connection.sink.source)).toEqual(['9.9.9.1', '9.9.9.2']);
  expect((await refusal(bench.ws({ headers: { 'X-Forwarded-For': '9.9.9.1' } }))).status).toBe(429);
});

test('without trust, a forged X-Forwarded-For changes nothing', async () => {
  bench = await startBench({ connectionsPerSourceMax: 1 });
  await opened(bench.ws({ headers: { 'X-Forwarded-For': '9.9.9.1' } }));
  expect((await refusal(bench.ws({ headers: { 'X-Forwarded-For': '9.9.9.2' } }))).status).toBe(429);
});

test('sockets that have not signed in are bounded; a sign-in makes room', async () => {
  bench = await startBench({ signInsAtOnceMax: 1 });
  const first = bench.ws();
  await opened(first);
  expect((await refusal(bench.ws())).status).toBe(503);
  first.send(hello());
  await until('the sign-in', () => bench.gateway.stats().signIns === 0);
  await opened(bench.ws());
  first.terminate();
  await until('the first to be gone', () => bench.gateway.stats().connections === 1);
  expect(bench.gateway.stats().signIns).toBe(1);
});

test('from pressure level 2 on, sign-ins are refused with a delay that is drawn', async () => {
  bench = await startBench();
  bench.pressure.level = 1;
  await opened(bench.ws());
  bench.pressure.level = 2;
  const delays = new Set<string | undefined>();
  for (let i = 0; i < 30; i++) {
    const refused = await refusal(bench.ws());
    expect(refused.status).toBe(503);
    delays.add(refused.retryAfter);
  }
  expect(delays.size).toBeGreaterThan(2);
  for (const delay of delays) expect(Number(delay)).toSatisfy((seconds: number) => seconds >= 1 && seconds <= 10);
  expect(bench.gateway.stats().refused.pressed).toBe(30);
});

test('a node whose cells take no connection refuses, and counts nothing as open', async () => {
  bench = await startBench();
  bench.port.accepting = false;
  expect((await refusal(bench.ws())).status).toBe(503);
  expect(bench.gateway.stats()).toMatchObject({ connections: 0, signIns: 0 });
});

test('headers that drip in are cut off', async () => {
  bench = await startBench({}, { limits: { headersMs: 200 } });
  const socket = bench.raw();
  let ended = false;
  socket.on('close', () => {
    ended = true;
  });
  socket.on('data', () => {});
  const lines = upgradeRequest().slice(0, -2);
  let at = 0;
  const drip = setInterval(() => socket.writable && at < lines.length && socket.write(lines[at++] ?? ''), 20);
  await until('the server to hang up', () => ended);
  clearInterval(drip);
  expect(at).toBeLessThan(lines.length);
  expect(bench.port.connections).toHaveLength(0);
});

test('TCP connections that never become anything are bounded', async () => {
  bench = await startBench({}, { limits: { httpSocketsMax: 3 } });
  const sockets = Array.from({ length: 5 }, () => bench.raw());
  let gone = 0;
  for (const socket of sockets) socket.on('close', () => gone++).on('data', () => {});
  await until('two to be turned away', () => gone === 2);
  expect(bench.gateway.stats().refused.httpFull).toBe(2);
  for (const socket of sockets) socket.destroy();
  await until('room again', () => gone === 5);
  await opened(bench.ws());
});

test('and of one source they are bounded too, unless a proxy stands for all', async () => {
  for (const trustForwarded of [false, true]) {
    bench = await startBench({ connectionsPerSourceMax: 2, trustForwarded }, { limits: { httpSocketsMax: 6 } });
    const sockets = Array.from({ length: 8 }, () => bench.raw());
    let gone = 0;
    for (const socket of sockets) socket.on('close', () => gone++).on('data', () => {});
    await until('all others to be turned away', () => gone === (trustForwarded ? 2 : 4));
    expect(bench.gateway.stats().refused).toEqual(trustForwarded ? { httpFull: 2 } : { httpSourceFull: 4 });
    for (const socket of sockets) socket.destroy();
    await until('room again', () => gone === 8);
    // What has become a WebSocket does not count here any more.
    const open = [bench.ws(), bench.ws()];
    await Promise.all(open.map(opened));
    expect((await bench.http('/livez')).status).toBe(200);
    if (!trustForwarded) await bench.stop();
  }
});

test('no extension is negotiated, so nothing is inflated', async () => {
  bench = await startBench();
  const socket = new WebSocket(bench.gateway.url, 'parley.v1', { perMessageDeflate: true });
  await opened(socket);
  expect(socket.extensions).toBe('');
  const gone = closedWith(socket);
  socket.close();
  await gone;
});
