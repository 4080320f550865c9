// A bare WebSocket with frames on it, for tests of what a server says to whom: it repeats nothing and forgives nothing. Test code.
import { WebSocket } from 'ws';
import {
  type ClientFrame,
  decodeServerFrame,
  encodeFrame,
  FRAMES,
  type Frame,
  type FrameName,
  OP,
  type ServerFrame,
  SUBPROTOCOL,
} from '../../protocol/index.ts';
import { until } from '../chaos/person.ts';

export interface RawOptions {
  /** Its own address: all of 127.0.0.0/8 is this machine. */
  readonly address?: string;
  readonly origin?: string;
}
const WAIT_MS = 10_000;

export class RawClient {
  readonly frames: ServerFrame[] = [];
  readonly socket: WebSocket;
  closedWith: number | null = null;
  closedAt = 0;
  /** Status of the refusal, when the upgrade was refused. */
  refusedWith: number | null = null;
  retryAfter: string | undefined;
  private refs = 0;

  constructor(url: string, options: RawOptions = {}) {
    this.socket = new WebSocket(`${url}/v1/connect`, SUBPROTOCOL.msgpack, {
      perMessageDeflate: false,
      ...(options.address === undefined ? {} : { localAddress: options.address }),
      ...(options.origin === undefined ? {} : { origin: options.origin }),
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data: Buffer) => this.frames.push(decodeServerFrame(data)));
    this.socket.on('close', (code) => {
      this.closedWith = code;
      this.closedAt = Date.now();
    });
    this.socket.on('unexpected-response', (_request, response) => {
      this.refusedWith = response.statusCode ?? 0;
      this.retryAfter = response.headers['retry-after'];
      this.socket.terminate();
    });
  }

  async open(): Promise<this> {
    await until('an open socket', () => this.socket.readyState === WebSocket.OPEN, WAIT_MS);
    return this;
  }

  async refused(): Promise<number> {
    await until('a refusal', () => this.refusedWith !== null, WAIT_MS);
    return this.refusedWith ?? 0;
  }

  async closed(): Promise<number> {
    await until('a close', () => this.closedWith !== null, WAIT_MS);
    return this.closedWith ?? 0;
  }

  send(frame: ClientFrame): void {
    this.socket.send(encodeFrame(frame));
  }

  hello(token: string, more: Partial<Frame<'HELLO'>> = {}): void {
    this.send({ op: OP.HELLO, version: 1, token, device: 'd1', agent: 'raw', sync: null, known: [], ...more });
  }

  async signIn(token: string, more: Partial<Frame<'HELLO'>> = {}): Promise<this> {
    await this.open();
    this.hello(token, more);
    await this.next('WELCOME');
    return this;
  }

  of<N extends FrameName>(name: N): Frame<N>[] {
    return this.frames.filter((f) => f.op === FRAMES[name].op) as unknown as Frame<N>[];
  }

  async next<N extends FrameName>(name: N, where: (f: Frame<N>) => boolean = () => true): Promise<Frame<N>> {
    let found: Frame<N> | undefined;
    await until(
      name,
      () => {
        found = this.of(name).find(where);
        return found !== undefined;
      },
      WAIT_MS,
    );
    return found as Frame<N>;
  }

  /** A request, and the frame that answers it. */
  async ask(make: (ref: number) => ClientFrame): Promise<ServerFrame> {
    const ref = ++this.refs;
    this.send(make(ref));
    let answer: ServerFrame | undefined;
    await until(
      `answer ${ref}`,
      () => {
        answer = this.frames.find((f) => 'ref' in f && f.ref === ref);
        return answer !== undefined;
      },
      WAIT_MS,
    );
    return answer as ServerFrame;
  }

  /** The last error: what a connection hears before it is closed. */
  get lastError(): string | undefined {
    return this.of('ERROR').at(-1)?.code;
  }

  async direct(peer: string): Promise<string> {
    const answer = await this.ask((ref) => ({
      op: OP.CREATE_CHAT,
      ref,
      kind: 0,
      id: `direct-${peer}`,
      members: [peer],
      title: '',
    }));
    if (answer.op !== OP.OK || answer.value === null) throw new Error('no chat');
    return answer.value;
  }

  text(chat: string, id: string, bytes = 1): void {
    const body = new Uint8Array(bytes);
    this.send({ op: OP.SEND_MESSAGE, chat, id, type: 0, body, about: null, after: null, retry: false });
  }

  /** SENT, or the ERROR, of a message. */
  async outcome(id: string): Promise<Frame<'SENT'> | Frame<'ERROR'>> {
    let found: Frame<'SENT'> | Frame<'ERROR'> | undefined;
    await until(
      `outcome of ${id}`,
      () => {
        found = this.of('SENT').find((f) => f.id === id) ?? this.of('ERROR').find((f) => f.id === id);
        return found !== undefined;
      },
      WAIT_MS,
    );
    return found as Frame<'SENT'> | Frame<'ERROR'>;
  }
}
