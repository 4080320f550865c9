// Whether this node reaches the store that its cluster shares: one small read a second. A node that does not for some seconds gives its
// shards to those who do, instead of refusing their chats for as long as it lasts. State, and a shell of timers; started by cluster.ts.
import type { Env, EnvTimer } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';

const EVERY_MS = 1_000;
/** So many looks in a row without an answer since the last: out of reach. */
export const SILENT_MAX = 4;
/** So many with one: within reach again. */
export const ANSWERED_MIN = 5;
/** Reads that have no answer yet; more are not sent. */
const ASKED_MAX = 4;

/** Counts looks, not time: a process that stood still has not looked. */
export class Reach {
  isOut = false;
  private row = 0;

  /** True: it is another now. */
  look(isAnswered: boolean): boolean {
    this.row = isAnswered === this.isOut ? this.row + 1 : 0;
    if (this.row < (this.isOut ? ANSWERED_MIN : SILENT_MAX)) return false;
    this.isOut = !this.isOut;
    this.row = 0;
    return true;
  }
}

export class StoreReach {
  private readonly env: Env;
  private readonly store: Store;
  private readonly onChange: (isOut: boolean) => void;
  private readonly reach = new Reach();
  private asked = 0;
  private isAnswered = true;
  private timer: EnvTimer;

  constructor(env: Env, store: Store, onChange: (isOut: boolean) => void) {
    this.env = env;
    this.store = store;
    this.onChange = onChange;
    this.timer = env.setTimer(() => this.look(), EVERY_MS);
  }

  close(): void {
    this.env.clearTimer(this.timer);
  }

  private look(): void {
    this.timer = this.env.setTimer(() => this.look(), EVERY_MS);
    if (this.reach.look(this.isAnswered)) this.onChange(this.reach.isOut);
    this.isAnswered = false;
    if (this.asked < ASKED_MAX) void this.ask();
  }

  /** A row that is never there: what counts is that a quorum said so. */
  private async ask(): Promise<void> {
    this.asked++;
    try {
      await this.store.readRow('log', 'reach', '');
      this.isAnswered = true;
    } catch {
      // No answer is what is counted.
    } finally {
      this.asked--;
    }
  }
}
