// Each way in which the proxy fails, and that healing brings back every byte in its order.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

const SILENCE_MS = 150;

let echo: Server;
let arrived = 0;
let proxy: TcpProxy;
const open = new Set<Socket>();

beforeEach(async () => {
  arrived = 0;
  echo = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      arrived += chunk.length;
      socket.write(chunk);
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await TcpProxy.open({ host: '127.0.0.1', port: address.port });
});

afterEach(async () => {
  await proxy.close();
  for (const socket of open) socket.destroy();
  open.clear();
  await new Promise((resolve) => echo.close(resolve));
});

interface Client {
  readonly socket: Socket;
  readonly got: () => string;
  readonly broken: () => string | null;
}

async function client(): Promise<Client> {
  const socket = connect(proxy.port, proxy.host);
  open.add(socket);
  let got = '';
  let broken: string | null = null;
  socket.setEncoding('utf8').on('data', (words) => {
    got += words;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    broken = error.code ?? error.message;
  });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return { socket, got: () => got, broken: () => broken };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('what goes in comes out, both ways, to the end of the stream', async () => {
  const { socket, got } = await client();
  const words = 'x'.repeat(300_000);
  socket.end(words);
  await expect.poll(got).toHaveLength(words.length);
  await expect.poll(() => proxy.connections).toBe(0);
});

test('a cut is silence: sockets stay, and after healing nothing is missing', async () => {
  const { socket, got, broken } = await client();
  socket.write('before ');
  await expect.poll(got).toBe('before ');
  proxy.cut();
  socket.write('during ');
  await pause(SILENCE_MS);
  expect([got(), broken(), arrived]).toEqual(['before ', null, 7]);
  await proxy.heal();
  socket.write('after');
  await expect.poll(got).toBe('before during after');
});

test('a cut of one way lets the other through', async () => {
  const { socket, got } = await client();
  proxy.cut('toClient');
  socket.write('heard');
  await expect.poll(() => arrived).toBe(5);
  await pause(SILENCE_MS);
  expect(got()).toBe('');
  await proxy.heal();
  await expect.poll(got).toBe('heard');
});

test('who connects during a cut is taken, hears nothing, and is served after healing', async () => {
  proxy.cut();
  const { socket, got } = await client();
  socket.write('hello');
  await pause(SILENCE_MS);
  expect(arrived).toBe(0);
  await proxy.heal();
  await expect.poll(got).toBe('hello');
});

test('the end of a peer is not heard through a cut', async () => {
  const { socket, got } = await client();
  let ended = false;
  socket.on('close', () => {
    ended = true;
  });
  socket.write('x');
  await expect.poll(got).toBe('x');
  proxy.cut();
  for (const other of open) if (other !== socket) other.destroy();
  await pause(SILENCE_MS);
  expect(ended).toBe(false);
  await proxy.heal();
  await expect.poll(() => ended).toBe(true);
});

test('a reset breaks what is open, and only that', async () => {
  const first = await client();
  first.socket.write('x');
  await expect.poll(first.got).toBe('x');
  proxy.reset();
  await expect.poll(first.broken).toBe('ECONNRESET');
  const second = await client();
  second.socket.write('y');
  await expect.poll(second.got).toBe('y');
});

test('refusing turns away what is new; what is open goes on; healing takes the same port', async () => {
  const { port } = proxy;
  const { socket, got } = await client();
  await proxy.refuse();
  await expect(client()).rejects.toThrow(/ECONNREFUSED/);
  socket.write('still here');
  await expect.poll(got).toBe('still here');
  await proxy.heal();
  expect(proxy.port).toBe(port);
  await expect(client()).resolves.toBeDefined();
});

test('a delay holds every byte, keeps the order, and ends with healing', async () => {
  const { socket, got } = await client();
  proxy.delay(100);
  const began = performance.now();
  socket.write('late');
  await expect.poll(got, { interval: 5 }).toBe('late');
  // Once on the way there, once on the way back; timers may be a millisecond early.
  expect(performance.now() - began).toBeGreaterThan(198);
  proxy.delay(60_000);
  socket.write(' later');
  await pause(SILENCE_MS);
  expect(got()).toBe('late');
  await proxy.heal();
  socket.write(' now');
  await expect.poll(got).toBe('late later now');
});

test('a target that is not there breaks the connection', async () => {
  await new Promise((resolve) => echo.close(resolve));
  const { broken } = await client();
  await expect.poll(broken).toBe('ECONNRESET');
  expect(proxy.connections).toBe(0);
  echo.listen(0, '127.0.0.1');
});

test('during a cut the sender is held up, not the memory of the proxy', async () => {
  const { socket } = await client();
  proxy.cut('toTarget');
  const megabyte = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < 32; sent += 1) socket.write(megabyte);
  await pause(SILENCE_MS);
  expect(arrived).toBe(0);
  // The rest waits with the sender, but for what two sockets of the system hold.
  expect(socket.writableLength).toBeGreaterThan(16 * 1024 * 1024);
});
