// The node's end of a connection, in place of the gateway: real frames decoded and handed to the node's ConnectionPort, paused when
// a mailbox is full, and the Sink of the connection cell with its back-pressure. What it must do is what gateway/peer.ts does.
import type { ConnectionPort, Sink } from '../../actors/index.ts';
import { type ClientFrame, type CloseName, decodeClientFrame, LIMITS, ProtocolError } from '../../protocol/index.ts';
import type { Ref } from '../../runtime/index.ts';
import type { Connection } from './connection.ts';
import { hashBytes } from './random.ts';
import type { Wiretap } from './wiretap.ts';
import type { World } from './world.ts';

const RETRY_MS = 20;

export class Peer implements Sink {
  readonly source: string;
  private readonly world: World;
  private readonly connection: Connection;
  private readonly port: ConnectionPort;
  private readonly tap: Wiretap;
  private cell: Ref | null = null;
  private unread: Uint8Array[] = [];
  /** Taken off the wire, and not by the cell. */
  private refused: ClientFrame | null = null;
  private full = false;
  private isClosing = false;
  isGone = false;
  private retryPlanned = false;

  constructor(world: World, connection: Connection, port: ConnectionPort, tap: Wiretap, source: string) {
    this.world = world;
    this.connection = connection;
    this.port = port;
    this.tap = tap;
    this.source = source;
  }

  /** False: the node takes no connections now. */
  open(): boolean {
    this.cell = this.port.open(this);
    return this.cell !== null;
  }

  // Out.

  get bufferedBytes(): number {
    return this.connection.down.buffered;
  }

  write(frame: Uint8Array): void {
    if (this.isClosing || this.isGone) return;
    if (this.bufferedBytes + frame.length > LIMITS.bufferedCloseBytes) {
      this.connection.down.drop();
      this.close('slowReader');
      this.tellCell();
      return;
    }
    this.world.note('down', this.connection.name, '', frame.length, '', () => this.tap.describe(frame, 'server'));
    this.world.trace.hash ^= hashBytes(frame, 64);
    this.tap.wrote(this.connection, frame);
    this.connection.down.send(frame);
    if (this.bufferedBytes >= LIMITS.bufferedStopBytes) this.full = true;
  }

  close(name: CloseName): void {
    if (this.isClosing || this.isGone) return;
    this.world.note('closes', this.connection.name, name);
    this.isClosing = true;
    this.tap.ended(this.connection);
    this.connection.closeFromNode(name);
  }

  /** The client has taken something. */
  drained(): void {
    if (!this.full || this.bufferedBytes >= LIMITS.bufferedStopBytes) return;
    this.full = false;
    this.world.after(this.connection.node, 0, () => this.pump());
  }

  // In.

  arrived(bytes: Uint8Array): void {
    if (this.isClosing || this.isGone) return;
    this.unread.push(bytes);
    this.pump();
  }

  /** Hands over what was read, in order, until the cell's mailbox is full. */
  pump(): void {
    while (!this.full && !this.isClosing && !this.isGone) {
      const frame = this.refused ?? this.next();
      if (frame === null || this.cell === null) return;
      this.refused = null;
      const taken = this.port.frame(this.cell, frame);
      if (taken === 'gone') return this.close('serverFault');
      if (taken === 'taken') {
        this.tap.took(this.connection, frame);
        continue;
      }
      this.refused = frame;
      if (this.retryPlanned) return;
      this.retryPlanned = true;
      this.world.after(this.connection.node, RETRY_MS, () => {
        this.retryPlanned = false;
        this.pump();
      });
      return;
    }
  }

  private next(): ClientFrame | null {
    const bytes = this.unread.shift();
    if (bytes === undefined) return null;
    this.world.note('up', this.connection.name, '', bytes.length, '', () => this.tap.describe(bytes, 'client'));
    this.world.trace.hash ^= hashBytes(bytes, 64);
    try {
      return decodeClientFrame(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.unread = [];
      if (this.cell !== null) this.port.broke(this.cell, error.code, error.message);
      return null;
    }
  }

  /** The process is gone, and nobody tells anybody. */
  died(): void {
    this.isGone = true;
    this.tap.ended(this.connection);
  }

  /** The socket is gone. */
  gone(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.world.note('gone', this.connection.name, '');
    this.tap.ended(this.connection);
    this.tellCell();
  }

  private tellCell(): void {
    const { cell } = this;
    this.cell = null;
    if (cell !== null) this.port.closed(cell);
  }
}
