// Where a terminal keeps its device and outbox: a folder for each server, user and device, held by one terminal at a time. Several
// terminals of one user take different devices by themselves; the next one to start takes over a free one with its outbox.
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileStore, type OutboxStore, type StoredMessage } from '../client/index.ts';
import { CommandError, EXIT } from './command.ts';

export interface DeviceHome {
  readonly device: string;
  readonly store: OutboxStore;
  /** What an earlier terminal left unsent, known once the store is loaded. */
  unsent(): readonly StoredMessage[];
  /** Messages that wait in other free folders of this user: they go out when a terminal opens those. */
  readonly elsewhere: number;
  /** The chat that was open when the last terminal of this user closed. */
  lastChat(): string | null;
  keepLastChat(chat: string): void;
  release(): void;
}

export function defaultDataDir(env: Readonly<Record<string, string | undefined>>): string {
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, 'parley');
  return join(env.HOME || homedir(), '.parley');
}

/** Claims the device of that name, or any free one, or makes one. */
export function openHome(dataDir: string, server: string, user: string, device: string | null): DeviceHome {
  const folder = join(dataDir, 'chat', folderName(server), folderName(user));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown';
    throw new CommandError(EXIT.config, `the data directory cannot be used: ${why}`, 'Choose another with --data DIR.');
  }
  if (device !== null) {
    const claimed = claim(folder, device);
    if (claimed === null)
      throw new CommandError(
        EXIT.config,
        `device ${device} is in use by another terminal`,
        'Leave --device out to get a free one.',
      );
    return homeOf(folder, device, 0);
  }
  const free = devicesIn(folder).filter((name) => claim(folder, name) !== null);
  const waiting = new Map(free.map((name) => [name, waitingIn(folder, name)]));
  // The one with unsent messages first: they must not wait for a second terminal.
  const chosen = [...free].sort((a, b) => Number((waiting.get(b) ?? 0) > 0) - Number((waiting.get(a) ?? 0) > 0))[0];
  let elsewhere = 0;
  for (const name of free) {
    if (name === chosen) continue;
    elsewhere += waiting.get(name) ?? 0;
    release(folder, name);
  }
  if (chosen !== undefined) return homeOf(folder, chosen, elsewhere);
  const fresh = `term-${randomBytes(4).toString('hex')}`;
  claim(folder, fresh);
  return homeOf(folder, fresh, elsewhere);
}

/** Any id as a name of a folder: dots and capitals are escaped, for `..` and for disks that know no case. */
function folderName(id: string): string {
  return id.replace(/[^a-z0-9_-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
const deviceOf = (name: string): string =>
  name.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

function devicesIn(folder: string): string[] {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.map(({ name }) => deviceOf(name)).sort((a, b) => madeAt(folder, a) - madeAt(folder, b));
}
const madeAt = (folder: string, device: string): number => statSync(join(folder, folderName(device))).birthtimeMs;

function waitingIn(folder: string, device: string): number {
  try {
    const store = fileStore(outboxOf(folder, device));
    const waiting = store.load();
    void store.close();
    return 'messages' in waiting ? waiting.messages.size : 0;
  } catch {
    return 0; // it is told of when it is opened
  }
}
const outboxOf = (folder: string, device: string): string => join(folder, folderName(device), 'outbox');
const lockOf = (folder: string, device: string): string => join(folder, folderName(device), 'lock');

/** Locks that this process holds. */
const held = new Set<string>();

/** A lock file with the process in it. One whose process is gone is taken over: moved aside first, so that only one takes it. */
function claim(folder: string, device: string): true | null {
  const lock = lockOf(folder, device);
  mkdirSync(join(folder, folderName(device)), { recursive: true, mode: 0o700 });
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(lock, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      held.add(lock);
      return true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = holderOf(lock);
    if (holder !== null && lives(holder, lock)) return null;
    steal(lock, holder);
  }
  return null;
}

function steal(lock: string, gone: number | null): void {
  const aside = `${lock}.${process.pid}`;
  try {
    renameSync(lock, aside);
    // Somebody was faster, and what was moved is theirs: it goes back.
    if (holderOf(aside) !== gone) linkSync(aside, lock);
    rmSync(aside, { force: true });
  } catch {
    // Gone already: try again.
  }
}

function holderOf(lock: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10);
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
/** In a container every run may have the same number: our own number on a lock that we do not hold is of an earlier life. */
function lives(pid: number, lock: string): boolean {
  if (pid === process.pid) return held.has(lock);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null);

function release(folder: string, device: string): void {
  const lock = lockOf(folder, device);
  if (held.delete(lock)) rmSync(lock, { force: true });
}

function homeOf(folder: string, device: string, elsewhere: number): DeviceHome {
  const store = fileStore(outboxOf(folder, device));
  const lastChat = join(folder, 'last-chat');
  let unsent: readonly StoredMessage[] = [];
  return {
    device,
    elsewhere,
    unsent: () => unsent,
    store: {
      load: () => {
        const stored = store.load();
        if ('messages' in stored) unsent = [...stored.messages.values()];
        return stored;
      },
      save: (changes) => store.save(changes),
      flush: () => store.flush(),
      close: () => store.close(),
    },
    lastChat: () => {
      try {
        return readFileSync(lastChat, 'utf8').trim() || null;
      } catch {
        return null;
      }
    },
    keepLastChat: (chat) => {
      try {
        writeFileSync(lastChat, `${chat}\n`, { mode: 0o600 });
      } catch {
        // A convenience only.
      }
    },
    release: () => release(folder, device),
  };
}
