// One watch of a bucket that comes back by itself: after a lost connection, a consumer that the server forgot, a bucket made anew.
// What it brings are hints; after each restart all that is there comes again.
import type { KV } from '@nats-io/kv';
import type { Env, EnvTimer } from '../../runtime/index.ts';

export interface WatchOptions {
  readonly env: Pick<Env, 'setTimer' | 'clearTimer' | 'random' | 'log'>;
  readonly prefix: string;
  readonly onChange: (key: string, bytes: Uint8Array | null) => void;
  open(): Promise<KV>;
}

const RETRY_MS = 250;
const JITTER_MS = 500;

export class Watch {
  private readonly options: WatchOptions;
  /** Which run is the current one: an older one that still has something to say is not heard. */
  private turn = 0;
  private isStopped = false;
  private timer: EnvTimer = null;
  private end: () => void = () => {};

  constructor(options: WatchOptions) {
    this.options = options;
    void this.run();
  }

  stop(): void {
    this.isStopped = true;
    this.options.env.clearTimer(this.timer);
    this.end();
  }

  restart(): void {
    if (this.isStopped) return;
    this.options.env.clearTimer(this.timer);
    this.end();
    void this.run();
  }

  private async run(): Promise<void> {
    const { prefix, onChange, open, env } = this.options;
    const turn = ++this.turn;
    const isCurrent = (): boolean => turn === this.turn && !this.isStopped;
    try {
      const bucket = await open();
      const entries = await bucket.watch(prefix.endsWith('.') ? { key: `${prefix}>` } : {});
      if (!isCurrent()) {
        entries.stop();
        return;
      }
      this.end = () => entries.stop();
      for await (const { key, value, operation } of entries) {
        if (!isCurrent()) return;
        if (key.startsWith(prefix)) onChange(key, operation === 'PUT' ? value : null);
      }
    } catch (error) {
      if (isCurrent()) env.log.debug({ err: error, prefix }, 'a watch has ended');
    }
    if (isCurrent()) this.timer = env.setTimer(() => this.restart(), RETRY_MS + JITTER_MS * env.random());
  }
}
