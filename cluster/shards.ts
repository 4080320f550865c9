// The shards of a node at work: takes fences, seals cells and ships the rest of their mailboxes, opens what is ours, refuses in time.
// The thin shell around shard-table.ts and held-mail.ts; knows kernels and rings, nothing of chats. Composed by app/, driven by Env timers.
import { type Ref, type Refusal, RepeatedWarning, type WaitingMail } from '../runtime/index.ts';
import { type HeldMail, HeldMails } from './held-mail.ts';
import type { NodeId } from './node-id.ts';
import { ownerOf, RING_SHARDS, type Ring } from './ring.ts';
import type { ShardMail } from './shard-mail.ts';
import { ShardTable } from './shard-table.ts';
import type { FenceRow, ShardCounts, ShardsOptions } from './shards-options.ts';

const POLL_MS = 100;
/** How often those who still hold a shard of ours are asked. */
const ASK_MS = 1_000;
/** How long cells may finish what they have under way before they are moved as they are. */
export const SEAL_PATIENCE_MS = 2_000;
const SEAL_POLL_MS = 10;
/** Mail waits so long for a shard at the most; then its sender is refused, and tries again. */
export const HOLD_PATIENCE_MS = 5_000;
const TAKE_RETRY_MS = 250;
/** Lease, margin and the time to seal, after which a taker of an older ring has let go. */
const STRANGER_MS = 10_000;
const TAKES_AT_ONCE = 32;

/** Own earlier incarnations that are remembered, as in ref-table.ts. */
const SELVES_MAX = 16;

export class Shards {
  private readonly options: ShardsOptions;
  private readonly takesAtOnce: number;
  private readonly table = new ShardTable(RING_SHARDS);
  private readonly held = new HeldMails();
  /** Fence rows as last read, by shard, and for which ring. */
  private rows = new Map<number, FenceRow>();
  private rowsEpoch = -1;
  private readingRows = false;
  private readonly taking = new Set<number>();
  /** As whom we took any. */
  private readonly selves = new Set<string>();
  private readonly unread = new RepeatedWarning(
    'the fences could not be read; trying again',
    'the fences can be read again',
  );
  private readonly untaken = new RepeatedWarning(
    'a fence could not be taken; trying again',
    'fences can be taken again',
  );
  private timer: unknown = null;
  private askedAt = Number.NEGATIVE_INFINITY;
  private closed = false;
  private settledEpoch = 0;
  private ringSinceMs = 0;
  private taken = 0;
  private moved = 0;
  private remainder = 0;

  constructor(options: ShardsOptions) {
    this.options = options;
    this.takesAtOnce = options.takesAtOnce ?? TAKES_AT_ONCE;
    this.arm(POLL_MS);
  }

  get epoch(): number {
    return this.table.ring?.epoch ?? 0;
  }

  get counts(): ShardCounts {
    const { table, held, taken, moved, remainder } = this;
    return {
      open: table.count('open'),
      waiting: table.count('waiting') + table.count('taking') + table.count('passing'),
      sealing: table.count('sealing'),
      held: held.count,
      taken,
      moved,
      remainder,
    };
  }

  /** Under which fence this node may write for the shard. Throws when it may not. */
  fenceOf(shard: number): number {
    const fence = this.table.fence(shard);
    if (fence === 0) throw new Error(`shard ${shard} is not open here`);
    return fence;
  }

  /** Whether what was written under that fence may be told of. */
  holds(shard: number, fence: number): boolean {
    return this.table.fence(shard) === fence && this.options.holdsLease(this.options.env.now());
  }

  whereIs(shard: number): NodeId | 'here' | 'hold' | null {
    const phase = this.table.phase(shard);
    if (phase === 'open') return 'here';
    if (phase === 'waiting' || phase === 'taking' || phase === 'sealing') return 'hold';
    const { ring } = this.table;
    const owner = ring === null ? null : ownerOf(ring, shard);
    return owner === this.options.self() ? null : owner;
  }

  hold(shard: number, mail: HeldMail): Refusal | null {
    if (this.table.waitedMs(shard, this.options.env.now()) > HOLD_PATIENCE_MS) return 'busy';
    return this.held.hold(shard, mail);
  }

  /** The rest of a mailbox of the last owner. */
  rest(shard: number, mail: HeldMail): void {
    this.remainder++;
    const where = this.whereIs(shard);
    if (where === 'here') this.deliver(mail);
    else if (where === 'hold') this.held.rest(shard, mail);
    else if (where !== null) this.send(where, shard, mail);
    // We have not seen the ring yet that makes the shard ours.
    else this.held.rest(shard, mail);
  }

  /** A ring of a higher epoch is in force. */
  onRing(ring: Ring): void {
    const { env, self } = this.options;
    this.ringSinceMs = env.now();
    const change = this.table.apply(ring, self(), this.ringSinceMs);
    for (const shard of change.pass) this.passOn(shard);
    // Held for a shard that never was to be ours.
    for (const shard of this.held.keys()) if (this.table.phase(shard) === 'elsewhere') this.passOn(shard);
    if (change.seal.length > 0) this.seal(change.seal);
    this.askedAt = Number.NEGATIVE_INFINITY;
    this.poll();
  }

  onMail(from: NodeId, mail: ShardMail): void {
    if (mail.t === 'released') {
      for (const shard of mail.shards) this.table.released(shard, from, mail.epoch);
      this.poll();
      return;
    }
    if (mail.epoch > this.epoch) return this.options.stale(mail.epoch);
    const free = mail.shards.filter((shard) => this.table.phase(shard) === 'elsewhere');
    if (free.length > 0) this.options.tell(from, { t: 'released', epoch: this.epoch, shards: free });
  }

  /** The lease is gone, and every shard with it: cells end without another word, and what waited is refused. */
  drop(): void {
    if (!this.isEmpty) {
      const dropped = new Set(this.table.dropAll());
      const { kernel } = this.options;
      for (const [, cells] of this.cellsOf(dropped)) for (const cell of cells) kernel.stop(cell);
      this.rowsEpoch = -1;
    }
    // Also what came for a shard of a ring that we have not seen: nothing else would refuse it.
    if (this.held.count > 0)
      for (const shard of this.held.keys()) for (const mail of this.held.take(shard)) this.refuse(mail, 'noconnection');
  }

  /** True when nothing of any shard is here, open or on its way out. */
  get isEmpty(): boolean {
    return this.table.isEmpty;
  }

  /** True when the moves that the ring names for this node are done. */
  get isSettled(): boolean {
    return this.table.count('elsewhere') + this.table.count('open') === RING_SHARDS;
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) this.options.env.clearTimer(this.timer);
  }

  private arm(delayMs: number): void {
    this.timer = this.options.env.setTimer(() => {
      this.poll();
      if (!this.closed) this.arm(POLL_MS);
    }, delayMs);
  }

  private poll(): void {
    const { env, holdsLease, surelyDead } = this.options;
    const now = env.now();
    if (this.closed || this.table.ring === null || !holdsLease(now)) return;
    this.expireHeld(now);
    if (this.isSettled) {
      if (this.settledEpoch !== this.epoch) this.settled(now);
      return;
    }
    this.table.forget((node) => surelyDead(node, now));
    if (this.rowsEpoch !== this.epoch) return void this.readRows();
    const { take, pass } = this.table.ready(now);
    for (const shard of pass) if (!this.taking.has(shard)) this.leave([shard]);
    // A fence costs the database some work, and a dead node leaves hundreds: first those that somebody waits for.
    const urgent = take.filter((shard) => this.held.has(shard));
    const idle = take.filter((shard) => !this.held.has(shard));
    for (const shard of [...urgent, ...idle]) {
      if (this.taking.size >= this.takesAtOnce) break;
      if (!this.taking.has(shard)) void this.take(shard);
    }
    if (now - this.askedAt < ASK_MS) return;
    this.askedAt = now;
    for (const [node, shards] of this.table.asked()) this.options.tell(node, { t: 'asked', epoch: this.epoch, shards });
  }

  private settled(now: number): void {
    const { env, settled } = this.options;
    this.settledEpoch = this.epoch;
    const tookMs = Math.round(now - this.ringSinceMs);
    env.log.info({ epoch: this.epoch, open: this.table.count('open'), tookMs }, 'the moves of a ring are done');
    settled(this.epoch);
  }

  private expireHeld(now: number): void {
    for (const shard of this.held.keys()) {
      if (this.table.waitedMs(shard, now) > HOLD_PATIENCE_MS)
        for (const mail of this.held.take(shard)) this.refuse(mail);
    }
  }

  /** Whoever the database names as the last owner of a shard of ours must be through with it too, whatever the rings said. */
  private async readRows(): Promise<void> {
    if (this.readingRows) return;
    this.readingRows = true;
    const { env } = this.options;
    const epoch = this.epoch;
    try {
      const rows = await this.options.fences();
      this.unread.over(env);
      if (epoch !== this.epoch) return;
      const before = this.rows;
      this.rows = new Map(rows.map((row) => [row.shard, row]));
      const self = this.options.self();
      for (const { shard, fence, owner } of rows) {
        const last = before.get(shard)?.fence ?? 0;
        // A taking of ours of which we did not hear: it hides whoever took the fence between our last look and it.
        if (this.selves.has(owner) && fence > last + 1) this.beware(shard, fence);
        if (owner !== '') this.table.mayOwn(shard, owner as NodeId, self);
      }
      this.rowsEpoch = epoch;
    } catch (error) {
      this.unread.met(env, { error: String(error) });
    } finally {
      this.readingRows = false;
    }
  }

  private async take(shard: number): Promise<void> {
    const { env, self, takeFence, holdsLease } = this.options;
    const { table, epoch } = this;
    const turn = table.turn(shard);
    const owner = self();
    table.taking(shard);
    this.taking.add(shard);
    this.selves.add(owner);
    if (this.selves.size > SELVES_MAX) for (const oldest of this.selves) if (this.selves.delete(oldest)) break;
    let fence = 0;
    try {
      fence = await takeFence(shard, owner, epoch);
      this.untaken.over(env);
    } catch (error) {
      this.untaken.met(env, { shard, error: String(error) });
    }
    this.taking.delete(shard);
    if (this.closed || table.turn(shard) !== turn) return;
    // Not heard of: the row says whether it was taken.
    if (fence === 0) this.rowsEpoch = -1;
    else {
      const before = this.rows.get(shard)?.fence ?? 0;
      this.rows.set(shard, { shard, fence, owner, epoch });
      if (fence !== before + 1) this.beware(shard, fence);
      else if (table.phase(shard) === 'taking' && holdsLease(env.now())) return this.open(shard, fence);
    }
    table.notTaken(shard);
    env.setTimer(() => this.poll(), TAKE_RETRY_MS);
  }

  /**
   * Somebody took the fence between our look at its row and our own taking, and is named there no more; whom we made sure of was not the
   * last owner. If that one's ring was older than ours, it knows by then, or has lost its lease; if it was newer, so do we.
   */
  private beware(shard: number, fence: number): void {
    const { env } = this.options;
    this.table.notBefore(shard, env.now() + STRANGER_MS);
    env.log.warn({ shard, fence }, 'a fence was taken under our hands; waiting until its taker is gone');
  }

  private open(shard: number, fence: number): void {
    this.table.opened(shard, fence);
    this.taken++;
    for (const mail of this.held.take(shard)) this.deliver(mail);
    this.options.opened(shard);
    // A look at all shards is not worth it for each one.
    if (this.taking.size * 2 <= this.takesAtOnce) this.poll();
  }

  /** The cells of these shards finish what they have under way; then they go, one shard after the other. */
  private seal(shards: readonly number[]): void {
    const { env, kernel } = this.options;
    const until = env.now() + SEAL_PATIENCE_MS;
    const left = this.cellsOf(new Set(shards));
    for (const shard of shards) for (const cell of left.get(shard) ?? []) kernel.seal(cell);
    const waiting = new Map(shards.map((shard) => [shard, this.table.turn(shard)]));
    const step = (): void => {
      if (this.closed) return;
      const done: number[] = [];
      for (const [shard, turn] of waiting) {
        // Dropped meanwhile.
        if (this.table.turn(shard) !== turn || this.table.phase(shard) !== 'sealing') waiting.delete(shard);
        else if (env.now() >= until || (left.get(shard) ?? []).every((cell) => kernel.isQuiet(cell))) done.push(shard);
      }
      for (const shard of done) {
        waiting.delete(shard);
        this.handOff(shard, left.get(shard) ?? []);
      }
      if (done.length > 0) this.leave(done);
      if (waiting.size > 0) env.setTimer(step, SEAL_POLL_MS);
    };
    step();
  }

  /** The rest of the mailboxes goes to the next owner, oldest first, then what came since. */
  private handOff(shard: number, cells: readonly Ref[]): void {
    const { kernel } = this.options;
    const rest: HeldMail[] = [];
    for (const cell of cells) for (const mail of kernel.handOff(cell)) rest.push(this.heldOf(cell, mail));
    const target = this.owner(shard);
    for (const mail of [...rest, ...this.held.take(shard)]) {
      if (target === null || target === this.options.self()) this.held.rest(shard, mail);
      else this.send(target, shard, mail);
    }
  }

  private heldOf(cell: Ref, mail: WaitingMail): HeldMail {
    return { ...mail, kind: cell.kind, key: cell.key, hops: 0 };
  }

  /** Nothing of these is here any more: whoever is next may take them. */
  private leave(shards: readonly number[]): void {
    const { env, self, tell } = this.options;
    const me = self();
    const targets = new Map<NodeId, number[]>();
    for (const shard of shards) {
      const target = this.owner(shard);
      this.table.left(shard, me, env.now());
      this.moved++;
      if (target === me) continue;
      this.passOn(shard);
      if (target === null) continue;
      targets.set(target, [...(targets.get(target) ?? []), shard]);
    }
    for (const [target, list] of targets) tell(target, { t: 'released', epoch: this.epoch, shards: list });
  }

  private passOn(shard: number): void {
    const target = this.owner(shard);
    for (const mail of this.held.take(shard)) {
      if (target === null) this.refuse(mail);
      else if (target === this.options.self()) this.held.rest(shard, mail);
      else this.send(target, shard, mail);
    }
  }

  private owner(shard: number): NodeId | null {
    const { ring } = this.table;
    return ring === null ? null : ownerOf(ring, shard);
  }

  private send(to: NodeId, shard: number, mail: HeldMail): void {
    if (this.options.rest(to, shard, mail) !== null) this.refuse(mail);
  }

  private deliver(mail: HeldMail): void {
    const refusal = this.options.kernel.routeLocal(mail.kind, mail.key, mail.mail, mail.from, mail.call);
    if (refusal !== null) this.refuse(mail, refusal);
  }

  private refuse(mail: HeldMail, reason: Refusal = 'busy'): void {
    this.options.kernel.refuse(mail, mail.mail, mail.from, reason, mail.call);
  }

  private cellsOf(shards: ReadonlySet<number>): Map<number, Ref[]> {
    const found = new Map<number, Ref[]>();
    for (const kind of this.options.kinds) {
      for (const cell of this.options.kernel.cells(kind)) {
        const shard = this.options.shardOf(kind, cell.key);
        if (!shards.has(shard)) continue;
        found.set(shard, [...(found.get(shard) ?? []), cell]);
      }
    }
    return found;
  }
}
