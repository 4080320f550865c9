// What the server of the demo page gives away, and what it never does.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HttpQuestion, HttpRoute } from '../gateway/index.ts';
import { pageRoutes } from './dev-page.ts';

let dist: string;
beforeEach(() => {
  dist = mkdtempSync(join(tmpdir(), 'parley-page-'));
  const files = ['client/web/main.js', 'client/core/client.js', 'client/browser.js', 'protocol/ids.js'];
  const others = [
    'cli/main.js',
    'client/index.js',
    'client/node/file-store.js',
    'client/web/main.d.ts',
    'protocol/ids.js.map',
  ];
  for (const name of [...files, ...others]) {
    mkdirSync(join(dist, name, '..'), { recursive: true });
    writeFileSync(join(dist, name), `// ${name}`);
  }
});
afterEach(() => rmSync(dist, { recursive: true, force: true }));

const question = (path: string, headers: Record<string, string> = {}): HttpQuestion => ({
  method: 'GET',
  path,
  query: new URLSearchParams(),
  headers,
  source: '127.0.0.1',
  isLocal: true,
});
const ask = async (routes: ReadonlyMap<string, HttpRoute>, path: string, headers?: Record<string, string>) =>
  await routes.get(path)?.(question(path, headers));

test('there is a route for each module that a browser needs, and for nothing else', () => {
  expect([...pageRoutes('home', dist).keys()].sort()).toEqual([
    '/',
    '/web/client/browser.js',
    '/web/client/core/client.js',
    '/web/client/web/main.js',
    '/web/protocol/ids.js',
  ]);
});

test('the page names its server, and allows own scripts and sockets only', async () => {
  const page = await ask(pageRoutes('abc123', dist), '/');
  expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
  expect(String(page?.body)).toContain('<meta name="parley-home" content="abc123">');
  expect(String(page?.body)).toContain('<script type="module" src="/web/client/web/main.js"></script>');
  const policy = page?.headers?.['Content-Security-Policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|\*/);
});

test('a module comes with its type, and again only when it has changed', async () => {
  const routes = pageRoutes('home', dist);
  const path = '/web/protocol/ids.js';
  const first = await ask(routes, path);
  expect(first).toMatchObject({ status: 200, type: 'text/javascript; charset=utf-8' });
  const tag = first?.headers?.ETag ?? '';
  expect(await ask(routes, path, { 'if-none-match': `W/"x", ${tag}` })).toMatchObject({ status: 304, body: '' });
  writeFileSync(join(dist, 'protocol/ids.js'), '// built again');
  const second = await ask(routes, path, { 'if-none-match': tag });
  expect(second).toMatchObject({ status: 200 });
  expect(String(second?.body)).toBe('// built again');
  rmSync(join(dist, 'protocol/ids.js'));
  expect(await ask(routes, path)).toMatchObject({ status: 404 });
});

test('without a build the page says so', async () => {
  const page = await ask(pageRoutes('home', join(dist, 'nowhere')), '/');
  expect(String(page?.body)).toContain('npm run build');
  expect(String(page?.body)).not.toContain('<script');
});
