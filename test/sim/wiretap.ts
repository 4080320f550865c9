// Listens on the node's end of every connection: who waits for an answer, and whether what the node says of cursors is true. A node
// may say that something was delivered only after some device of that user was shown it.
import { MOVES } from '../../actors/chat-end.ts';
import { shardOf } from '../../actors/index.ts';
import {
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  type Frame,
  OP,
  type ServerFrame,
} from '../../protocol/index.ts';
import type { Ref } from '../../runtime/index.ts';
import type { Book } from './book.ts';
import type { Connection } from './connection.ts';
import type { Owner, World } from './world.ts';

const NAMES = new Map<number, string>(Object.entries(OP).map(([name, op]) => [op, name]));
/** Frames of the server that answer something. */
const ANSWERS = new Set<number>([OP.SENT, OP.ERROR, OP.OK, OP.HISTORY_PAGE, OP.CHATS, OP.CHAT, OP.DEVICES]);

export class Wiretap {
  /** By connection: what waits for an answer (`#ref` or a message id), and since when. */
  readonly waiting = new Map<Connection, Map<string, number>>();
  /** Lives of the node that a successor has fenced out: their cells crash, and forget what they had not stored. */
  readonly zombies = new Set<Owner>();
  /** What is to happen once the node has written a frame of this kind: faults that strike when it hurts. */
  ambush: { readonly op: number; readonly strike: (connection: Connection) => void } | null = null;
  private readonly forgetful = new Set<string>();
  private readonly forgetfulShards = new Set<number>();
  /** By connection: the cursors of a chat and user, as last told. */
  private readonly told = new Map<Connection, Map<string, { readonly delivered: number; readonly read: number }>>();
  /** The question that waited longest for its answer, or until its connection ended. */
  longest = { ms: 0, who: '', key: '' };
  /** A node has left that had nobody to hand its shards to: its chats end as they are. */
  isUndrained = false;
  /** Who heard last that a chat ended before it had an answer. */
  turnedAway: { readonly who: string; readonly key: string } | null = null;
  private killedAt = Number.NEGATIVE_INFINITY;
  readonly counts = { sent: 0, pushed: 0, welcomes: 0 };
  private readonly world: World;
  private readonly book: Book;

  constructor(world: World, book: Book) {
    this.world = world;
    this.book = book;
  }

  /** The connection's cell has taken this frame. */
  took(connection: Connection, frame: ClientFrame): void {
    if (frame.op === OP.HELLO || connection.peer === null) return;
    const key = frame.op === OP.SEND_MESSAGE ? frame.id : 'ref' in frame ? `#${frame.ref}` : null;
    if (key === null) return;
    let waiting = this.waiting.get(connection);
    if (waiting === undefined) {
      waiting = new Map();
      this.waiting.set(connection, waiting);
    }
    if (!waiting.has(key)) waiting.set(key, this.world.now);
  }

  ended(connection: Connection): void {
    for (const key of this.waiting.get(connection)?.keys() ?? []) this.answered(connection, key);
    this.waiting.delete(connection);
    this.told.delete(connection);
  }

  private answered(connection: Connection, key: string): void {
    const waiting = this.waiting.get(connection);
    const since = waiting?.get(key);
    if (waiting === undefined || since === undefined) return;
    waiting.delete(key);
    const ms = this.world.now - since;
    // A cell that is killed answers nobody: its senders wait for their connections to do so.
    if (ms > this.longest.ms && since > this.killedAt) this.longest = { ms, who: connection.name, key };
  }

  /** This chat's cell was killed. Cursors are stored lazily: it may know less of them than it had said, and than is still under way. */
  forget(chat: string): void {
    this.forgetful.add(chat);
    this.killedAt = this.world.now;
  }

  /** This shard has had several owners. */
  forgetShard(shard: number): void {
    this.forgetfulShards.add(shard);
  }

  private isForgetful(chat: string): boolean {
    return (
      this.forgetful.has(chat) || (this.forgetfulShards.size > 0 && this.forgetfulShards.has(shardOf('chat', chat)))
    );
  }

  wrote(connection: Connection, bytes: Uint8Array): void {
    const op = bytes[1] ?? 0;
    const due = this.ambush;
    if (due !== null && due.op === op) {
      this.ambush = null;
      due.strike(connection);
    }
    if (op === OP.RECEIVE_MESSAGE) {
      this.counts.pushed++;
      this.showed(connection, bytes);
    }
    if (op === OP.WELCOME) this.counts.welcomes++;
    else if (op === OP.RECEIPT || op === OP.COUNTS || ANSWERS.has(op)) this.heard(connection, decodeServerFrame(bytes));
  }

  /** Who is shown its own message has been answered: the chat may have died before it could say so. */
  private showed(connection: Connection, entry: Uint8Array): void {
    if ((this.waiting.get(connection)?.size ?? 0) === 0) return;
    const frame = decodeServerFrame(entry);
    if (frame.op === OP.RECEIVE_MESSAGE) this.answered(connection, frame.id);
  }

  private heard(connection: Connection, frame: ServerFrame): void {
    if (frame.op === OP.SENT) {
      this.counts.sent++;
      this.answered(connection, frame.id);
    } else if (frame.op === OP.ERROR) {
      const key = frame.id ?? `#${frame.ref}`;
      this.answered(connection, key);
      if (frame.about === MOVES && !this.isUndrained) this.turnedAway = { who: connection.name, key };
    } else if (frame.op === OP.RECEIPT) this.receipt(connection, frame);
    else if (frame.op === OP.COUNTS) this.counted(frame);
    else if ('ref' in frame) this.answered(connection, `#${frame.ref}`);
    if (frame.op === OP.HISTORY_PAGE) for (const entry of frame.entries) this.showed(connection, entry);
    if (frame.op === OP.CHAT)
      for (const m of frame.members) this.cursors(frame.chat, m.user, m.delivered, m.read, frame.head);
  }

  private receipt(connection: Connection, frame: Frame<'RECEIPT'>): void {
    const { chat, user, delivered, read } = frame;
    this.cursors(chat, user, delivered, read, Number.POSITIVE_INFINITY);
    if (this.zombies.has(connection.node) || this.isForgetful(chat)) return;
    let told = this.told.get(connection);
    if (told === undefined) {
      told = new Map();
      this.told.set(connection, told);
    }
    const before = told.get(`${chat} ${user}`);
    if (before !== undefined && (delivered < before.delivered || read < before.read)) {
      const texts = `${before.delivered} and ${before.read} to ${delivered} and ${read}`;
      this.world.fail('I4', `${connection.name} is told that ${user} went back in ${chat}, from ${texts}`, [chat]);
    }
    told.set(`${chat} ${user}`, { delivered, read });
  }

  private cursors(chat: string, user: string, delivered: number, read: number, head: number): void {
    const key = `${user} ${chat}`;
    const shownTo = this.book.coveredTo(user, chat);
    const readTo = this.book.readTo.get(key) ?? 0;
    const told = `${user} has had ${delivered} and read ${read} of ${chat}`;
    if (read > delivered || delivered > head) this.world.fail('I4', `${told} (head ${head})`, [chat]);
    if (delivered > shownTo)
      this.world.fail('I4', `${told}, but no device of ${user} was shown more than ${shownTo}`, [chat]);
    if (read > readTo) this.world.fail('I4', `${told}, but ${user} read only ${readTo}`, [chat]);
  }

  private counted(frame: Frame<'COUNTS'>): void {
    const { chat, seq, delivered, read, members } = frame;
    const reached = (map: ReadonlyMap<string, number>): number => {
      let count = 0;
      for (const user of this.book.rooms.everIn(chat)) if ((map.get(`${user} ${chat}`) ?? 0) >= seq) count++;
      return count;
    };
    const told = `${delivered} have had and ${read} read number ${seq} of ${chat}, for ${members}`;
    if (read > delivered || delivered > members) this.world.fail('I4', told, [chat]);
    if (delivered > reached(this.book.shownTo)) this.world.fail('I4', `${told}: fewer were shown it`, [chat]);
    if (read > reached(this.book.readTo)) this.world.fail('I4', `${told}: fewer read it`, [chat]);
  }

  // For people.

  describe(bytes: Uint8Array, from: 'client' | 'server'): string {
    try {
      return describeFrame(from === 'client' ? decodeClientFrame(bytes) : decodeServerFrame(bytes));
    } catch (error) {
      return String(error);
    }
  }

  describeMail(mail: unknown, from: Ref | null): string {
    return `${from === null ? '' : `from ${from.kind}:${from.key} `}${describe(mail, 0)}`;
  }
}

function describeFrame(frame: ClientFrame | ServerFrame): string {
  const { op, ...fields } = frame;
  return `${NAMES.get(op) ?? op} ${describe(fields, 0)}`;
}

/** Short: bytes by their number, refs by their name, no depths. */
function describe(value: unknown, depth: number): string {
  if (value instanceof Uint8Array) return `<${value.length}>`;
  if (Array.isArray(value))
    return `[${value
      .slice(0, 6)
      .map((item) => describe(item, depth + 1))
      .join(' ')}${value.length > 6 ? ' …' : ''}]`;
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' && value.length > 40 ? `${value.slice(0, 40)}…` : String(value);
  if (depth > 2) return '{…}';
  if ('kind' in value && 'key' in value && 'host' in value) return `${String(value.kind)}:${String(value.key)}`;
  return Object.entries(value)
    .filter(([, field]) => field !== null && field !== undefined && field !== '')
    .map(([name, field]) => `${name}=${describe(field, depth + 1)}`)
    .join(' ');
}
