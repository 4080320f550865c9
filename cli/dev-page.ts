// The demo page of `parley dev`: what tsc made of client/ and protocol/, served as the modules that they are. Each file has a route
// of its own, listed when the server starts: nothing that a request says ever becomes part of a path on the disk.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HttpAnswer, type HttpQuestion, type HttpRoute, text } from '../gateway/index.ts';

const PREFIX = '/web';
/** What a browser needs of dist/, and nothing else of it. */
const FOLDERS = ['client/web', 'client/web/view', 'client/view', 'client/core', 'client/browser', 'protocol'] as const;
const FILES = ['client/browser.js', 'client/platform.js'] as const;
const MAIN = `${PREFIX}/client/web/main.js`;

/**
 * Own scripts, own sockets, and nothing else: no inline code, no markup made from strings. The page's style is a constructed sheet,
 * so that not even style needs a permission.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "trusted-types 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const ICON =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><path fill='%230b7a5f' " +
  "d='M6 4h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H14l-8 6v-6a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z'/></svg>";

/** `home` names this server's data: a browser that was here before must not take new chats for those that it knew. */
export function pageRoutes(home: string, dist: string = builtFolder()): Map<string, HttpRoute> {
  const routes = new Map<string, HttpRoute>();
  const modules = modulesIn(dist);
  const page = pageOf(home, modules.includes('client/web/main.js'));
  routes.set('/', (question) => cached(question, Buffer.from(page), 'text/html; charset=utf-8'));
  for (const name of modules) routes.set(`${PREFIX}/${name}`, (question) => moduleAnswer(question, join(dist, name)));
  return routes;
}

/** This file is in dist/cli, or in cli/ when the source itself runs. */
function builtFolder(): string {
  const above = fileURLToPath(new URL('..', import.meta.url));
  return existsSync(join(above, 'client/browser.js')) ? above : join(above, 'dist');
}

function modulesIn(dist: string): string[] {
  const inFolders = FOLDERS.flatMap((folder) => {
    const path = join(dist, folder);
    const names = existsSync(path) ? readdirSync(path) : [];
    return names.filter((name) => /^[a-z0-9-]+\.js$/.test(name)).map((name) => `${folder}/${name}`);
  });
  return [...inFolders, ...FILES.filter((name) => existsSync(join(dist, name)))];
}

function pageOf(home: string, isBuilt: boolean): string {
  const lines = [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">',
    '<meta name="color-scheme" content="light dark">',
    `<meta name="parley-home" content="${home}">`,
    '<title>Parley</title>',
    `<link rel="icon" href="${ICON}">`,
    ...(isBuilt
      ? [`<script type="module" src="${MAIN}"></script>`]
      : ['<p>Not built: run <code>npm run build</code>.</p>']),
    '<noscript>This chat is a program in your browser: please allow scripts for it.</noscript>',
    '</html>',
  ];
  return `${lines.join('\n')}\n`;
}

function moduleAnswer(question: HttpQuestion, path: string): HttpAnswer {
  let body: Buffer;
  try {
    body = readFileSync(path);
  } catch {
    return text(404, 'Gone since the server started: start it again.');
  }
  return cached(question, body, 'text/javascript; charset=utf-8');
}

/** Asked for each time, sent only when it changed: a rebuild is seen at the next reload. */
function cached(question: HttpQuestion, body: Buffer, type: string): HttpAnswer {
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const headers = {
    ETag: tag,
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': POLICY,
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
  };
  const known = (question.headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(tag) ? { status: 304, body: '', type, headers } : { status: 200, body, type, headers };
}
