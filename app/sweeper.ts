// Retention: what is older than its time is deleted, a little at a time, so that it never competes with messages.
import type { ServiceCtx, ServiceKind } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';

export const SWEEP_EVERY_MS = 60_000;
export const SWEEP_LIMIT = 2_000;
/** Between two bites when there was more than one. */
export const SWEEP_PAUSE_MS = 250;

interface GoMail {
  readonly t: 'go';
}

export function sweeperService(store: Store): ServiceKind<null, GoMail> {
  return {
    name: 'sweeper',
    inboxMailsMax: 2,
    batchMailsMax: 2,
    init(ctx) {
      ctx.tell(ctx.self, { t: 'go' });
      return null;
    },
    async receive(ctx) {
      while (!ctx.stopping) await ctx.sleep((await sweep(ctx, store)) < SWEEP_LIMIT ? SWEEP_EVERY_MS : SWEEP_PAUSE_MS);
    },
  };
}

async function sweep(ctx: ServiceCtx, store: Store): Promise<number> {
  try {
    return await store.expire(ctx.env.wallNow(), SWEEP_LIMIT);
  } catch (error) {
    ctx.env.log.warn({ error: String(error) }, 'old entries could not be deleted; trying again later');
    return 0;
  }
}
