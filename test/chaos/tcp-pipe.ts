// One direction of one proxied connection: bytes in order, each held for the delay, none passed while silent. It never holds more than
// its limit: beyond it the source is not read, and the sender feels that as it would a slow network. Test code; made by tcp-proxy.ts.
import type { Socket } from 'node:net';

/** Then reading stops. One chunk of a socket, 64 KiB at most, may come on top. */
const HELD_BYTES_MAX = 256 * 1024;

interface Held {
  readonly dueMs: number;
  /** Null: the source will send no more. */
  readonly chunk: Buffer | null;
}

export class Pipe {
  private readonly source: Socket;
  private readonly sink: Socket;
  private readonly held: Held[] = [];
  private heldBytes = 0;
  private silent = true;
  private blocked = false;
  private stopped = false;
  private delayMs = 0;
  private lastDueMs = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(source: Socket, sink: Socket) {
    this.source = source;
    this.sink = sink;
    source.on('data', (chunk) => {
      this.heldBytes += chunk.length;
      this.hold(chunk);
    });
    source.on('end', () => this.hold(null));
    sink.on('drain', () => {
      this.blocked = false;
      this.flow();
    });
    source.pause();
  }

  set(state: { readonly silent: boolean; readonly delayMs: number }): void {
    this.silent = state.silent;
    // What waits was promised its moment under the old delay; without one it goes at once.
    if (state.delayMs < this.delayMs) this.hurry(state.delayMs);
    this.delayMs = state.delayMs;
    this.flow();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.held.length = 0;
  }

  private hold(chunk: Buffer | null): void {
    if (this.stopped) return;
    this.lastDueMs = Math.max(this.lastDueMs, performance.now() + this.delayMs);
    this.held.push({ dueMs: this.lastDueMs, chunk });
    this.flow();
  }

  private hurry(delayMs: number): void {
    const latest = performance.now() + delayMs;
    this.lastDueMs = Math.min(this.lastDueMs, latest);
    for (const [index, { dueMs, chunk }] of this.held.entries()) {
      this.held[index] = { dueMs: Math.min(dueMs, latest), chunk };
    }
  }

  private flow(): void {
    if (this.stopped) return;
    while (!this.silent && !this.blocked) {
      const head = this.held[0];
      if (head === undefined || head.dueMs > performance.now()) break;
      this.held.shift();
      this.pass(head.chunk);
    }
    this.plan();
    if (this.silent || this.heldBytes >= HELD_BYTES_MAX) this.source.pause();
    else this.source.resume();
  }

  private pass(chunk: Buffer | null): void {
    if (chunk === null) {
      this.sink.end();
      return;
    }
    this.heldBytes -= chunk.length;
    // Also false until the sink is connected: the socket keeps these bytes, and says `drain` when they are gone.
    this.blocked = !this.sink.write(chunk);
  }

  private plan(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const head = this.held[0];
    if (head === undefined || this.silent || this.blocked) return;
    this.timer = setTimeout(() => this.flow(), Math.max(1, head.dueMs - performance.now()));
  }
}
