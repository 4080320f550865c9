// A simulated WebSocket between a client and a node: two pipes, a client's end (client/'s Socket) and a node's end (peer.ts), and
// the ways in which it may break. Each end hears of its end exactly once.
import type { Socket, SocketEvents } from '../../client/core/index.ts';
import { CLOSE_CODES, type CloseName } from '../../protocol/index.ts';
import type { Peer } from './peer.ts';
import { Pipe, type PipeProfile } from './pipe.ts';
import type { Random } from './random.ts';
import type { Owner, World } from './world.ts';

/**
 * reset: both ends hear of it soon. clientOnly, nodeOnly: the other end goes on believing. silent: neither hears of it.
 * What is under way is lost in both directions, always.
 */
export type BreakKind = 'reset' | 'clientOnly' | 'nodeOnly' | 'silent';

/** An end that says goodbye to nobody is gone by itself after this time. */
const HANDSHAKE_MS = 5_000;

export class Connection implements Socket {
  readonly name: string;
  readonly client: Owner;
  readonly node: Owner;
  readonly up: Pipe;
  readonly down: Pipe;
  peer: Peer | null = null;
  clientEnd: 'opening' | 'open' | 'closing' | 'closed' = 'opening';
  private nodeEnded = false;
  private readonly world: World;
  private readonly random: Random;
  private readonly on: SocketEvents;

  constructor(
    world: World,
    random: Random,
    name: string,
    ends: { readonly client: Owner; readonly node: Owner },
    profiles: { readonly up: PipeProfile; readonly down: PipeProfile },
    on: SocketEvents,
  ) {
    this.world = world;
    this.random = random;
    this.name = name;
    this.client = ends.client;
    this.node = ends.node;
    this.on = on;
    const { client, node } = ends;
    this.up = new Pipe(
      world,
      random,
      profiles.up,
      node,
      (bytes) => this.peer?.arrived(bytes),
      () => this.nodeLost(),
    );
    this.down = new Pipe(
      world,
      random,
      profiles.down,
      client,
      (bytes) => this.heard(bytes),
      (code, why) => this.clientLost(code, why),
    );
  }

  get isOver(): boolean {
    return this.clientEnd === 'closed' && this.nodeEnded;
  }

  // The client's end.

  opened(): void {
    if (this.clientEnd !== 'opening') return;
    this.clientEnd = 'open';
    this.on.onOpen();
  }

  send(bytes: Uint8Array): void {
    if (this.clientEnd === 'open') this.up.send(bytes);
  }

  close(code?: number): void {
    if (this.clientEnd === 'closing' || this.clientEnd === 'closed') return;
    this.clientEnd = 'closing';
    this.up.end(code ?? 1005, '');
    // The node's answer, or the end of patience.
    this.world.after(this.client, this.random.between(1, HANDSHAKE_MS), () => this.clientLost(code ?? 1005, ''));
  }

  private heard(bytes: Uint8Array): void {
    this.peer?.drained();
    if (this.clientEnd === 'open') this.on.onMessage(bytes);
  }

  private clientLost(code: number, reason: string): void {
    if (this.clientEnd === 'closed') return;
    this.clientEnd = 'closed';
    this.on.onClose(code, reason);
    // A close frame is answered; the answer ends the node's side.
    this.up.end(code, '');
  }

  // The node's end.

  /** The node closes, behind what it wrote. */
  closeFromNode(name: CloseName): void {
    this.down.end(CLOSE_CODES[name].code, name);
    this.world.after(this.node, HANDSHAKE_MS, () => this.nodeLost());
  }

  nodeLost(): void {
    if (this.nodeEnded) return;
    this.nodeEnded = true;
    this.peer?.gone();
    this.down.end(1006, '');
  }

  // What may happen to it.

  /** Nobody listens there, or nobody takes it. */
  refuse(afterMs: number): void {
    this.nodeEnded = true;
    this.world.after(this.client, afterMs, () => this.clientLost(1006, ''));
  }

  hurry(bytesPerMs: number): void {
    this.down.hurry(bytesPerMs);
  }

  break(kind: BreakKind): void {
    this.world.note('break', this.name, kind);
    this.up.lose();
    this.down.lose();
    if (kind === 'reset' || kind === 'clientOnly')
      this.world.after(this.client, this.random.between(0, 200), () => this.clientLost(1006, ''));
    if (kind === 'reset' || kind === 'nodeOnly')
      this.world.after(this.node, this.random.between(0, 200), () => this.nodeLost());
  }

  /** The client's process is gone. `told`: its system closes the socket, behind what was written. */
  clientDied(told: boolean): void {
    this.clientEnd = 'closed';
    if (told) this.up.end(1006, '');
    else this.up.lose();
    this.down.lose();
  }

  /** The node's process is gone. `told`: as above; what it had written may arrive still. */
  nodeDied(told: boolean): void {
    this.nodeEnded = true;
    this.up.lose();
    if (told) this.down.end(1006, '');
    else this.down.lose();
  }
}
