// A shard was opened: the chats that were marked dirty have messages that not everybody has settled. They are woken, and repeat by themselves.
// Reads the dirty lists a few shards at a time, and lets the chats that it woke work before it wakes more.
import { RepeatedWarning, type ServiceCtx, type ServiceKind } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';

export const WAKES_AT_ONCE = 256;
export const PAUSE_MS = 20;
export const RETRY_MS = 500;
/** Shards whose lists are read at the same time: a database far away answers late, and a dead node leaves hundreds. */
export const SHARDS_AT_ONCE = 4;

/** Something is due: a nudge, since what is due is known beside the service, where no crash and no full inbox loses it. */
export interface GoMail {
  readonly t: 'go';
}

/** The shards whose chats are to be woken still; at the most as many as there are shards. Outlives the lives of the service. */
export class DueShards {
  private readonly due = new Set<number>();
  private readonly inHand = new Set<number>();

  get count(): number {
    return this.due.size + this.inHand.size;
  }

  /** These shards are ours from now on. One that is in hand is due again: it may have been lost meanwhile, and its chats with it. */
  add(shards: Iterable<number>): void {
    for (const shard of shards) this.due.add(shard);
  }

  /** The one that waits longest and that nobody has in hand; null: there is none. */
  next(): number | null {
    for (const shard of this.due) {
      if (this.inHand.has(shard)) continue;
      this.due.delete(shard);
      this.inHand.add(shard);
      return shard;
    }
    return null;
  }

  done(shard: number): void {
    this.inHand.delete(shard);
  }

  /** Whoever had any in hand is no more. */
  takeBack(): void {
    this.add(this.inHand);
    this.inHand.clear();
  }
}

/** `isOurs`: a shard that has moved on meanwhile is the next owner's to wake. */
export function recoveryService(
  store: Store,
  due: DueShards,
  isOurs: (shard: number) => boolean,
): ServiceKind<null, GoMail> {
  const unread = new RepeatedWarning('a dirty list could not be read; trying again', 'dirty lists can be read again');
  return {
    name: 'recovery',
    // Nudges are merged by the batch; one that is refused is one too many, as those before it are still to be heard.
    inboxMailsMax: 4_096,
    batchMailsMax: 4_096,
    init(ctx) {
      due.takeBack();
      if (due.count > 0) ctx.tell(ctx.self, { t: 'go' });
      return null;
    },
    async receive(ctx) {
      let woken = 0;
      const wakeNext = async (): Promise<void> => {
        for (let shard = due.next(); shard !== null; shard = due.next()) {
          const each = shard;
          woken += await wakeShard(ctx, store, unread, String(each), () => !ctx.stopping && isOurs(each));
          // The next life has it in hand again, from its beginning.
          if (ctx.stopping) return;
          due.done(each);
        }
      };
      await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, wakeNext));
      if (woken > 0) ctx.env.log.info({ chats: woken }, 'chats with unsettled messages were woken');
    },
  };
}

async function wakeShard(
  ctx: ServiceCtx,
  store: Store,
  unread: RepeatedWarning,
  shard: string,
  goesOn: () => boolean,
): Promise<number> {
  let after = '';
  let woken = 0;
  while (goesOn()) {
    const rows = await readPage(ctx, store, unread, shard, after, goesOn);
    for (const row of rows) ctx.route('chat', row.key, { t: 'wake' });
    woken += rows.length;
    if (rows.length > 0) await ctx.sleep(PAUSE_MS);
    const last = rows[rows.length - 1];
    if (rows.length < WAKES_AT_ONCE || last === undefined) break;
    after = last.key;
  }
  return woken;
}

async function readPage(
  ctx: ServiceCtx,
  store: Store,
  unread: RepeatedWarning,
  shard: string,
  after: string,
  goesOn: () => boolean,
) {
  while (goesOn()) {
    try {
      const rows = await store.readRows('dirty', shard, after, WAKES_AT_ONCE);
      unread.over(ctx.env);
      return rows;
    } catch (error) {
      unread.met(ctx.env, { shard, error: String(error) });
      await ctx.sleep(RETRY_MS);
    }
  }
  return [];
}
