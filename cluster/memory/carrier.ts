// A carrier between nodes of one process: a hub that hands bytes over as later events of its Env. What the network may do to them is
// asked of a faults object, which a simulation changes as it goes; without one nothing is lost and all comes in order.
import type { Env } from '../../runtime/index.ts';
import type { Carrier } from '../carrier.ts';

export interface CarrierFaults {
  /** Probabilities per message and receiver. */
  lossRate: number;
  duplicateRate: number;
  /** Of being overtaken by the next one on the same way. */
  reorderRate: number;
  /** Uniform between the two. Delay alone does not change the order. */
  delayMsMin: number;
  delayMsMax: number;
  /** Ways that are cut: `a>b` for what a says to b. */
  readonly cuts: Set<string>;
  /** Names whose carrier is disconnected: nothing is taken from them, nothing reaches them. */
  readonly disconnected: Set<string>;
}

export const noFaults = (): CarrierFaults => ({
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  delayMsMin: 0,
  delayMsMax: 0,
  cuts: new Set(),
  disconnected: new Set(),
});

interface Subscriber {
  readonly name: string;
  readonly subject: string;
  readonly onMessage: (bytes: Uint8Array) => void;
}
interface Delivery {
  readonly to: Subscriber;
  readonly bytes: Uint8Array;
}
/** One way between two names. What is on it is handed over one by one, oldest first, at times that never run ahead of each other. */
interface Way {
  /** From `head` on. */
  queue: Delivery[];
  head: number;
  lastAt: number;
}

const PAYLOAD_BYTES_MAX = 1_048_576;
/** On one way; beyond it the carrier takes nothing. */
const WAY_MESSAGES_MAX = 65_536;
const COMPACT_AT = 4_096;

type HubEnv = Pick<Env, 'now' | 'setTimer' | 'setImmediate' | 'random'>;

export class MemoryHub {
  readonly faults: CarrierFaults;
  readonly payloadMax: number;
  private readonly env: HubEnv;
  private readonly subscribers = new Map<string, Set<Subscriber>>();
  private readonly ways = new Map<string, Way>();

  constructor(env: HubEnv, options: { readonly faults?: CarrierFaults; readonly payloadMax?: number } = {}) {
    this.env = env;
    this.faults = options.faults ?? noFaults();
    this.payloadMax = options.payloadMax ?? PAYLOAD_BYTES_MAX;
  }

  /** `name` is what faults know this carrier by. */
  connect(name: string): Carrier {
    return new MemoryCarrier(this, name);
  }

  add(subscriber: Subscriber): () => void {
    const { subject } = subscriber;
    const set = this.subscribers.get(subject) ?? new Set();
    this.subscribers.set(subject, set.add(subscriber));
    return () => {
      set.delete(subscriber);
      if (set.size === 0 && this.subscribers.get(subject) === set) this.subscribers.delete(subject);
    };
  }

  publish(from: string, subject: string, bytes: Uint8Array): boolean {
    if (bytes.byteLength > this.payloadMax || this.faults.disconnected.has(from)) return false;
    for (const to of this.subscribers.get(subject) ?? []) {
      const { faults } = this;
      if (this.happens(faults.lossRate)) continue;
      if (!this.put(from, to, bytes)) return false;
      if (this.happens(faults.duplicateRate)) this.put(from, to, bytes);
    }
    return true;
  }

  private put(from: string, to: Subscriber, bytes: Uint8Array): boolean {
    const name = `${from}>${to.name}`;
    const way = this.ways.get(name) ?? { queue: [], head: 0, lastAt: 0 };
    this.ways.set(name, way);
    const waiting = way.queue.length - way.head;
    if (waiting >= WAY_MESSAGES_MAX) return false;
    const { delayMsMin, delayMsMax, reorderRate } = this.faults;
    const delivery = { to, bytes };
    if (waiting > 0 && this.happens(reorderRate)) way.queue.splice(-1, 0, delivery);
    else way.queue.push(delivery);
    const handOver = () => this.handOver(name, way);
    if (delayMsMax === 0 && waiting === 0) way.lastAt = 0;
    if (delayMsMax === 0 && way.lastAt === 0) {
      this.env.setImmediate(handOver);
    } else {
      const now = this.env.now();
      const delayMs = delayMsMin + this.env.random() * (delayMsMax - delayMsMin);
      way.lastAt = Math.max(way.lastAt, now + delayMs);
      this.env.setTimer(handOver, way.lastAt - now);
    }
    return true;
  }

  private handOver(name: string, way: Way): void {
    const delivery = way.queue[way.head++];
    if (delivery === undefined) return;
    if (way.head === way.queue.length || way.head > COMPACT_AT) {
      way.queue = way.queue.slice(way.head);
      way.head = 0;
    }
    const { to, bytes } = delivery;
    // Cut now: what was under way is lost too.
    if (this.faults.cuts.has(name) || this.faults.disconnected.has(to.name)) return;
    if (this.subscribers.get(to.subject)?.has(to) === true) to.onMessage(bytes);
  }

  /** Draws nothing when there is nothing to draw, so that a run without faults is the same with and without this file. */
  private happens(rate: number): boolean {
    return rate > 0 && this.env.random() < rate;
  }
}

class MemoryCarrier implements Carrier {
  private readonly hub: MemoryHub;
  private readonly name: string;
  private readonly stops = new Set<() => void>();
  private closed = false;

  constructor(hub: MemoryHub, name: string) {
    this.hub = hub;
    this.name = name;
  }

  get connected(): boolean {
    return !this.closed && !this.hub.faults.disconnected.has(this.name);
  }

  get payloadMax(): number {
    return this.hub.payloadMax;
  }

  publish(subject: string, bytes: Uint8Array): boolean {
    return !this.closed && this.hub.publish(this.name, subject, bytes);
  }

  subscribe(subject: string, onMessage: (bytes: Uint8Array) => void): () => void {
    if (this.closed) throw new Error('the carrier is closed');
    const remove = this.hub.add({ name: this.name, subject, onMessage });
    const stop = () => {
      this.stops.delete(stop);
      remove();
    };
    this.stops.add(stop);
    return stop;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const stop of this.stops) stop();
  }
}
