// A network that fails on command: a TCP proxy on loopback between a client and a server of any protocol. It can fall silent (one way
// or both), reset what is open, refuse what is new, be late, and heal. Test code; knows nothing of what it carries.
import { createServer, type Server, Socket } from 'node:net';
import { Pipe } from './tcp-pipe.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}
export type Direction = 'toTarget' | 'toClient' | 'both';

const HOST = '127.0.0.1';
/** Sockets at once; further ones are reset. More than any driver opens, and a limit for a client that retries in a loop. */
const LINKS_MAX = 4_096;
const LISTEN_LIMIT_MS = 5_000;
const LISTEN_POLL_MS = 50;

interface Link {
  readonly client: Socket;
  readonly target: Socket;
  readonly pipes: Readonly<Record<'toTarget' | 'toClient', Pipe>>;
  /** Not before the network lets it through. */
  dialled: boolean;
}

export class TcpProxy {
  /** Of all links since it was opened. */
  accepted = 0;
  private target: Address;
  private server: Server | null = null;
  private listenPort = 0;
  private delayMs = 0;
  private readonly silent = { toTarget: false, toClient: false };
  private readonly links = new Set<Link>();

  private constructor(target: Address) {
    this.target = target;
  }

  static async open(target: Address): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await proxy.listen();
    return proxy;
  }

  get host(): string {
    return HOST;
  }
  get port(): number {
    return this.listenPort;
  }
  get address(): string {
    return `${HOST}:${this.listenPort}`;
  }
  get connections(): number {
    return this.links.size;
  }

  /** Silence, as of a cable that was pulled: sockets stay, nothing passes, new ones open and hear nothing. What was sent waits. */
  cut(direction: Direction = 'both'): void {
    if (direction !== 'toClient') this.silent.toTarget = true;
    if (direction !== 'toTarget') this.silent.toClient = true;
    this.apply();
  }

  /** Breaks all that is open with RST. New ones are taken. */
  reset(): void {
    for (const link of [...this.links]) this.drop(link);
  }

  /** Nobody listens: new ones hear ECONNREFUSED. What is open goes on. */
  async refuse(): Promise<void> {
    const { server } = this;
    this.server = null;
    // Closed for new ones at once; its callback would wait for the last open socket.
    server?.close();
  }

  /** Every byte comes so much later, in order; 0 for as soon as it can. */
  delay(ms: number): void {
    this.delayMs = ms;
    this.apply();
  }

  /** Where new connections lead from now on, such as a server that came back on another port. */
  retarget(target: Address): void {
    this.target = target;
  }

  /** All passes again, without delay; what waited goes out first. */
  async heal(): Promise<void> {
    this.silent.toTarget = false;
    this.silent.toClient = false;
    this.delayMs = 0;
    this.apply();
    if (this.server === null) await this.listen();
  }

  async close(): Promise<void> {
    await this.refuse();
    this.reset();
  }

  private apply(): void {
    for (const link of this.links) {
      if (!link.dialled && !this.silent.toTarget) this.dial(link);
      link.pipes.toTarget.set({ silent: this.silent.toTarget, delayMs: this.delayMs });
      link.pipes.toClient.set({ silent: this.silent.toClient, delayMs: this.delayMs });
    }
  }

  private accept(client: Socket): void {
    if (this.links.size >= LINKS_MAX) {
      client.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    const target = new Socket({ allowHalfOpen: true });
    const pipes = { toTarget: new Pipe(client, target), toClient: new Pipe(target, client) };
    const link: Link = { client, target, pipes, dialled: false };
    this.links.add(link);
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      // One side broke: so does the other, as it would without us.
      socket.on('error', () => this.drop(link));
      socket.on('close', () => this.settle(link));
    }
    this.apply();
  }

  private dial(link: Link): void {
    link.dialled = true;
    link.target.connect(this.target);
  }

  private settle(link: Link): void {
    if (link.client.destroyed && link.target.destroyed) this.forget(link);
  }

  private drop(link: Link): void {
    this.forget(link);
    for (const socket of [link.client, link.target]) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
    }
  }

  private forget(link: Link): void {
    this.links.delete(link);
    link.pipes.toTarget.stop();
    link.pipes.toClient.stop();
  }

  /** On the same port each time. */
  private async listen(): Promise<void> {
    const limit = performance.now() + LISTEN_LIMIT_MS;
    while (true) {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.accept(client));
      const error = await new Promise<Error | null>((resolve) => {
        server.once('error', resolve);
        server.listen(this.listenPort, HOST, () => resolve(null));
      });
      if (error === null) {
        const address = server.address();
        if (address !== null && typeof address === 'object') this.listenPort = address.port;
        this.server = server;
        return;
      }
      // Somebody may have been lent the port for a moment, for a connection that goes out.
      if (performance.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, LISTEN_POLL_MS));
    }
  }
}
