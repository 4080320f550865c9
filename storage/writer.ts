// The persistence service: gathers the writes of many chats and users into one commit at a time, and answers item by item.
// A write is retried, the same rows, until its outcome is known. Knows the seam, not what it stores. Started by app/.
import { type Letter, type Ref, RepeatedWarning, type ServiceCtx, type ServiceKind } from '../runtime/index.ts';
import type { IndexOf, OpenedLog } from './fenced-log.ts';
import { LogOpener } from './log-opener.ts';
import { faultOfError, type ReadOp, type ReadValue, runRead } from './read-op.ts';
import type { LogId, Store, StoreFault, Write } from './store.ts';
import {
  type FlushReason,
  type LoadItem,
  type WriteBatch,
  type WriteItem,
  type WriterLimits,
  WriterState,
} from './writer-state.ts';

export interface WriteMail {
  readonly t: 'write';
  readonly token: number;
  /** Chat or user: the writes of one are stored in the order of their mails. */
  readonly partition: string;
  readonly writes: readonly Write[];
}
/** Reads that come after every earlier write of the partition is known, be it stored or void. */
export interface LoadMail {
  readonly t: 'load';
  readonly token: number;
  readonly partition: string;
  readonly reads: readonly ReadOp[];
}
export type WriterMail = WriteMail | LoadMail;

export interface WriteResult {
  readonly token: number;
  readonly ok: boolean;
  readonly fault: StoreFault | null;
}
/** One a sender and batch, its results in the order of its mails. */
export interface WrittenMail {
  readonly t: 'written';
  readonly results: readonly WriteResult[];
}
export interface LoadedMail {
  readonly t: 'loaded';
  readonly token: number;
  readonly ok: boolean;
  /** What each read gives (`ReadValues`), in their order; empty unless ok. */
  readonly values: readonly ReadValue[];
  readonly fault: StoreFault | null;
}

/** What metrics hear of. Called synchronously; must not throw. */
export interface WriterObserver {
  flushed(reason: FlushReason, mails: number, writes: number, bytes: number): void;
  /** From the first try to the known outcome. */
  committed(latencyMs: number, attempts: number): void;
  /** A try that did not succeed. */
  failed(fault: StoreFault): void;
  /** What waits and is in flight, whenever it changed by a batch. */
  queued?(writes: number, bytes: number): void;
}

export interface WriterOptions {
  readonly store: Store;
  readonly name: string;
  readonly limits?: Partial<WriterLimits>;
  readonly observer?: WriterObserver;
  /** How an adopted entry is indexed; default: not at all. */
  readonly indexOf?: IndexOf;
  /** Time to flush when stopping, in ms. Default 10,000. */
  readonly shutdownMs?: number;
}

export interface Writer {
  readonly state: WriterState;
  /** The loop that commits, while there is anything to commit. */
  running: Promise<void> | null;
  draining: boolean;
  /** When a drain gives up what the store still does not take. */
  drainUntil: number;
  /** A fault of ours in the loop: the next mail crashes the service, so that its supervisor hears of it. */
  broken: unknown;
}

const INBOX_MAILS_MAX = 8_192;
const SHUTDOWN_MS = 10_000;
/** Of the time to stop: the rest is for the last answers. */
const DRAIN_SHARE = 0.8;

export function writerKind(options: WriterOptions): ServiceKind<Writer, WriterMail> {
  const { store, observer } = options;
  /** Outlives a crash of the service: its successor must not read before what it had in flight is known. */
  let predecessor: Writer | null = null;
  const givesUp = (now: number): boolean => predecessor !== null && now >= predecessor.drainUntil;
  const failing = new RepeatedWarning('a load failed', 'loads are answered again');
  const opener = new LogOpener(store, options.indexOf ?? (() => null), givesUp);

  const admit = (ctx: ServiceCtx, writer: Writer, letter: Letter<WriterMail>): void => {
    const { from, mail } = letter;
    if (mail.t === 'write') {
      writer.state.write(from, mail.token, mail.partition, mail.writes, ctx.env.now());
    } else {
      const load = { from, token: mail.token, reads: mail.reads };
      if (writer.state.load(load, mail.partition)) void answerLoad(ctx, load);
    }
  };

  const answerLoad = async (ctx: ServiceCtx, load: Omit<LoadItem, 'after'>): Promise<void> => {
    const { from, token, reads } = load;
    let loaded: LoadedMail;
    try {
      const open = (log: LogId, fence: number): Promise<OpenedLog> => opener.open(ctx.env, log, fence);
      const values = await Promise.all(reads.map((op) => runRead(store, op, open)));
      failing.over(ctx.env, { writer: options.name });
      loaded = { t: 'loaded', token, ok: true, values, fault: null };
    } catch (error) {
      failing.met(ctx.env, { writer: options.name, error: String(error) });
      loaded = { t: 'loaded', token, ok: false, values: [], fault: faultOfError(error) ?? 'failed' };
    }
    if (from !== null) ctx.reply(from, loaded);
  };

  const run = async (ctx: ServiceCtx, writer: Writer): Promise<void> => {
    try {
      for (;;) {
        const step = writer.state.next(ctx.env.now(), writer.draining || ctx.stopping);
        if (step.t === 'nothing') break;
        if (step.t === 'wait') await ctx.sleep(step.ms);
        else await flush(ctx, writer, step.batch);
      }
    } catch (error) {
      ctx.env.log.error({ writer: options.name, error: String(error) }, 'a writer is broken');
      writer.broken = error;
    }
    writer.running = null;
  };

  const flush = async (ctx: ServiceCtx, writer: Writer, batch: WriteBatch): Promise<void> => {
    observer?.flushed(batch.reason, batch.items.length, batch.writes.length, batch.bytes);
    const answers = new Map<Ref, WriteResult[]>();
    const outcome = await commitUntilKnown(ctx, writer, batch.writes);
    if (outcome === 'stored' || batch.items.length === 1) {
      settle(writer, answers, batch.items, outcome);
    } else {
      // One of them may be to blame, for a fence of long ago or for rows that no store takes: each gets its own outcome.
      for (const item of batch.items) {
        settle(writer, answers, [item], await commitUntilKnown(ctx, writer, item.writes));
      }
    }
    writer.state.finished();
    for (const [to, results] of answers) ctx.reply(to, { t: 'written', results } satisfies WrittenMail);
    for (const load of writer.state.readyLoads()) void answerLoad(ctx, load);
    ctx.setAccepting(writer.state.accepting && !writer.draining);
    reportQueue(writer);
  };

  const reportQueue = (writer: Writer): void => {
    const { writes, bytes } = writer.state.queued;
    observer?.queued?.(writes, bytes);
  };

  const settle = (
    writer: Writer,
    answers: Map<Ref, WriteResult[]>,
    items: readonly WriteItem[],
    outcome: Outcome,
  ): void => {
    const fault = outcome === 'stored' ? null : outcome;
    for (const { from, token } of items) {
      if (from === null) continue;
      const result = { token, ok: fault === null, fault };
      const results = answers.get(from);
      if (results === undefined) answers.set(from, [result]);
      else results.push(result);
    }
    writer.state.settled(items);
  };

  type Outcome = 'stored' | 'fenced' | 'failed';

  /**
   * The delivery rule itself: a write of unknown outcome is written again, same rows, same keys, until it is known. While the
   * store fails, nothing new is taken, and the one batch in flight is the probe that finds it well again: a circuit breaker
   * that is half open all the time. One around this (cockatiel's, as for remote stores) would only hide the outcome.
   */
  const commitUntilKnown = async (ctx: ServiceCtx, writer: Writer, writes: readonly Write[]): Promise<Outcome> => {
    const { env } = ctx;
    const begin = env.now();
    for (let attempts = 1; ; attempts++) {
      try {
        await store.commit(writes);
        observer?.committed(env.now() - begin, attempts);
        return 'stored';
      } catch (error) {
        const fault = faultOfError(error);
        observer?.failed(fault ?? 'failed');
        if (fault === 'fenced') return 'fenced';
        if (fault === null) {
          env.log.error({ writer: options.name, error: String(error) }, 'a write that no store takes');
          return 'failed';
        }
        if (attempts === 1) env.log.warn({ writer: options.name, fault }, 'the store does not take writes');
      }
      // The service is being stopped and its time is up: the outcome stays unknown, and the process must be able to end.
      if (env.now() >= writer.drainUntil) return 'failed';
      const pauseMs = writer.state.failed(env.random());
      ctx.setAccepting(false);
      // Not ctx.sleep: that ends at once when stopping, and would make this loop a busy one.
      await new Promise<void>((resolve) => env.setTimer(resolve, pauseMs));
    }
  };

  return {
    name: options.name,
    inboxMailsMax: INBOX_MAILS_MAX,
    batchMailsMax: 1_024,
    shutdownMs: options.shutdownMs ?? SHUTDOWN_MS,
    async init() {
      while (predecessor?.running) await predecessor.running;
      predecessor = {
        state: new WriterState(options.limits),
        running: null,
        draining: false,
        drainUntil: Number.POSITIVE_INFINITY,
        broken: null,
      };
      return predecessor;
    },
    receive(ctx, writer, batch) {
      if (writer.broken !== null) throw writer.broken;
      for (const letter of batch) admit(ctx, writer, letter);
      reportQueue(writer);
      if (!writer.state.accepting) ctx.setAccepting(false);
      if (writer.running === null && writer.state.queued.writes > 0) writer.running = run(ctx, writer);
    },
    async onStop(ctx, writer) {
      writer.draining = true;
      writer.drainUntil = ctx.env.now() + (options.shutdownMs ?? SHUTDOWN_MS) * DRAIN_SHARE;
      ctx.setAccepting(false);
      while (writer.running) await writer.running;
    },
  };
}
