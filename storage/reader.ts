// The reading service: reads that need not wait for anybody's writes, history pages say. Answers go to the sender, or straight
// to `replyTo`, with the sender's own `context`. Started by app/; knows the seam, not who asks.
import { type Letter, type Ref, RepeatedWarning, type ServiceCtx, type ServiceKind } from '../runtime/index.ts';
import { faultOfError, type ReadOp, type ReadValue, runRead } from './read-op.ts';
import type { Store, StoreFault } from './store.ts';

export interface ReadMail {
  readonly t: 'read';
  readonly token: number;
  readonly op: ReadOp;
  /** Who gets the answer; the sender if absent. */
  readonly replyTo?: Ref;
  /** Given back as it is. */
  readonly context?: unknown;
}

export interface ReadResultMail {
  readonly t: 'readResult';
  readonly token: number;
  readonly ok: boolean;
  /** What the op's kind gives (`ReadValues`); null unless ok. */
  readonly value: ReadValue;
  readonly fault: StoreFault | null;
  readonly context: unknown;
}

export interface ReaderOptions {
  readonly store: Store;
  readonly name?: string;
  /** Reads at once; more wait in the inbox. Default 64. */
  readonly atOnceMax?: number;
  /** Waiting at the most; more are refused. Default 4,096. */
  readonly inboxMailsMax?: number;
}

export interface ReaderState {
  atOnce: number;
  /** Called when a read is done while `receive` waits for room. */
  roomMade: (() => void) | null;
}

const AT_ONCE_MAX = 64;
const INBOX_MAILS_MAX = 4_096;

export function readerKind(options: ReaderOptions): ServiceKind<ReaderState, ReadMail> {
  const { store } = options;
  const atOnceMax = options.atOnceMax ?? AT_ONCE_MAX;
  const failing = new RepeatedWarning('a read failed', 'reads are answered again');

  const readOne = async (ctx: ServiceCtx, state: ReaderState, letter: Letter<ReadMail>): Promise<void> => {
    const { token, op, replyTo, context } = letter.mail;
    const to = replyTo ?? letter.from;
    state.atOnce++;
    let result: ReadResultMail;
    try {
      const value = await runRead(store, op);
      failing.over(ctx.env);
      result = { t: 'readResult', token, ok: true, value, fault: null, context };
    } catch (error) {
      const fault = faultOfError(error) ?? 'failed';
      failing.met(ctx.env, { op: op.kind, fault, error: String(error) });
      result = { t: 'readResult', token, ok: false, value: null, fault, context };
    }
    state.atOnce--;
    if (to !== null) ctx.reply(to, result);
    state.roomMade?.();
  };

  return {
    name: options.name ?? 'reader',
    inboxMailsMax: options.inboxMailsMax ?? INBOX_MAILS_MAX,
    batchMailsMax: atOnceMax,
    init: () => ({ atOnce: 0, roomMade: null }),
    async receive(ctx, state, batch) {
      for (const letter of batch) {
        // Waiting here leaves the rest in the inbox, whose bound refuses early.
        while (state.atOnce >= atOnceMax) {
          await new Promise<void>((resolve) => {
            state.roomMade = resolve;
          });
          state.roomMade = null;
        }
        void readOne(ctx, state, letter);
      }
    },
    async onStop(_ctx, state) {
      while (state.atOnce > 0) {
        await new Promise<void>((resolve) => {
          state.roomMade = resolve;
        });
      }
    },
  };
}
