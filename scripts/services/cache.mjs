// The per-user cache of what was fetched: one folder for each thing and version, filled beside its place and renamed into it, so that
// it is either whole or not there. A lock keeps two runs from fetching the same at once.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { identityOf, isAlive } from './processes.mjs';
import { sleep } from './waiting.mjs';

const LOCK_POLL_MS = 200;
const LOCK_LIMIT_MS = 20 * 60_000;

export function cacheFolder() {
  const own = process.env.PARLEY_SERVICES_CACHE;
  if (own !== undefined && own !== '') return own;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'parley-services');
}

export const inCache = (name) => join(cacheFolder(), name);

/** The folder `name` of the cache; when it is not there, `fill` fills an empty one, which then takes its place. */
export async function cached(name, fill) {
  const place = inCache(name);
  if (existsSync(place)) return place;
  return await withLock(`${place}.lock`, async () => {
    if (existsSync(place)) return place;
    const draft = mkdtempSync(`${place}.draft-`);
    try {
      await fill(draft);
      renameSync(draft, place);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    return place;
  });
}

/** One at a time over all processes of this machine. A lock whose holder is dead is taken over. */
export async function withLock(path, work, limitMs = LOCK_LIMIT_MS) {
  mkdirSync(dirname(path), { recursive: true });
  const me = { pid: process.pid, identity: identityOf(process.pid) };
  const limit = Date.now() + limitMs;
  while (!tryLock(path, me)) {
    if (Date.now() > limit) throw new Error(`waited too long for ${path}; remove it if nobody holds it`);
    await sleep(LOCK_POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path, me) {
  try {
    writeFileSync(path, JSON.stringify(me), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const holder = holderOf(path);
  // Two that find the same dead holder could both get in. What the lock guards stands that: it only saves work that would be done twice.
  if (holder !== 'unknown' && !isAlive(holder)) rmSync(path, { force: true });
  return false;
}

function holderOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Gone by now, or not yet written to its end.
    return 'unknown';
  }
}
