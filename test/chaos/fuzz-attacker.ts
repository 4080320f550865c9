// One attacker: a raw WebSocket client that says anything, knows from the codec what must break the connection and what must be
// answered, and comes back whenever it is thrown out. Test code.
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import {
  type ClientFrame,
  decodeClientFrame,
  decodeClientJson,
  decodeServerFrame,
  decodeServerJson,
  encodeFrame,
  encodeJson,
  LIMITS,
  OP,
  type ServerFrame,
  SUBPROTOCOL,
} from '../../protocol/index.ts';
import { add, type Book } from './fuzz-book.ts';
import type { Speaker } from './fuzz-frames.ts';

export interface Message {
  readonly data: Uint8Array;
  readonly binary: boolean;
  readonly fragments: number;
}
export interface AttackerOptions {
  readonly url: string;
  readonly user: string;
  readonly token: string;
  readonly otherToken: string;
  readonly json: boolean;
  /** Its own address on the loopback network, so that limits by source hold for it and not for honest clients. */
  readonly address: string;
  readonly book: Book;
}

const SIGN_IN_MS = 15_000;
const CLOSE_MS = 10_000;
const ANSWER_MS = 30_000;
const PENDING_MAX = 64;
const RECEIVED_KEPT = 64;
const CHATS_KEPT = 20;
/** 1006: we cut it off ourselves. 4000: after BYE. 4103: removed its own device. 4004: the node was pressed. */
const EXPECTED_CLOSES: ReadonlySet<number> = new Set([1000, 1005, 1006, 4000, 4004, 4100, 4103]);
const NAME_OF = new Map<number, string>(Object.entries(OP).map(([name, op]) => [op, name]));
const strict = new TextDecoder('utf-8', { fatal: true });

export class Attacker implements Speaker {
  readonly user: string;
  readonly token: string;
  readonly otherToken: string;
  readonly json: boolean;
  readonly book: Book;
  device = 'd0';
  received: { readonly chat: string; readonly seq: number }[] = [];
  readonly chats: string[] = [];
  private readonly options: AttackerOptions;
  private socket: WebSocket | null = null;
  private sync: string | null = null;
  private refs = 0;
  private readonly pending = new Map<string, number>();

  constructor(options: AttackerOptions) {
    this.options = options;
    this.user = options.user;
    this.token = options.token;
    this.otherToken = options.otherToken;
    this.json = options.json;
    this.book = options.book;
  }

  nextRef(): number {
    this.refs = (this.refs + 1) % 0xffff_0000;
    return this.refs;
  }

  get raw(): Socket | null {
    return (this.socket as unknown as { _socket: Socket | null } | null)?._socket ?? null;
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** A socket, not signed in. Waits while the server refuses. */
  async open(): Promise<void> {
    for (let tries = 1; !(await this.tryOpen()); tries++) {
      if (tries > 100) throw new Error(`${this.user} is not let in`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  private tryOpen(): Promise<boolean> {
    const { url, address, book } = this.options;
    const socket = new WebSocket(`${url}/v1/connect`, this.json ? SUBPROTOCOL.json : SUBPROTOCOL.msgpack, {
      perMessageDeflate: false,
      localAddress: address,
      handshakeTimeout: SIGN_IN_MS,
    });
    this.socket = socket;
    this.pending.clear();
    this.received = [];
    this.unsigned = true;
    socket.on('message', (data: Buffer) => this.heard(data));
    socket.on('close', (code) => {
      add(book.closes, String(code));
      if (EXPECTED_CLOSES.has(code) || this.belowFrames || (this.unsigned && code > 4_100)) return;
      book.strange(`${this.user} was closed with ${code}`);
    });
    return new Promise((resolve) => {
      socket.once('open', () => {
        book.sockets++;
        resolve(true);
      });
      socket.once('unexpected-response', (_request, response) => {
        add(book.upgradesRefused, String(response.statusCode));
        response.resume();
        socket.terminate();
        resolve(false);
      });
      socket.on('error', () => resolve(false));
    });
  }

  /** No WELCOME yet: other close codes are expected then. */
  private unsigned = true;
  /** What it does now is below frames: any close is fine. */
  belowFrames = false;

  async signIn(): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      await this.open();
      const hello = {
        op: OP.HELLO,
        version: 1,
        token: this.token,
        device: this.device,
        agent: 'fuzz',
        sync: this.sync,
        known: [],
      };
      this.write(hello as ClientFrame);
      if (await this.wait(() => !this.unsigned, SIGN_IN_MS)) return;
      this.hangUp();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`${this.user} cannot sign in`);
  }

  private write(frame: ClientFrame): void {
    this.socket?.send(this.json ? encodeJson(frame) : encodeFrame(frame));
  }

  /** Sends one message. What the codec refuses must end in a close; what it takes and calls for an answer must get one. */
  async fire(kind: string, message: Message): Promise<void> {
    const { socket, book } = this;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return;
    book.fired(kind);
    const meaning = this.meaningOf(message);
    if (meaning !== null) this.expect(meaning);
    sendInParts(socket, message);
    // Before the sign-in everything ends the connection, but a HELLO that is right after all.
    const ends = this.unsigned || meaning === null || meaning.op === OP.HELLO || meaning.op === OP.BYE;
    if (ends && this.unsigned) {
      const told = await this.wait(() => !this.isOpen || !this.unsigned, CLOSE_MS);
      if (!told) book.strange(`${this.user} got no answer to ${kind}: ${preview(message.data)}`);
      this.hangUp();
    } else if (ends) {
      if (await this.wait(() => !this.isOpen, CLOSE_MS)) book.brokenAndClosed++;
      else book.strange(`${this.user} was not closed after ${kind}: ${preview(message.data)}`);
      this.hangUp();
    } else if (this.pending.size >= PENDING_MAX) await this.answered();
    else if (socket.bufferedAmount > 262_144) await this.wait(() => socket.bufferedAmount === 0, ANSWER_MS);
  }

  fireFrame(kind: string, frame: ClientFrame): Promise<void> {
    const data = this.json ? Buffer.from(encodeJson(frame)) : encodeFrame(frame);
    return this.fire(kind, { data, binary: !this.json, fragments: 1 });
  }

  /** Null: it has to break the connection. */
  private meaningOf({ data, binary, fragments }: Message): ClientFrame | null {
    if (binary === this.json || data.length > LIMITS.frameBytesMax || fragments > LIMITS.frameFragmentsMax) return null;
    try {
      return this.json ? decodeClientJson(strict.decode(data)) : decodeClientFrame(data);
    } catch {
      return null;
    }
  }

  private expect(frame: ClientFrame): void {
    if (frame.op === OP.SEND_MESSAGE) this.await(`id ${frame.id}`);
    else if (frame.op === OP.HEARTBEAT) this.await(`n ${frame.n}`);
    else if (frame.op !== OP.HELLO && 'ref' in frame) this.await(`ref ${frame.ref}`);
  }

  private await(key: string): void {
    this.pending.set(key, (this.pending.get(key) ?? 0) + 1);
  }

  private settle(key: string): void {
    const left = (this.pending.get(key) ?? 0) - 1;
    if (left > 0) this.pending.set(key, left);
    else this.pending.delete(key);
  }

  /** All that has to be answered is, or the connection is gone; after 30 s that is strange. */
  async answered(): Promise<void> {
    if (await this.wait(() => this.pending.size === 0 || !this.isOpen, ANSWER_MS)) return;
    this.book.strange(`${this.user} waits for ${[...this.pending.keys()].slice(0, 5).join(', ')}`);
    this.pending.clear();
  }

  private heard(data: Buffer): void {
    let frame: ServerFrame;
    try {
      frame = this.json ? decodeServerJson(data.toString()) : decodeServerFrame(data);
    } catch (error) {
      this.book.strange(`the server said what is no frame: ${String(error)} ${preview(data)}`);
      return;
    }
    add(this.book.answers, NAME_OF.get(frame.op) ?? String(frame.op));
    if (frame.op === OP.WELCOME) {
      this.sync = frame.sync;
      this.unsigned = false;
    } else if (frame.op === OP.ERROR) {
      add(this.book.refused, frame.code);
      if (frame.code === 'internal') this.book.strange(`internal: ${frame.about}`);
      if (frame.id !== null) this.settle(`id ${frame.id}`);
      else if (frame.ref !== null) this.settle(`ref ${frame.ref}`);
    } else if (frame.op === OP.SENT) this.settle(`id ${frame.id}`);
    else if (frame.op === OP.HEARTBEAT) this.settle(`n ${frame.n}`);
    else if (frame.op === OP.RECEIVE_MESSAGE) {
      this.received.push({ chat: frame.chat, seq: frame.seq });
      if (this.received.length > RECEIVED_KEPT) this.received.shift();
    } else if ('ref' in frame) {
      this.settle(`ref ${frame.ref}`);
      if (frame.op === OP.OK && frame.value !== null) this.found(frame.value);
    }
  }

  private found(chat: string): void {
    if (this.chats.includes(chat)) return;
    this.chats.push(chat);
    if (this.chats.length > CHATS_KEPT) this.chats.shift();
  }

  async wait(holds: () => boolean, limitMs: number): Promise<boolean> {
    const end = Date.now() + limitMs;
    while (!holds()) {
      if (Date.now() > end) return false;
      await new Promise((resolve) =>
        end - Date.now() > limitMs - 20 ? setImmediate(resolve) : setTimeout(resolve, 5),
      );
    }
    return true;
  }

  hangUp(): void {
    this.socket?.terminate();
    this.socket = null;
  }
}

function sendInParts(socket: WebSocket, { data, binary, fragments }: Message): void {
  if (fragments === 1) return socket.send(data, { binary });
  const share = Math.ceil(data.length / fragments);
  for (let n = 0; n < fragments; n++)
    socket.send(data.subarray(n * share, (n + 1) * share), { binary, fin: n === fragments - 1 });
}

const preview = (data: Uint8Array): string => Buffer.from(data.subarray(0, 60)).toString('hex');
