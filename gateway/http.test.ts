// The HTTP beside the sockets.
import { afterEach, expect, test } from 'vitest';
import { type HttpRoute, json } from './http.ts';
import { type Bench, startBench } from './testing/harness.ts';

let bench: Bench;
afterEach(() => bench?.stop());

test('a node is live, and ready when its parts are', async () => {
  let why: string | null = null;
  bench = await startBench({}, { health: { notReady: () => why } });
  expect((await bench.http('/livez')).status).toBe(200);
  expect((await bench.http('/readyz')).status).toBe(200);
  why = 'the store is slow';
  const answer = await bench.http('/readyz');
  expect([answer.status, await answer.text()]).toEqual([503, 'not ready: the store is slow\n']);
  expect((await bench.http('/livez')).status).toBe(200);
});

test('metrics are for this machine only, and not for what a proxy passes on', async () => {
  bench = await startBench();
  const answer = await bench.http('/metrics');
  expect([answer.status, await answer.text()]).toEqual([200, 'parley_up 1\n']);
  expect((await bench.http('/metrics', { 'X-Forwarded-For': '9.9.9.9' })).status).toBe(403);
  await bench.stop();
  bench = await startBench({ metricsFrom: 'any' });
  expect((await bench.http('/metrics', { 'X-Forwarded-For': '9.9.9.9' })).status).toBe(200);
});

test('the route names this node, by its public name if it has one, or the node of the user', async () => {
  bench = await startBench();
  const own = `127.0.0.1:${bench.gateway.port}`;
  expect(await (await bench.http('/v1/route')).json()).toEqual({ url: `ws://${own}/v1/connect`, node: 'n1' });
  await bench.stop();
  bench = await startBench(
    { publicUrl: 'wss://chat.example/' },
    { routeFor: (user) => (user === 'bob' ? 'wss://n2.chat.example' : null) },
  );
  expect(await (await bench.http('/v1/route?user=alice')).json()).toMatchObject({
    url: 'wss://chat.example/v1/connect',
  });
  expect(await (await bench.http('/v1/route?user=bob')).json()).toMatchObject({
    url: 'wss://n2.chat.example/v1/connect',
  });
});

test('routes can be added; one that throws is a 500 and no more', async () => {
  bench = await startBench(
    {},
    {
      routes: new Map<string, HttpRoute>([
        ['/v1/extra', (question) => json(200, { who: question.query.get('user') })],
        [
          '/v1/broken',
          () => {
            throw new Error('secret detail');
          },
        ],
      ]),
    },
  );
  expect(await (await bench.http('/v1/extra?user=a')).json()).toEqual({ who: 'a' });
  const broken = await bench.http('/v1/broken');
  expect(broken.status).toBe(500);
  expect(await broken.text()).not.toContain('secret');
});

test('what is not there, not GET, or not an upgrade is told so', async () => {
  bench = await startBench();
  expect((await bench.http('/nothing')).status).toBe(404);
  expect((await bench.http('/v1/connect')).status).toBe(426);
  const post = await fetch(`http://127.0.0.1:${bench.gateway.port}/livez`, { method: 'POST', body: 'x' });
  expect(post.status).toBe(405);
  const head = await fetch(`http://127.0.0.1:${bench.gateway.port}/livez`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('pages of an allowed origin may read answers, others may not; nothing is cached or sniffed', async () => {
  bench = await startBench();
  const allowed = await bench.http('/v1/route', { Origin: 'https://chat.example' });
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://chat.example');
  const foreign = await bench.http('/v1/route', { Origin: 'https://evil.example' });
  expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  expect(foreign.headers.get('cache-control')).toBe('no-store');
  expect(foreign.headers.get('x-content-type-options')).toBe('nosniff');
});

test('a port in use rejects with the code of the system', async () => {
  bench = await startBench();
  await expect(startBench({ port: bench.gateway.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
