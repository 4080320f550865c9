// Servers end with who asked for them, however that one ends, and nobody else's process is ever touched.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { RUN_VARIABLE, startRedis } from '#services';
import { describeUnless } from './describe-unless.ts';
import { sharedRedis, theServers, whyNot, whyNotOurs } from './servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const redis = await sharedRedis();

interface Told {
  readonly pid: number;
  readonly folder: string;
}

/** A process that starts a Redis of its own, tells of it, and then does what `last` says. */
function owner(last: string): { readonly child: ChildProcess; readonly told: Promise<Told> } {
  const words = `
    import { startRedis } from '#services';
    const { nodes: [{ pid, folder }] } = await startRedis();
    console.log(JSON.stringify({ pid, folder }));
    ${last}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', words], {
    cwd: ROOT,
    env: { ...process.env, [RUN_VARIABLE]: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = new Promise<Told>((resolve, reject) => {
    child.stdout?.once('data', (data) => resolve(JSON.parse(String(data)) as Told));
    child.once('exit', () => reject(new Error('it ended without a word')));
  });
  return { child, told };
}

function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const noProc = existsSync('/proc/self/stat') ? null : 'no /proc says here which processes there are';
describeUnless(whyNotOurs(redis) ?? noProc, 'the end', () => {
  test.each([
    ['by SIGKILL', 'setInterval(() => {}, 1000);', (child: ChildProcess) => child.kill('SIGKILL')],
    ['by an exit without a word of stopping', 'process.exit(3);', () => {}],
  ])('of the owner, %s, is the end of its servers and of their folders', async (_how, last, act) => {
    const { child, told } = owner(last);
    const { pid, folder } = await told;
    act(child);
    await expect.poll(() => isThere(pid), { timeout: 10_000 }).toBe(false);
    // The folder of the run, with all that was in it.
    await expect.poll(() => existsSync(dirname(dirname(folder))), { timeout: 10_000 }).toBe(false);
  });

  test('a pid that has become somebody else is left alone', async () => {
    const own = theServers(await startRedis());
    const [node] = own.nodes;
    if (node === undefined) throw new Error('no node');
    const file = join(node.folder, 'service.json');
    const known = JSON.parse(readFileSync(file, 'utf8')) as { process: { pid: number; identity: string } };
    const { pid } = known.process;
    // As when the pid was given away again: the same number, begun at another moment.
    writeFileSync(file, JSON.stringify({ ...known, process: { pid, identity: 'another' } }));
    expect(node.running).toBe(false);
    await own.kill();
    expect(isThere(pid)).toBe(true);
    writeFileSync(file, JSON.stringify(known));
    await own.dispose();
    expect(isThere(pid)).toBe(false);
  });

  test('a start that fails names the log and says what stands in it', async () => {
    const own = theServers(await startRedis());
    const [node] = own.nodes;
    if (node === undefined) throw new Error('no node');
    await own.stop();
    const thief = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => thief.listen(node.port, node.host, resolve));
    await expect(own.start()).rejects.toThrow(/output\.log[\s\S]*in use/);
    await new Promise((resolve) => thief.close(resolve));
    await own.start();
    await own.dispose();
  });
});

test('a server that was given is used and never stopped', async (context) => {
  const why = whyNot(redis);
  if (why !== null) return context.skip(why);
  const there = theServers(redis);
  const words = `
    import { startRedis } from '#services';
    const redis = await startRedis();
    await redis.dispose();
    console.log(redis.given, redis.url, await redis.kill().catch((error) => error.message));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', words], {
    cwd: ROOT,
    env: { ...process.env, PARLEY_TEST_REDIS: there.addresses[0] },
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (more) => {
    said += more;
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(said).toContain(`true redis://${there.addresses[0]}`);
  expect(said).toContain('not ours to stop');
});
