// Fences by lightweight transactions. A try whose outcome is unknown is looked up: each taking has an id of its own in the row, so that
// we know our own however late it lands, and two takings never get one fence.
import type { Client } from 'cassandra-driver';
import { type FenceRow, StoreError } from '../store.ts';
import type { Consistencies } from './consistency.ts';
import { outcomeOf, wordsOf } from './faults.ts';
import type { CqlLimits, CqlOptions } from './options.ts';
import { FENCE } from './statements.ts';

interface Stored {
  readonly fence: number;
  readonly epoch: number;
  readonly taking: string;
}

/** Between two tries: those who race for one row come apart by chance. */
const PAUSE_FIRST_MS = 10;
const PAUSE_LONGEST_MS = 400;

export class Fences {
  private readonly client: Client;
  private readonly env: CqlOptions['env'];
  private readonly limits: CqlLimits;
  private readonly consistencies: Consistencies;

  constructor(client: Client, env: CqlOptions['env'], limits: CqlLimits, consistencies: Consistencies) {
    this.client = client;
    this.env = env;
    this.limits = limits;
    this.consistencies = consistencies;
  }

  /** Rejects with `unknown` when a try may have taken one that nobody will use, which harms nobody; `failed`: none was sent. */
  async take(shard: number, owner: string, epoch: number): Promise<number> {
    const { env } = this;
    const taking = env.id();
    const until = env.now() + this.limits.fenceMs;
    let sent = false;
    for (let tries = 0; ; tries++) {
      try {
        const stored = await this.read(shard);
        if (stored?.taking === taking) return stored.fence;
        const fence = (stored?.fence ?? 0) + 1;
        const next = { fence, epoch: Math.max(epoch, stored?.epoch ?? 0), taking };
        sent = true;
        // A try of unknown outcome that lands after this one finds another fence than it expects: a fence never comes back.
        if (await this.write(shard, owner, next, stored)) return fence;
      } catch (error) {
        const outcome = outcomeOf(error);
        if (outcome === 'invalid') throw error;
        if (env.now() >= until) throw new StoreError(sent ? 'unknown' : 'failed', `cql: ${wordsOf(error)}`);
      }
      if (env.now() >= until) throw new StoreError('unknown', `cql: too many race for the fence of shard ${shard}`);
      const pauseMs = Math.min(PAUSE_LONGEST_MS, PAUSE_FIRST_MS * 2 ** tries) * (0.5 + env.random());
      await new Promise<void>((resolve) => env.setTimer(resolve, pauseMs));
    }
  }

  async all(): Promise<FenceRow[]> {
    const found = await this.client.execute(FENCE.all, []);
    const rows: FenceRow[] = [];
    for await (const row of found) {
      rows.push({
        shard: Number(row.shard),
        fence: Number(row.fence),
        owner: String(row.owner),
        epoch: Number(row.epoch),
      });
    }
    return rows.sort((a, b) => a.shard - b.shard);
  }

  /** At serial consistency, which also ends what is under way in the row. */
  private async read(shard: number): Promise<Stored | null> {
    const found = await this.client.execute(FENCE.read, [shard], {
      consistency: this.consistencies.serialConsistency,
    });
    const row = found.first();
    return row === null ? null : { fence: Number(row.fence), epoch: Number(row.epoch), taking: String(row.taking) };
  }

  private async write(shard: number, owner: string, next: Stored, stored: Stored | null): Promise<boolean> {
    const { fence, epoch, taking } = next;
    const [query, params] =
      stored === null
        ? [FENCE.first, [shard, fence, owner, epoch, taking]]
        : [FENCE.next, [fence, owner, epoch, taking, shard, stored.fence]];
    // Not idempotent to the driver: it must not try again by itself, and take the answer to the second try for that to the first.
    const result = await this.client.execute(query, params, { isIdempotent: false });
    return result.wasApplied();
  }
}
