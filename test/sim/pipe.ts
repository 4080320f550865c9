// One direction of a connection: items arrive in the order in which they were sent, each a delay after it left, never faster than
// the peer takes bytes. It may stand still for a while, or lose everything from some moment on without anybody being told.
import type { Random } from './random.ts';
import type { Owner, World } from './world.ts';

export interface PipeProfile {
  /** Least time under way, and how much more chance may add, in ms. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** What the peer takes, in bytes a millisecond. */
  bytesPerMs: number;
}
interface Item {
  /** Null: the end of the stream. */
  readonly bytes: Uint8Array | null;
  readonly code: number;
  readonly reason: string;
  due: number;
}

export class Pipe {
  /** Bytes sent and not yet arrived. */
  buffered = 0;
  private readonly world: World;
  private readonly random: Random;
  private readonly profile: PipeProfile;
  private readonly receiver: Owner;
  private readonly onBytes: (bytes: Uint8Array) => void;
  private readonly onEnd: (code: number, reason: string) => void;
  private items: Item[] = [];
  private lastDue = 0;
  private stalledUntil = 0;
  private isLost = false;
  private planned = false;

  constructor(
    world: World,
    random: Random,
    profile: PipeProfile,
    receiver: Owner,
    onBytes: (bytes: Uint8Array) => void,
    onEnd: (code: number, reason: string) => void,
  ) {
    this.world = world;
    this.random = random;
    this.profile = profile;
    this.receiver = receiver;
    this.onBytes = onBytes;
    this.onEnd = onEnd;
  }

  send(bytes: Uint8Array): void {
    this.buffered += bytes.length;
    this.put({ bytes, code: 0, reason: '', due: 0 });
  }

  /** Behind everything that was sent: the stream ends with this close code. */
  end(code: number, reason: string): void {
    this.put({ bytes: null, code, reason, due: 0 });
  }

  hurry(bytesPerMs: number): void {
    this.profile.bytesPerMs = bytesPerMs;
    this.lastDue = this.world.now;
    for (const item of this.items) item.due = Math.min(item.due, this.world.now);
    this.planned = false;
    this.plan();
  }

  stall(ms: number): void {
    this.stalledUntil = Math.max(this.stalledUntil, this.world.now + ms);
  }

  /** Nothing arrives any more; the sender's buffer fills. */
  lose(): void {
    this.isLost = true;
    this.items = [];
  }

  /** What is under way is gone; what is sent from here on arrives. */
  drop(): void {
    this.items = [];
    this.buffered = 0;
  }

  private put(item: Item): void {
    if (this.isLost) return;
    const { delayMs, jitterMs, bytesPerMs } = this.profile;
    const arrives = this.world.now + delayMs + this.random.next() * jitterMs;
    const taken = this.lastDue + (item.bytes === null ? 0 : item.bytes.length / bytesPerMs);
    item.due = Math.max(arrives, taken);
    this.lastDue = item.due;
    this.items.push(item);
    this.plan();
  }

  private plan(): void {
    const first = this.items[0];
    if (this.planned || first === undefined) return;
    this.planned = true;
    this.world.at(this.receiver, Math.max(first.due, this.stalledUntil), () => {
      this.planned = false;
      if (this.world.now >= this.stalledUntil) this.arrive();
      this.plan();
    });
  }

  /** All that is due, in one go, as one read of a socket gives it. */
  private arrive(): void {
    for (let first = this.items[0]; first !== undefined && first.due <= this.world.now; first = this.items[0]) {
      this.items.shift();
      if (first.bytes === null) {
        this.onEnd(first.code, first.reason);
        return;
      }
      this.buffered -= first.bytes.length;
      this.onBytes(first.bytes);
    }
  }
}
