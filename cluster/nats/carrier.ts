// The carrier on core NATS: a publish is written to the socket and forgotten. What is not yet known to have reached the server is bounded,
// and nothing is taken while there is no connection, so that a lost server costs no memory. Reconnects for ever, as connect.ts says.
import type { NatsConnection } from '@nats-io/transport-node';
import type { Env } from '../../runtime/index.ts';
import type { Carrier } from '../carrier.ts';
import { connectNats, type NatsConnectOptions } from './connect.ts';

export interface NatsCarrierOptions extends NatsConnectOptions {
  readonly env: Pick<Env, 'setTimer' | 'clearTimer' | 'log'>;
  /** Published, not yet known to be with the server; beyond it nothing is taken. Default 16 MiB. */
  readonly pendingBytesMax?: number;
}

const PENDING_BYTES_MAX = 16_777_216;
/** The server is asked how far it has read when this part of the maximum was published since. */
const ASK_PART = 8;
const PAYLOAD_BYTES_DEFAULT = 1_048_576;
/** For what is still to be written when it closes. */
const CLOSE_MS = 500;

/** Rejects when no server answers, unless told to wait for one. */
export async function connectNatsCarrier(options: NatsCarrierOptions): Promise<Carrier> {
  return new NatsCarrier(await connectNats(options), options);
}

class NatsCarrier implements Carrier {
  private readonly connection: NatsConnection;
  private readonly env: NatsCarrierOptions['env'];
  private readonly pendingBytesMax: number;
  private isConnected = true;
  private closed = false;
  private pendingBytes = 0;
  private unaskedBytes = 0;
  private asking = false;

  constructor(connection: NatsConnection, options: NatsCarrierOptions) {
    this.connection = connection;
    this.env = options.env;
    this.pendingBytesMax = options.pendingBytesMax ?? PENDING_BYTES_MAX;
    this.follow().catch((error: unknown) => {
      // Nobody would hear any more whether there is a connection: nothing is taken from now on.
      this.isConnected = false;
      this.env.log.error({ error: String(error) }, 'NATS is not followed any more; taken for disconnected');
    });
  }

  get connected(): boolean {
    return this.isConnected && !this.closed;
  }

  get payloadMax(): number {
    return this.connection.info?.max_payload ?? PAYLOAD_BYTES_DEFAULT;
  }

  publish(subject: string, bytes: Uint8Array): boolean {
    const length = bytes.byteLength;
    if (!this.connected || length > this.payloadMax || this.connection.isClosed()) return false;
    if (this.pendingBytes + length > this.pendingBytesMax) return false;
    this.connection.publish(subject, bytes);
    this.pendingBytes += length;
    this.unaskedBytes += length;
    if (!this.asking && this.unaskedBytes * ASK_PART >= this.pendingBytesMax) void this.ask();
    return true;
  }

  subscribe(subject: string, onMessage: (bytes: Uint8Array) => void): () => void {
    const subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (this.closed) return;
        if (error !== null) {
          this.env.log.error({ subject, error: error.message }, 'NATS refuses a subscription');
          return;
        }
        try {
          onMessage(message.data);
        } catch (thrown) {
          // The client would take it for a fault of its connection.
          this.env.log.error({ subject, error: String(thrown) }, 'a message of NATS was not handled');
        }
      },
    });
    return () => {
      if (!this.connection.isClosed()) subscription.unsubscribe();
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.isConnected) {
      await new Promise<void>((resolve) => {
        const timer = this.env.setTimer(resolve, CLOSE_MS);
        const done = () => {
          this.env.clearTimer(timer);
          resolve();
        };
        this.connection.flush().then(done, done);
      });
    }
    await this.connection.close();
  }

  /** What was published before it is with the server once it answers. */
  private async ask(): Promise<void> {
    this.asking = true;
    const bytes = this.unaskedBytes;
    this.unaskedBytes = 0;
    try {
      await this.connection.flush();
      this.pendingBytes = Math.max(0, this.pendingBytes - bytes);
    } catch {
      // Disconnected: `follow` hears of it, and what was pending is gone.
    }
    this.asking = false;
    if (this.connected && this.unaskedBytes * ASK_PART >= this.pendingBytesMax) void this.ask();
  }

  private async follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') {
        this.isConnected = false;
        this.pendingBytes = 0;
        this.unaskedBytes = 0;
        if (!this.closed) this.env.log.warn({ server: status.server }, 'NATS is disconnected');
      } else if (status.type === 'reconnect') {
        this.pendingBytes = 0;
        this.unaskedBytes = 0;
        this.isConnected = true;
        this.env.log.info({ server: status.server }, 'NATS is connected again');
      } else if (status.type === 'error') {
        this.env.log.error({ error: status.error.message }, 'NATS reports an error');
      }
    }
    this.isConnected = false;
  }
}
