// The outbox: what waits, what is in flight, and what to send next. Pure state; `now` and chance are handed in.
// Each chat is a lane, first in first out. A lane's items up to `flown` are in flight. Whatever makes it send again (a refusal that
// may pass, silence, a new connection) sets `flown` back: from that message on all goes again, in order, marked as a retry.
import { backoffMs, ceilingOf } from './backoff.ts';
import type { StoredMessage } from './store.ts';

export interface OutboxLimits {
  /** Messages in the outbox at the most, and bytes of their bodies. */
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Messages in flight at the most: in one chat, in all, and bytes of bodies in all. */
  readonly chatWindow: number;
  readonly totalWindow: number;
  readonly flightBytesMax: number;
  /** Milliseconds without an answer until a message goes again. */
  readonly ackTimeoutMs: number;
}
export const OUTBOX_LIMITS: OutboxLimits = {
  messagesMax: 10_000,
  bytesMax: 64 * 1_048_576,
  chatWindow: 32,
  totalWindow: 256,
  flightBytesMax: 524_288,
  ackTimeoutMs: 15_000,
};

export interface Item {
  readonly message: StoredMessage;
  /** In the store; only then it may go. */
  stored: boolean;
  /** It may have gone before, in this life or an earlier one. */
  tried: boolean;
  /** Attempts on this connection that have no answer yet. */
  open: number;
  sentAt: number;
  /** What the last attempt named as its predecessor. */
  after: string | null;
}
interface Lane {
  readonly chat: string;
  readonly items: Item[];
  flown: number;
  window: number;
  failures: number;
  /** Nothing goes before this time. */
  notBefore: number;
}
export interface Attempt {
  readonly message: StoredMessage;
  readonly after: string | null;
  readonly retry: boolean;
}
export interface Refusal {
  readonly code: string;
  readonly retry: boolean;
  readonly afterMs: number;
}

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #lanes = new Map<string, Lane>();
  readonly #byId = new Map<string, Item>();
  /** Lanes that may have something to send, in turn. */
  readonly #ready = new Set<Lane>();
  #bytes = 0;
  #flying = 0;
  #flyingBytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byId.size;
  }
  get inFlight(): number {
    return this.#flying;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#byId.size < this.#limits.messagesMax && this.#bytes + bytes <= this.#limits.bytesMax;
  }

  add(message: StoredMessage, from: 'application' | 'store'): Item {
    const old = from === 'store';
    const item: Item = { message, stored: old, tried: old, open: 0, sentAt: 0, after: null };
    let lane = this.#lanes.get(message.chat);
    if (lane === undefined) {
      lane = { chat: message.chat, items: [], flown: 0, window: this.#limits.chatWindow, failures: 0, notBefore: 0 };
      this.#lanes.set(message.chat, lane);
    }
    lane.items.push(item);
    this.#byId.set(message.id, item);
    this.#bytes += message.body.length;
    this.#ready.add(lane);
    return item;
  }

  get(id: string): Item | undefined {
    return this.#byId.get(id);
  }

  markStored(item: Item): void {
    item.stored = true;
    const lane = this.#lanes.get(item.message.chat);
    if (lane !== undefined) this.#ready.add(lane);
  }

  /** The next message to send now, which then counts as sent; null when nothing may go. Chats take turns. */
  next(now: number): Attempt | null {
    for (const lane of this.#ready) {
      const item = lane.items[lane.flown];
      if (item?.stored !== true || lane.flown >= lane.window || lane.notBefore > now) {
        this.#ready.delete(lane);
        continue;
      }
      const bytes = item.message.body.length;
      if (this.#flying >= this.#limits.totalWindow) return null;
      if (this.#flying > 0 && this.#flyingBytes + bytes > this.#limits.flightBytesMax) return null;
      this.#ready.delete(lane);
      this.#ready.add(lane);
      return this.#launch(lane, item, now);
    }
    return null;
  }

  #launch(lane: Lane, item: Item, now: number): Attempt {
    const retry = item.tried;
    // All before it in the lane are unacknowledged, or they would not be here.
    item.after = lane.items[lane.flown - 1]?.message.id ?? null;
    item.tried = true;
    item.open++;
    item.sentAt = now;
    this.#fly(lane, lane.flown + 1);
    return { message: item.message, after: item.after, retry };
  }

  /** The message is durable at the server, or given up: it leaves. Later ones name another predecessor from now on. */
  remove(id: string, why: 'acknowledged' | 'failed'): Item | null {
    const item = this.#byId.get(id);
    const lane = item && this.#lanes.get(item.message.chat);
    if (item === undefined || lane === undefined) return null;
    const at = lane.items.indexOf(item);
    if (at < lane.flown) {
      this.#flying--;
      this.#flyingBytes -= item.message.body.length;
      lane.flown--;
    }
    lane.items.splice(at, 1);
    this.#byId.delete(id);
    this.#bytes -= item.message.body.length;
    if (why === 'acknowledged') {
      lane.failures = 0;
      lane.window = Math.min(this.#limits.chatWindow, lane.window * 2);
    }
    if (lane.items.length === 0) {
      this.#lanes.delete(lane.chat);
      this.#ready.delete(lane);
    } else this.#ready.add(lane);
    return item;
  }

  /**
   * The server refused a message. Gives the item when the message has failed and left; null when it waits to go again, or when
   * the refusal says nothing new.
   */
  refused(id: string, refusal: Refusal, now: number, random: () => number): Item | null {
    const item = this.#byId.get(id);
    const lane = item && this.#lanes.get(item.message.chat);
    if (item === undefined || lane === undefined) return null;
    if (!refusal.retry) {
      // An answer for good: whatever was waited for has passed.
      lane.failures = 0;
      return this.remove(id, 'failed');
    }
    item.open = Math.max(0, item.open - 1);
    const at = lane.items.indexOf(item);
    if (at >= lane.flown) {
      // Sent back already: one of the later refusals of a flight whose first was refused.
      lane.notBefore = Math.max(lane.notBefore, now + refusal.afterMs);
    } else if (item.open === 0) {
      // With open > 0 it answers an attempt of before the flight was sent back; the last attempt is still to be answered.
      this.#fly(lane, at);
      if (this.#namedOneThatLeft(item, refusal)) lane.notBefore = now + refusal.afterMs;
      else {
        const backoff = backoffMs(lane.failures + 1, random, ceilingOf(refusal.code));
        this.#slowDown(lane, now + Math.max(refusal.afterMs, backoff));
      }
    }
    this.#ready.add(lane);
    return null;
  }

  /** Its predecessor was refused for good, or acknowledged by another attempt: with the new predecessor it may pass at once. */
  #namedOneThatLeft(item: Item, refusal: Refusal): boolean {
    return refusal.code === 'out_of_order' && item.after !== null && !this.#byId.has(item.after);
  }

  /** After a refusal or silence one message goes first, alone; each acknowledgement doubles the window again. */
  #slowDown(lane: Lane, notBefore: number): void {
    lane.failures++;
    lane.window = 1;
    lane.notBefore = Math.max(lane.notBefore, notBefore);
  }

  /** Sends back the lanes whose oldest message has had no answer for too long. True when there was one. */
  timeOut(now: number): boolean {
    let found = false;
    for (const lane of this.#lanes.values()) {
      const oldest = lane.items[0];
      if (lane.flown === 0 || oldest === undefined || now - oldest.sentAt < this.#limits.ackTimeoutMs) continue;
      this.#fly(lane, 0);
      this.#slowDown(lane, now);
      this.#ready.add(lane);
      found = true;
    }
    return found;
  }

  /** When to look again: the end of a lane's wait, or of patience with an answer. Null when nothing is to come. */
  dueAt(now: number): number | null {
    let due = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      if (lane.flown < lane.items.length && lane.notBefore > now) due = Math.min(due, lane.notBefore);
      const oldest = lane.items[0];
      if (lane.flown > 0 && oldest !== undefined) due = Math.min(due, oldest.sentAt + this.#limits.ackTimeoutMs);
    }
    return due === Number.POSITIVE_INFINITY ? null : due;
  }

  /** Lanes whose wait is over may send again. */
  wake(now: number): void {
    for (const lane of this.#lanes.values()) if (lane.notBefore <= now) this.#ready.add(lane);
  }

  /** The connection is gone, and with it every answer that was to come. A new connection is a new chance, at once. */
  disconnected(): void {
    for (const lane of this.#lanes.values()) {
      this.#fly(lane, 0);
      lane.notBefore = 0;
      for (const item of lane.items) item.open = 0;
      this.#ready.add(lane);
    }
  }

  /** All items, oldest first within a chat. */
  *items(): Iterable<Item> {
    for (const lane of this.#lanes.values()) yield* lane.items;
  }

  #fly(lane: Lane, flown: number): void {
    for (let i = flown; i < lane.flown; i++) this.#flyingBytes -= lane.items[i]?.message.body.length ?? 0;
    for (let i = lane.flown; i < flown; i++) this.#flyingBytes += lane.items[i]?.message.body.length ?? 0;
    this.#flying += flown - lane.flown;
    lane.flown = flown;
  }
}
