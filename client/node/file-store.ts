// A store in one file: a journal of changes, one line each, that is rewritten when it is mostly history. `save` hands the lines to
// the operating system at once, so that they survive the death of the process; `flush` waits for the disk, one fsync for all that
// wait. A torn last line is what a crash left: it was never promised, and is cut off.
import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import {
  applyChange,
  changesOf,
  copyOf,
  emptyStored,
  type OutboxStore,
  type StoreChange,
  type Stored,
} from '../core/store.ts';

const FORMAT = 'parley-outbox 1';
/** The journal is rewritten when it is over this size and over four times what is worth keeping. */
const COMPACT_BYTES = 262_144;

/** One client at a time; nothing guards the file against a second one. */
export function fileStore(path: string): OutboxStore {
  return new FileStore(path);
}

class FileStore implements OutboxStore {
  readonly #path: string;
  #fd = -1;
  #kept: Stored = emptyStored();
  #bytes = 0;
  #keptBytes = 0;
  #dirty = false;
  #syncing: Promise<void> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  load(): Stored {
    mkdirSync(dirname(this.#path), { recursive: true });
    this.#fd = openSync(this.#path, 'a+', 0o600); // tokens are not in it, but messages are
    const { stored, goodBytes } = read(readFileSync(this.#fd));
    this.#kept = stored;
    ftruncateSync(this.#fd, goodBytes);
    this.#bytes = goodBytes;
    this.#compact();
    return copyOf(this.#kept);
  }

  save(changes: readonly StoreChange[]): void {
    const lines = changes.map(lineOf).join('');
    try {
      writeAll(this.#fd, lines);
    } catch (error) {
      ftruncateSync(this.#fd, this.#bytes); // half a line would hide all that come after it
      throw error;
    }
    for (const change of changes) applyChange(this.#kept, change);
    this.#bytes += Buffer.byteLength(lines);
    this.#dirty = true;
    if (this.#bytes > COMPACT_BYTES && this.#bytes > 4 * this.#keptBytes) this.#compact();
  }

  flush(): Promise<void> {
    // Whoever comes while one fsync is under way needs the next one: lines of theirs may have missed it.
    const before = this.#syncing;
    const again = (): Promise<void> => this.#sync();
    return before === null ? this.#sync() : before.then(again, again);
  }

  #sync(): Promise<void> {
    if (this.#syncing !== null) return this.#syncing;
    if (!this.#dirty) return Promise.resolve();
    this.#dirty = false;
    this.#syncing = new Promise<void>((done, failed) => {
      fdatasync(this.#fd, (error) => {
        this.#syncing = null;
        if (error === null) done();
        else {
          this.#dirty = true;
          failed(error);
        }
      });
    });
    return this.#syncing;
  }

  /** Writes what is worth keeping beside the journal, and puts it in its place. Synchronous: rare, and small. */
  #compact(): void {
    const lines = `${FORMAT}\n${changesOf(this.#kept).map(lineOf).join('')}`;
    const beside = `${this.#path}.new`;
    const fd = openSync(beside, 'w', 0o600);
    try {
      writeAll(fd, lines);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, this.#path);
    syncFolder(dirname(this.#path));
    this.#closeAfterSync(this.#fd);
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#bytes = Buffer.byteLength(lines);
    this.#keptBytes = this.#bytes;
    this.#dirty = false;
  }

  /** What the disk is still busy with must not lose its file under it. */
  #closeAfterSync(fd: number): void {
    const close = (): void => closeSync(fd);
    if (this.#syncing === null) close();
    else this.#syncing.then(close, close);
  }

  async close(): Promise<void> {
    if (this.#fd < 0) return;
    try {
      await this.flush();
    } finally {
      closeSync(this.#fd);
      this.#fd = -1;
    }
  }
}

function lineOf(change: StoreChange): string {
  const text =
    change.is === 'message'
      ? JSON.stringify({
          ...change,
          message: { ...change.message, body: Buffer.from(change.message.body).toString('base64') },
        })
      : JSON.stringify(change);
  return `${checksum(text)} ${text}\n`;
}

/** FNV-1a: tells a torn or foreign line from a good one. Not against an attacker. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Reads up to the first line that is not whole. */
function read(bytes: Buffer): { stored: Stored; goodBytes: number } {
  const stored = emptyStored();
  let at = 0;
  for (let end = bytes.indexOf(10, at); end >= 0; end = bytes.indexOf(10, at)) {
    const line = bytes.toString('utf8', at, end);
    if (at === 0 ? line !== FORMAT : !apply(stored, line)) break;
    at = end + 1;
  }
  // A file of something else is left alone.
  if (at === 0 && bytes.length > 0 && !FORMAT.startsWith(bytes.toString('utf8', 0, FORMAT.length)))
    throw new Error('this file is not an outbox of Parley');
  return { stored, goodBytes: at };
}

function apply(stored: Stored, line: string): boolean {
  const text = line.slice(9);
  if (line.slice(0, 8) !== checksum(text)) return false;
  const change = JSON.parse(text) as StoreChange; // ours, as the checksum says
  if (change.is === 'message') {
    const body = new Uint8Array(Buffer.from(change.message.body as unknown as string, 'base64'));
    applyChange(stored, { is: 'message', message: { ...change.message, body } });
  } else applyChange(stored, change);
  return true;
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
