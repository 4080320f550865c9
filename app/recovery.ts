// A shard was opened: the chats that were marked dirty have messages that not everybody has settled. They are woken, and repeat by themselves.
// Reads the dirty lists a few shards at a time, and lets the chats that it woke work before it wakes more.
import type { ServiceCtx, ServiceKind } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';

export const WAKES_AT_ONCE = 256;
export const PAUSE_MS = 20;
export const RETRY_MS = 500;
/** Shards whose lists are read at the same time: a database far away answers late, and a dead node leaves hundreds. */
export const SHARDS_AT_ONCE = 4;

/** These shards are ours from now on. */
export interface WakeShardsMail {
  readonly t: 'wakeShards';
  readonly shards: readonly number[];
}

/** `isOurs`: a shard that has moved on meanwhile is the next owner's to wake. */
export function recoveryService(store: Store, isOurs: (shard: number) => boolean): ServiceKind<null, WakeShardsMail> {
  return {
    name: 'recovery',
    // One a shard at the most, and they are merged by the batch.
    inboxMailsMax: 4_096,
    batchMailsMax: 4_096,
    init: () => null,
    async receive(ctx, _state, batch) {
      const shards = batch.flatMap(({ mail }) => mail.shards).values();
      let woken = 0;
      const wakeNext = async (): Promise<void> => {
        for (const shard of shards) {
          if (ctx.stopping) return;
          woken += await wakeShard(ctx, store, String(shard), () => !ctx.stopping && isOurs(shard));
        }
      };
      await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, wakeNext));
      if (woken > 0) ctx.env.log.info({ chats: woken }, 'chats with unsettled messages were woken');
    },
  };
}

async function wakeShard(ctx: ServiceCtx, store: Store, shard: string, goesOn: () => boolean): Promise<number> {
  let after = '';
  let woken = 0;
  while (goesOn()) {
    const rows = await readPage(ctx, store, shard, after, goesOn);
    for (const row of rows) ctx.route('chat', row.key, { t: 'wake' });
    woken += rows.length;
    if (rows.length > 0) await ctx.sleep(PAUSE_MS);
    const last = rows[rows.length - 1];
    if (rows.length < WAKES_AT_ONCE || last === undefined) break;
    after = last.key;
  }
  return woken;
}

async function readPage(ctx: ServiceCtx, store: Store, shard: string, after: string, goesOn: () => boolean) {
  while (goesOn()) {
    try {
      return await store.readRows('dirty', shard, after, WAKES_AT_ONCE);
    } catch (error) {
      ctx.env.log.warn({ shard, error: String(error) }, 'a dirty list could not be read; trying again');
      await ctx.sleep(RETRY_MS);
    }
  }
  return [];
}
