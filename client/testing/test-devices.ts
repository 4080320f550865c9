// The devices of the in-memory server: what each has acknowledged, what was pushed to it, and its window. Pure state.
import { LIMITS, TYPE } from '../../protocol/index.ts';
import type { Entry, TestChat } from './test-chat.ts';
import type { TestSocket } from './test-socket.ts';

export class TestDevice {
  readonly user: string;
  readonly device: string;
  agent = '';
  seen = 0;
  socket: TestSocket | null = null;
  /** Names this registration; a client that gives another one is told its gaps. */
  sync: string;
  readonly acked = new Map<string, number>();
  readonly #pushed = new Map<string, number>();

  constructor(user: string, device: string, sync: string) {
    this.user = user;
    this.device = device;
    this.sync = sync;
  }

  attach(socket: TestSocket): void {
    this.socket = socket;
    this.#pushed.clear();
  }

  ack(chat: string, seq: number): void {
    this.acked.set(chat, Math.max(seq, this.acked.get(chat) ?? 0));
  }

  /** What may be pushed now, within the window. */
  *feed(chats: Iterable<TestChat>): Iterable<Entry> {
    let open = 0;
    for (const [chat, pushed] of this.#pushed) open += Math.max(0, pushed - (this.acked.get(chat) ?? 0));
    for (const chat of chats) {
      const acked = this.acked.get(chat.id) ?? 0;
      const head = chat.headFor(this.user);
      let at = Math.max(acked, this.#pushed.get(chat.id) ?? 0) + 1;
      for (; at <= head && open < LIMITS.windowMessages; at++) {
        this.#pushed.set(chat.id, at);
        const entry = chat.log[at - 1];
        if (entry === undefined || !chat.maySee(this.user, at) || this.#isOwn(entry)) continue;
        open++;
        yield entry;
      }
    }
  }

  /** Its own messages a device knows by SENT. */
  #isOwn({ type, sender, device }: Entry): boolean {
    return type < TYPE.created && sender === this.user && device === this.device;
  }
}
