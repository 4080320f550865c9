// After a start: the chats that were marked dirty have messages that not everybody has settled. They are woken, and repeat by themselves.
// Reads the dirty lists shard by shard, and lets the chats that it woke work before it wakes more.
import { SHARDS } from '../actors/index.ts';
import type { ServiceCtx, ServiceKind } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';

export const WAKES_AT_ONCE = 256;
export const PAUSE_MS = 20;
export const RETRY_MS = 500;

interface GoMail {
  readonly t: 'go';
}

export function recoveryService(store: Store): ServiceKind<null, GoMail> {
  return {
    name: 'recovery',
    inboxMailsMax: 4,
    batchMailsMax: 4,
    init(ctx) {
      ctx.tell(ctx.self, { t: 'go' });
      return null;
    },
    async receive(ctx) {
      let woken = 0;
      for (let shard = 0; shard < SHARDS && !ctx.stopping; shard++) woken += await wakeShard(ctx, store, String(shard));
      if (woken > 0) ctx.env.log.info({ chats: woken }, 'chats with unsettled messages were woken');
    },
  };
}

async function wakeShard(ctx: ServiceCtx, store: Store, shard: string): Promise<number> {
  let after = '';
  let woken = 0;
  while (!ctx.stopping) {
    const rows = await readPage(ctx, store, shard, after);
    for (const row of rows) ctx.route('chat', row.key, { t: 'wake' });
    woken += rows.length;
    if (rows.length > 0) await ctx.sleep(PAUSE_MS);
    const last = rows[rows.length - 1];
    if (rows.length < WAKES_AT_ONCE || last === undefined) break;
    after = last.key;
  }
  return woken;
}

async function readPage(ctx: ServiceCtx, store: Store, shard: string, after: string) {
  while (!ctx.stopping) {
    try {
      return await store.readRows('dirty', shard, after, WAKES_AT_ONCE);
    } catch (error) {
      ctx.env.log.warn({ shard, error: String(error) }, 'a dirty list could not be read; trying again');
      await ctx.sleep(RETRY_MS);
    }
  }
  return [];
}
