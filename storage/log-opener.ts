// Opens logs for the owners of a writer's partitions, one opening of a log at a time: what an opening has begun to write is written, the
// same rows, until that is known, and only then the log is looked at again. An opening that was given up half way, and another that read
// something else, would write two records of one stamp, or take the first one's record for a promise that was kept.
// Owned by a writer, outlives its crashes.
import { type Env, RepeatedWarning } from '../runtime/index.ts';
import { type IndexOf, type OpenedLog, openLog } from './fenced-log.ts';
import type { LogId, Store, Write } from './store.ts';
import { StoreError } from './store.ts';

interface Opening {
  running: Promise<OpenedLog>;
  /** Begins when that is over; whoever comes until then joins it. */
  waiting: Promise<OpenedLog> | null;
}

const RETRY_FIRST_MS = 10;
const RETRY_LONGEST_MS = 1_000;
const REMEMBER_MS = 600_000;

export class LogOpener {
  private readonly store: Store;
  private readonly indexOf: IndexOf;
  /** The process ends: what is not known by now stays unknown. */
  private readonly givesUp: (now: number) => boolean;
  private readonly underWay = new Map<string, Opening>();
  /** Logs that were found empty, and those of the time before: no load is under way for longer than that. */
  private empty = new Set<string>();
  private emptyBefore = new Set<string>();
  private turnedAt = 0;
  private readonly failing = new RepeatedWarning('a log could not be opened; trying again', 'logs can be opened again');

  constructor(store: Store, indexOf: IndexOf, givesUp: (now: number) => boolean) {
    this.store = store;
    this.indexOf = indexOf;
    this.givesUp = givesUp;
  }

  /** As `openLog`. Sees all that was durable when it was called. */
  open(env: Env, log: LogId, fence: number): Promise<OpenedLog> {
    const name = `${fence} ${log}`;
    const known = this.underWay.get(name);
    if (known === undefined) {
      const opening: Opening = { running: this.run(env, log, fence), waiting: null };
      this.underWay.set(name, opening);
      this.follow(name, opening);
      return opening.running;
    }
    if (known.waiting === null) {
      const next = (): Promise<OpenedLog> => {
        known.running = this.run(env, log, fence);
        known.waiting = null;
        this.follow(name, known);
        return known.running;
      };
      known.waiting = known.running.then(next, next);
    }
    return known.waiting;
  }

  private async run(env: Env, log: LogId, fence: number): Promise<OpenedLog> {
    const name = `${fence} ${log}`;
    const foundEmpty = this.empty.has(name) || this.emptyBefore.has(name);
    const commit = (writes: readonly Write[]): Promise<void> => this.commit(env, writes);
    const opened = await openLog(this.store, log, fence, this.indexOf, commit, foundEmpty);
    if (opened.record?.owed) this.noteEmpty(name, env.now());
    return opened;
  }

  private noteEmpty(name: string, now: number): void {
    if (now - this.turnedAt >= REMEMBER_MS) {
      this.turnedAt = now;
      this.emptyBefore = this.empty;
      this.empty = new Set();
    }
    this.empty.add(name);
  }

  private follow(name: string, opening: Opening): void {
    const over = (): void => {
      if (opening.waiting === null && this.underWay.get(name) === opening) this.underWay.delete(name);
    };
    opening.running.then(over, over);
  }

  private async commit(env: Env, writes: readonly Write[]): Promise<void> {
    for (let pauseMs = RETRY_FIRST_MS; ; pauseMs = Math.min(RETRY_LONGEST_MS, pauseMs * 2)) {
      try {
        await this.store.commit(writes);
        return this.failing.over(env);
      } catch (error) {
        if (error instanceof StoreError && error.fault === 'fenced') throw error;
        if (this.givesUp(env.now())) throw error;
        this.failing.met(env, { error: String(error) });
      }
      await new Promise<void>((resolve) => env.setTimer(resolve, pauseMs * (0.5 + env.random() / 2)));
    }
  }
}
