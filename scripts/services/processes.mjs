// Processes that outlive us, and how to be sure that one is still the one that we started: a pid alone may by now be somebody else's,
// so each is remembered with the moment it began. Knows nothing of what the processes serve.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { sleep } from './waiting.mjs';

const POLL_MS = 20;
/** A Cassandra that flushes on a busy machine needs a good part of it. */
const STOP_LIMIT_MS = 30_000;
const KILL_LIMIT_MS = 10_000;
const PAUSE_LIMIT_MS = 2_000;

/** What tells this process from a later one with the same pid; null when it is gone, or dead and not yet collected. */
export function identityOf(pid) {
  if (!existsSync('/proc/self/stat')) return identityByPs(pid);
  try {
    // The name stands in brackets and may hold blanks and brackets of its own, so fields are counted from its end.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return null;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${fields[18]}`;
  } catch {
    return null;
  }
}

function identityByPs(pid) {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  if (status !== 0 || stdout.trim() === '' || stdout.trim().startsWith('Z')) return null;
  return stdout.trim().split(/\s+/).slice(1).join(' ');
}

export const isAlive = (known) => known !== null && identityOf(known.pid) === known.identity;

/** In a session of its own, so that a Ctrl-C meant for us does not reach it before we have ended it in order. */
export async function launch(program, args, { cwd, env, log }) {
  const file = openSync(log, 'a');
  try {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', file, file] });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.on('error', () => {});
    child.unref();
    // One that is dead already has no identity: an impossible one makes it count as dead, and its log says why.
    return { pid: child.pid, identity: identityOf(child.pid) ?? 'never seen alive', startedMs: Date.now() };
  } finally {
    closeSync(file);
  }
}

/** False when it is not (or no longer) the process we started; then nothing is sent to anyone. */
export function signalTo(known, signal) {
  if (!isAlive(known)) return false;
  try {
    process.kill(known.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** As `signalTo` with SIGSTOP, and waits until each of its threads stands still: those that run on another core answer on for a moment. */
export function pause(known) {
  if (!signalTo(known, 'SIGSTOP')) return false;
  const idle = new Int32Array(new SharedArrayBuffer(4));
  const end = Date.now() + PAUSE_LIMIT_MS;
  while (runs(known.pid) && Date.now() < end) Atomics.wait(idle, 0, 0, 1);
  return true;
}

/** Whether any of its threads does. Where there is no /proc, none is known to. */
function runs(pid) {
  const tasks = `/proc/${pid}/task`;
  return existsSync(tasks) && readdirSync(tasks).some((task) => !isStopped(`${tasks}/${task}/stat`));
}

function isStopped(file) {
  try {
    const stat = readFileSync(file, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] === 'T';
  } catch {
    return true; // it has ended meanwhile
  }
}

/** Resolves when it is gone. One that does not heed the signal within the limit is killed. */
export async function end(known, signal = 'SIGTERM', limitMs = STOP_LIMIT_MS) {
  if (!signalTo(known, signal)) return;
  // A process that was paused would hear the signal only when somebody wakes it.
  signalTo(known, 'SIGCONT');
  if (await gone(known, limitMs)) return;
  signalTo(known, 'SIGKILL');
  if (!(await gone(known, KILL_LIMIT_MS))) throw new Error(`process ${known.pid} does not end, not even by SIGKILL`);
}

async function gone(known, limitMs) {
  const limit = Date.now() + limitMs;
  while (isAlive(known)) {
    if (Date.now() > limit) return false;
    await sleep(POLL_MS);
  }
  return true;
}
