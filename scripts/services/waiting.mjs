// Waiting with a limit, and ports to wait for. Nothing here waits for ever, and what was waited for is named when the limit is reached.
import { createConnection, createServer } from 'node:net';

const POLL_MS = 50;
const PORT_TRIES_MAX = 200;
/** Below the ports that systems lend to outgoing connections, so that a server that was killed finds its port free when it comes back. */
const PORTS_FROM = 18_000;
const PORTS_COUNT = 12_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Until `check` gives something true; an error thrown by it is a no, and the last one is told. */
export async function waitFor(check, { limitMs, what }) {
  const limit = Date.now() + limitMs;
  let last = '';
  while (true) {
    try {
      const found = await check();
      if (found) return found;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error instanceof Error ? `: ${error.message}` : '';
    }
    if (Date.now() > limit) throw new Error(`${what}: not within ${Math.round(limitMs / 1_000)} s${last}`);
    await sleep(POLL_MS);
  }
}

/** Thrown by a check when more waiting cannot help. */
export class Hopeless extends Error {}

/** Different ports, each free on all the addresses. */
export async function freePorts(count, hosts = ['127.0.0.1']) {
  const found = new Set();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > PORT_TRIES_MAX) throw new Error(`no ${count} free ports from ${PORTS_FROM} on`);
    const port = PORTS_FROM + Math.floor(Math.random() * PORTS_COUNT);
    const free = await Promise.all(hosts.map((host) => isFree(host, port)));
    if (free.every(Boolean)) found.add(port);
  }
  return [...found];
}

export function isFree(host, port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Sends the bytes and gives what `parse` makes of all that came so far, once that is not undefined. One question, one connection. */
export function ask(host, port, bytes, parse, limitMs = 2_000) {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const socket = createConnection({ host, port });
    const fail = (error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(limitMs, () => fail(new Error(`no answer on port ${port}`)));
    socket.once('error', fail);
    socket.once('close', () => reject(new Error(`port ${port} closed the connection`)));
    socket.once('connect', () => socket.write(bytes));
    socket.on('data', (data) => {
      got = Buffer.concat([got, data]);
      const answer = parse(got, socket);
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    });
  });
}

/** A JSON answer to an HTTP GET on loopback. */
export async function getJson(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  return body;
}
