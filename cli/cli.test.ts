// The command line as its users meet it: what goes where, which exit code, which words. No process is started.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { decodeServerFrame, encodeFrame, OP } from '../protocol/index.ts';
import type { Io } from './command.ts';
import { COMMANDS } from './commands.ts';
import { run } from './run.ts';
import { readDuration } from './token.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'parley-cli-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

class TestIo implements Io {
  stdoutText = '';
  stderrText = '';
  readonly env: Record<string, string>;
  readonly colour = false;
  input = '';
  stop: (signal: string) => void = () => {};
  private readonly stopped = new Promise<string>((resolve) => {
    this.stop = resolve;
  });
  constructor(env: Record<string, string> = {}) {
    this.env = env;
  }
  out(text: string): void {
    this.stdoutText += text;
  }
  err(text: string): void {
    this.stderrText += text;
  }
  stdin = async () => this.input;
  stopAsked = () => this.stopped;
}

async function parley(argv: string[], env: Record<string, string> = {}, input = '') {
  const io = new TestIo(env);
  io.input = input;
  const exit = await run(COMMANDS, argv, io);
  return { exit, out: io.stdoutText, err: io.stderrText };
}
const secret = 's'.repeat(32);
/** Quiet, and not to be hurried by what else runs on this machine. */
const NODE_ENV = {
  PARLEY_LOG_LEVEL: 'silent',
  PARLEY_PRESSURE_MESSAGE_DELAY_MS: '60000',
  PARLEY_PRESSURE_SIGN_IN_DELAY_MS: '60000',
};

test('help is data; a wrong command is usage, on stderr', async () => {
  const help = await parley(['--help']);
  expect(help).toMatchObject({ exit: 0, err: '' });
  for (const command of COMMANDS) expect(help.out).toContain(command.name);
  const wrong = await parley(['sevre']);
  expect(wrong).toMatchObject({ exit: 64, out: '' });
  expect(wrong.err).toContain('Did you mean serve?');
  expect(await parley(['token', 'new'])).toMatchObject({ exit: 64, out: '' });
  expect(await parley(['version', '--nope'])).toMatchObject({ exit: 64 });
});

test('version is that of the package', async () => {
  expect((await parley(['version'])).out).toMatch(/^parley \d+\.\d+\.\d+\nnode v\d+/);
});

describe('config', () => {
  test('check prints what is in force without secrets', async () => {
    const file = join(dir, 'parley.json');
    writeFileSync(file, JSON.stringify({ gateway: { port: 9_000 } }));
    const checked = await parley(['config', 'check', '--config', file, '--set', 'log.level=debug'], {
      PARLEY_AUTH_SECRET: secret,
    });
    expect(checked.exit).toBe(0);
    expect(JSON.parse(checked.out)).toMatchObject({
      gateway: { port: 9_000 },
      log: { level: 'debug' },
      auth: { secret: '(set)' },
    });
    expect(checked.out + checked.err).not.toContain(secret);
  });

  test('check tells every problem with its path, and exits with 78', async () => {
    const checked = await parley(['config', 'check', '--port', 'x', '--set', 'log.level=loud'], {
      PARLEY_NODE_STOP_MS: '-1',
    });
    expect(checked.exit).toBe(78);
    for (const path of ['gateway.port', 'log.level', 'node.stopMs']) expect(checked.err).toContain(path);
    expect(checked.err).toContain('PARLEY_NODE_STOP_MS');
  });

  test('a file that is not there, and a malformed --set', async () => {
    expect(await parley(['config', 'check', '--config', join(dir, 'no.json')])).toMatchObject({ exit: 78 });
    expect(await parley(['config', 'check', '--set', 'port'])).toMatchObject({ exit: 64 });
  });

  test('doc lists every option, for people and for programs', async () => {
    const json = JSON.parse((await parley(['config', 'doc', '-o', 'json'])).out) as { options: { path: string }[] };
    const markdown = (await parley(['config', 'doc'])).out;
    for (const { path } of json.options) expect(markdown).toContain(`\`${path}\``);
    expect(await parley(['config', 'doc', '-o', 'xml'])).toMatchObject({ exit: 64 });
  });
});

describe('token', () => {
  const env = { PARLEY_AUTH_SECRET: secret };

  test('what new prints, verify reads: as an argument or from stdin', async () => {
    const made = await parley(['token', 'new', '--user', 'alice', '--device', 'phone', '--ttl', '15m'], env);
    expect(made.exit).toBe(0);
    expect(made.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const read = await parley(['token', 'verify', made.out.trim()], env);
    expect(JSON.parse(read.out)).toMatchObject({ user: 'alice', device: 'phone' });
    expect((await parley(['token', 'verify'], env, made.out)).exit).toBe(0);
  });

  test('a refused token is 77; no key is 78; a bad user or duration is 64', async () => {
    expect(await parley(['token', 'verify', 'a.b.c'], env)).toMatchObject({ exit: 77, out: '' });
    expect(await parley(['token', 'new', '--user', 'alice', '--data', dir])).toMatchObject({ exit: 78, out: '' });
    expect(await parley(['token', 'new', '--user', 'a b'], env)).toMatchObject({ exit: 64, out: '' });
    expect(await parley(['token', 'new', '--user', 'a', '--ttl', '1y'], env)).toMatchObject({ exit: 64, out: '' });
  });

  test('durations', () => {
    expect([readDuration('90s'), readDuration('15m'), readDuration('12h'), readDuration('30d')]).toEqual([
      90, 900, 43_200, 2_592_000,
    ]);
    for (const wrong of ['', '1', 'h', '0s', '-1s', '999d', '1.5h'])
      expect(() => readDuration(wrong)).toThrow('duration');
  });
});

describe('serve', () => {
  test('does not start without a real key', async () => {
    expect(await parley(['serve', '--data', dir, '--port', '0'])).toMatchObject({ exit: 78, out: '' });
    const demo = await parley(['serve', '--data', dir], { PARLEY_AUTH_SECRET: `parley-demo-${secret}` });
    expect([demo.exit, demo.err.includes('demo key')]).toEqual([78, true]);
    const short = await parley(['serve', '--data', dir], { PARLEY_AUTH_SECRET: 'short' });
    expect([short.exit, short.err.includes('32 bytes')]).toEqual([78, true]);
  });

  test('says so when its data directory cannot be used', async () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const served = await parley(['serve', '--data', file, '--port', '0'], { PARLEY_AUTH_SECRET: secret });
    expect([served.exit, served.err.includes('--data')]).toEqual([78, true]);
  });

  test('runs until it is asked to stop', async () => {
    const io = new TestIo({ ...NODE_ENV, PARLEY_AUTH_SECRET: secret });
    const exit = run(COMMANDS, ['serve', '--data', dir, '--port', '0'], io);
    await expect.poll(() => io.stderrText, { timeout: 10_000 }).toContain('ready on ws://127.0.0.1:');
    expect(io.stdoutText).toBe('');
    io.stop('SIGTERM');
    expect(await exit).toBe(0);
  });
});

describe('dev', () => {
  test('says what to type next, warns, hands out tokens that work, and says goodbye to its clients', async () => {
    const io = new TestIo(NODE_ENV);
    const exit = run(COMMANDS, ['dev', '--data', dir, '--port', '0'], io);
    await expect.poll(() => io.stdoutText, { timeout: 10_000 }).toContain('parley chat --as bob');
    expect(io.stdoutText).toContain('DEMO IDENTITIES');
    const port = /sockets at ws:\/\/localhost:(\d+)/.exec(io.stdoutText)?.[1];
    const answer = await fetch(`http://127.0.0.1:${port}/v1/dev/token?user=alice`);
    const { token } = (await answer.json()) as { token: string };
    expect((await fetch(`http://127.0.0.1:${port}/v1/dev/token?user=a%20b`)).status).toBe(400);

    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/connect`, 'parley.v1');
    const ops: number[] = [];
    socket.on('message', (data: Buffer) => ops.push(decodeServerFrame(data).op));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(encodeFrame({ op: OP.HELLO, version: 1, token, device: 'web', agent: 'test', sync: null, known: [] }));
    await expect.poll(() => ops, { timeout: 10_000 }).toContain(OP.WELCOME);
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    io.stop('SIGINT');
    expect(await exit).toBe(0);
    expect(await closed).toBe(4000);
    expect(ops).toContain(OP.GO_AWAY);
  });

  test('a page that rebound its name gets no token', async () => {
    const io = new TestIo(NODE_ENV);
    const exit = run(COMMANDS, ['dev', '--data', dir, '--port', '0'], io);
    await expect.poll(() => io.stdoutText, { timeout: 10_000 }).toContain('parley chat');
    const port = Number(/sockets at ws:\/\/localhost:(\d+)/.exec(io.stdoutText)?.[1]);
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      request(
        { port, host: '127.0.0.1', path: '/v1/dev/token?user=alice', headers: { Host: 'evil.example' } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      ).end();
    });
    expect(status).toBe(403);
    io.stop('SIGINT');
    await exit;
  });

  test('a port in use is told, with what to do, before the store is touched', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const port = String((other.address() as { port: number }).port);
    const started = await parley(['dev', '--data', dir, '--port', port]);
    expect(started).toMatchObject({ exit: 78, out: '' });
    expect(started.err).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(started.err).toContain('--port');
    other.close();
  });

  test('the demo key stays with its data directory, and serves token new', async () => {
    const other = await parley(['dev', '--data', dir, '--host', '203.0.113.1']);
    expect(other.exit).toBe(78);
    const made = await parley(['token', 'new', '--user', 'alice', '--data', dir]);
    expect(made.err).toContain('demo key');
    expect((await parley(['token', 'verify', made.out.trim(), '--data', dir])).exit).toBe(0);
  });
});
