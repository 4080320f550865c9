// Whole nodes for actor tests: real cells, writers and a memory store, with sinks that keep what they were given. Test code only.

import type { Sink } from '../../actors/index.ts';
import { type Node, type NodeOptions, startNode } from '../../app/node.ts';
import {
  type ClientFrame,
  type CloseName,
  decodeServerFrame,
  FRAMES,
  type Frame,
  type FrameName,
  OP,
  type ServerFrame,
} from '../../protocol/index.ts';
import { createRealEnv, type Env, type Ref, silentLog } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import { createMemoryDisk, type MemoryDisk, openMemoryStore } from '../../storage/memory/index.ts';

export class TestSink implements Sink {
  readonly frames: ServerFrame[] = [];
  closedAs: CloseName | null = null;
  bufferedBytes = 0;
  readonly source = '127.0.0.1';

  write(bytes: Uint8Array): void {
    this.frames.push(decodeServerFrame(bytes));
  }

  close(name: CloseName): void {
    this.closedAs ??= name;
  }
}

/** Waits for a condition, with a limit; never for luck. */
export async function until<T>(what: string, get: () => T | undefined | null | false, limitMs = 20_000): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = get();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export class TestDevice {
  readonly sink = new TestSink();
  readonly user: string;
  readonly device: string;
  readonly ref: Ref;
  private readonly node: Node;
  private refs = 0;

  constructor(node: Node, user: string, device: string) {
    this.node = node;
    this.user = user;
    this.device = device;
    const ref = node.port.open(this.sink);
    if (ref === null) throw new Error('the node takes no connections');
    this.ref = ref;
  }

  send(frame: ClientFrame): void {
    if (this.node.port.frame(this.ref, frame) === 'full') throw new Error('mailbox full');
  }

  of<N extends FrameName>(name: N): Frame<N>[] {
    return this.sink.frames.filter((f) => f.op === FRAMES[name].op) as unknown as Frame<N>[];
  }

  async next<N extends FrameName>(name: N, where: (f: Frame<N>) => boolean = () => true): Promise<Frame<N>> {
    return until(`${name} at ${this.user}/${this.device}`, () => this.of(name).find(where));
  }

  async signIn(sync: string | null = null, known: { chat: string; seq: number }[] = []): Promise<Frame<'WELCOME'>> {
    this.send({ op: OP.HELLO, version: 1, token: this.user, device: this.device, agent: 'test', sync, known });
    return this.next('WELCOME');
  }

  /** A request, and its answer: the frame that carries its `ref`. */
  async ask(make: (ref: number) => ClientFrame): Promise<ServerFrame> {
    const ref = ++this.refs;
    this.send(make(ref));
    return until(`answer ${ref} at ${this.user}`, () => this.sink.frames.find((f) => 'ref' in f && f.ref === ref));
  }

  async direct(peer: string): Promise<string> {
    const ok = await this.ask((ref) => ({
      op: OP.CREATE_CHAT,
      ref,
      kind: 0,
      id: `d-${ref}`,
      members: [peer],
      title: '',
    }));
    if (ok.op !== OP.OK || ok.value === null) throw new Error(`no chat: ${JSON.stringify(ok)}`);
    return ok.value;
  }

  async group(members: string[], title = 'room'): Promise<string> {
    const ok = await this.ask((ref) => ({ op: OP.CREATE_CHAT, ref, kind: 1, id: `g-${ref}`, members, title }));
    if (ok.op !== OP.OK || ok.value === null) throw new Error(`no group: ${JSON.stringify(ok)}`);
    return ok.value;
  }

  text(chat: string, id: string, more: Partial<Frame<'SEND_MESSAGE'>> = {}): void {
    this.send({
      op: OP.SEND_MESSAGE,
      chat,
      id,
      type: 0,
      body: new TextEncoder().encode(id),
      about: null,
      after: null,
      retry: false,
      ...more,
    });
  }

  ack(chat: string, seq: number): void {
    this.send({ op: OP.MESSAGE_ACK, acks: [{ chat, seq }] });
  }

  hangUp(): void {
    this.node.port.closed(this.ref);
  }
}

export interface TestNode {
  readonly node: Node;
  readonly disk: MemoryDisk;
  readonly env: Env;
  /** What was logged as an error: empty unless a test wants one. */
  readonly errors: readonly object[];
  device(user: string, device?: string): TestDevice;
  stop(): Promise<void>;
}

/** A node whose tokens are the user's own name. `wrap` may put faults around its store. */
export async function startTestNode(
  options: Partial<NodeOptions> = {},
  disk: MemoryDisk = createMemoryDisk(),
  wrap: (store: Store) => Store = (s) => s,
): Promise<TestNode> {
  const errors: object[] = [];
  const env: Env = createRealEnv({
    ...silentLog,
    error: (fields, message) => void errors.push({ message, ...fields }),
  });
  const node = await startNode({
    env,
    name: 'n1',
    store: wrap(openMemoryStore(disk, { env })),
    verifier: { verify: (token) => Promise.resolve({ user: token, expires: null, device: null }) },
    ...options,
  });
  return {
    node,
    disk,
    env,
    errors,
    device: (user, device = 'd1') => new TestDevice(node, user, device),
    stop: () => node.stop(),
  };
}
