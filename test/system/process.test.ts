// `parley` as a process: what signals do to it, and what a crash of it leaves. Needs dist/, which `npm test` builds first.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { decodeServerFrame, directChatId, encodeFrame, OP, type ServerFrame } from '../../protocol/index.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const LONG = { timeout: 20_000 };
/** What else runs on this machine shall not make the node refuse. */
const CALM = ['--set', 'pressure.signInDelayMs=60000', '--set', 'pressure.messageDelayMs=60000'];
let dir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'parley-process-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function startDev(): Promise<{ child: ChildProcess; port: string; output: () => string }> {
  const child = spawn(process.execPath, [MAIN, 'dev', '--data', dir, '--port', '0', ...CALM], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  await expect.poll(() => text, { timeout: 30_000 }).toContain('parley chat --as bob');
  const port = /sockets at ws:\/\/localhost:(\d+)/.exec(text)?.[1];
  if (port === undefined) throw new Error(text);
  return { child, port, output: () => text };
}

interface Person {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[];
  send(frame: Parameters<typeof encodeFrame>[0]): void;
}
async function signIn(port: string, user: string): Promise<Person> {
  const { token } = (await (await fetch(`http://127.0.0.1:${port}/v1/dev/token?user=${user}`)).json()) as {
    token: string;
  };
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/connect`, 'parley.v1');
  const frames: ServerFrame[] = [];
  socket.on('error', () => {});
  socket.on('message', (data: Buffer) => frames.push(decodeServerFrame(data)));
  await once(socket, 'open');
  const send = (frame: Parameters<typeof encodeFrame>[0]) => socket.send(encodeFrame(frame));
  send({ op: OP.HELLO, version: 1, token, device: 'web', agent: 'test', sync: null, known: [] });
  await expect.poll(() => frames.map((frame) => frame.op), LONG).toContain(OP.WELCOME);
  return { socket, frames, send };
}
/** Ids of the messages of a chat, read page by page. Stops at the end of the chat. */
async function readHistory(person: Person, chat: string, atLeast: number): Promise<string[]> {
  const ids: string[] = [];
  for (let from = 1, more = true, ref = 10; more && ids.length < atLeast + 10; ref++) {
    person.send({ op: OP.HISTORY, ref, chat, from, limit: 50, back: false });
    const page = () => person.frames.find((frame) => frame.op === OP.HISTORY_PAGE && frame.ref === ref);
    await expect.poll(page, LONG).toBeDefined();
    const found = page();
    if (found?.op !== OP.HISTORY_PAGE) throw new Error('no page');
    for (const entry of found.entries.map(decodeServerFrame)) {
      if (entry.op === OP.RECEIVE_MESSAGE && entry.type === 0) ids.push(entry.id);
    }
    from = found.to + 1;
    more = found.more;
  }
  return ids;
}
const textTo = (chat: string, id: string) => ({
  op: OP.SEND_MESSAGE,
  chat,
  id,
  type: 0,
  body: Buffer.from(id),
  about: null,
  after: null,
  retry: false,
});

test('the program may be run as a file', () => {
  accessSync(MAIN, constants.X_OK);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: clients are told to come back, the process ends with 0`, async () => {
    const { child, port } = await startDev();
    const alice = await signIn(port, 'alice');
    const closed = once(alice.socket, 'close');
    const exited = once(child, 'exit');
    child.kill(signal);
    expect((await closed)[0]).toBe(4000);
    expect(alice.frames.map((frame) => frame.op)).toContain(OP.GO_AWAY);
    expect(await exited).toEqual([0, null]);
  });
}

test('a second signal ends it at once, clients or not', async () => {
  const { child, port, output } = await startDev();
  const { socket } = await signIn(port, 'alice');
  socket.pause(); // never answers the close handshake
  child.kill('SIGTERM');
  await expect.poll(output, { timeout: 5_000 }).toContain('again to end at once');
  const exited = once(child, 'exit');
  // One press of Ctrl-C may arrive twice, so the second counts half a second after the first.
  const again = setInterval(() => child.kill('SIGTERM'), 100);
  expect(await exited).toEqual([143, null]);
  clearInterval(again);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`what was acknowledged before a ${signal} is there after it`, async () => {
    const first = await startDev();
    const alice = await signIn(first.port, 'alice');
    const chat = directChatId('alice', 'bob');
    alice.send({ op: OP.CREATE_CHAT, ref: 1, kind: 0, id: 'c1', members: ['bob'], title: '' });
    await expect.poll(() => alice.frames.some((frame) => frame.op === OP.OK), LONG).toBe(true);
    for (let n = 0; n < 100; n++) alice.send(textTo(chat, `m${n}`));
    const acked = () => alice.frames.filter((frame) => frame.op === OP.SENT).map((frame) => frame.id);
    await expect.poll(() => acked().length, LONG).toBeGreaterThan(30);
    first.child.kill(signal);
    await once(first.child, 'exit');
    const promised = acked();

    const second = await startDev();
    const bob = await signIn(second.port, 'bob');
    expect(await readHistory(bob, chat, promised.length)).toEqual(expect.arrayContaining(promised));
  });
}
