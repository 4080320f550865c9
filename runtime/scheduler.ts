// Runs cells: urgent ones first (system lane), then the run queue in fair turns, until the slice is used up and I/O has its turn.
// The clock costs as much as a mail, so it is read per turn only for kinds that are new or were slow; others are sampled.
import type { BondKeeper } from './bonds.ts';
import { BLOCKED, type Cell, DEAD, FRESH, QUEUED, RUNNING, STOPPING, SUSPENDED, URGENT, WAITS } from './cell.ts';
import type { Core } from './core.ts';
import { EXACT_TURNS } from './host.ts';
import { CONTINUE, type Down, type Exit, HIBERNATE, type Next, type Ref, type Refused, type Stop } from './kind.ts';
import { TAG_DOWN, TAG_EXIT, TAG_REFUSED, TAG_REPLY, TAG_TIMER, TAG_TYPE_MASK } from './lane.ts';
import { dropTimer } from './owned.ts';
import type { Supervision } from './supervision.ts';
import type { Timer } from './wheel.ts';

/** Mails of one cell before others have their turn. */
export const TURN_MAILS_MAX = 64;
/** The same while a kind is timed exactly. */
const TURN_MAILS_EXACT = 16;
/** Urgent turns in a row before the run queue gets one. */
const URGENT_TURNS_MAX = 16;
/** Mails between two looks at the clock. */
const CHECK_MAILS = 64;
/** A slice ends after so many mails too: in a simulation the clock may stand still while cells run. */
const SLICE_MAILS_MAX = 131_072;
const SAMPLE_TURNS = 64;
/** A kind whose mails take longer than this on average keeps being timed. */
const SLOW_MAIL_MS = 0.03;
const INTERRUPT = DEAD | STOPPING | SUSPENDED;

export class Scheduler {
  private readonly core: Core;
  private readonly supervision: Supervision;
  private readonly bonds: BondKeeper;
  private readonly sliceMs: number;
  readonly sliceStartHooks: (() => void)[] = [];
  readonly sliceEndHooks: (() => void)[] = [];
  slices = 0;
  overruns = 0;
  /** Overruns that fell between two looks at the clock; all kinds are timed for a while after one. */
  overrunsUnblamed = 0;
  private clock = 0;
  private clockFresh = false;
  private sample = SAMPLE_TURNS;

  constructor(core: Core, supervision: Supervision, bonds: BondKeeper, sliceMs: number) {
    this.core = core;
    this.supervision = supervision;
    this.bonds = bonds;
    this.sliceMs = sliceMs;
    core.runSlice = () => this.slice();
    core.crash = (cell, error) => this.supervision.crashed(cell, error);
  }

  slice(): void {
    const core = this.core;
    const start = core.env.now();
    this.slices++;
    core.readTick(start);
    this.clock = start;
    this.clockFresh = true;
    for (const hook of this.sliceStartHooks) this.runHook(hook);
    if (core.timers.isDue(start)) core.timers.poll(start);
    this.work(start);
    core.turn.cell = null;
    core.turn.mail = null;
    core.turn.sender = null;
    core.queue.trim();
    core.urgent.trim();
    this.runHooks();
    if (core.queue.count + core.urgent.count > 0) core.arm();
  }

  private work(start: number): void {
    const { queue, urgent } = this.core;
    let left = CHECK_MAILS;
    let sliceLeft = SLICE_MAILS_MAX;
    let streak = 0;
    for (;;) {
      let cell: Cell;
      let systemOnly = false;
      if (urgent.count > 0 && (streak < URGENT_TURNS_MAX || queue.count === 0)) {
        cell = urgent.shift();
        cell.flags &= ~URGENT;
        systemOnly = true;
        streak++;
      } else if (queue.count > 0) {
        cell = queue.shift();
        cell.flags &= ~QUEUED;
        streak = 0;
      } else {
        return;
      }
      if ((cell.flags & BLOCKED) !== 0) continue;
      if (cell.host.exactTurns > 0 || --this.sample <= 0) {
        left -= this.timedTurn(cell, systemOnly);
      } else {
        left -= this.run(cell, systemOnly, TURN_MAILS_MAX) + 1;
        this.clockFresh = false;
      }
      if (left > 0 && !this.clockFresh) continue;
      sliceLeft -= CHECK_MAILS - left;
      left = CHECK_MAILS;
      if (sliceLeft <= 0) return;
      const now = this.clockFresh ? this.clock : this.readClock();
      if (now - start < this.sliceMs) continue;
      if (now - start > this.sliceMs * 2) this.overrun(cell);
      return;
    }
  }

  private readClock(): number {
    this.clock = this.core.env.now();
    this.clockFresh = true;
    return this.clock;
  }

  private timedTurn(cell: Cell, systemOnly: boolean): number {
    const host = cell.host;
    const exact = host.exactTurns > 0;
    if (exact) host.exactTurns--;
    else this.sample = SAMPLE_TURNS;
    const before = this.clockFresh ? this.clock : this.readClock();
    const mails = this.run(cell, systemOnly, exact ? TURN_MAILS_EXACT : TURN_MAILS_MAX);
    const tookMs = this.readClock() - before;
    if (tookMs > SLOW_MAIL_MS * (mails + 1)) host.exactTurns = EXACT_TURNS;
    if (tookMs > this.sliceMs) host.overruns++;
    const us = Math.round(tookMs * 1_000 * (exact ? 1 : SAMPLE_TURNS));
    host.timeUs += us;
    cell.timeUs = (cell.timeUs + us) | 0;
    return mails + 1;
  }

  /** A slice lasted too long. A timed turn has its kind blamed already; else nobody knows whose it was. */
  private overrun(last: Cell): void {
    this.overruns++;
    if (last.host.exactTurns > 0) return;
    this.overrunsUnblamed++;
    for (const host of this.core.hosts.values()) host.exactTurns = EXACT_TURNS;
  }

  private run(cell: Cell, systemOnly: boolean, mailsMax: number): number {
    const core = this.core;
    const turn = core.turn;
    const host = cell.host;
    const ctx = core.ctx;
    let mails = 0;
    turn.cell = cell;
    turn.nowMs = -1;
    cell.flags |= RUNNING;
    cell.lastTick = core.tick;
    try {
      if ((cell.flags & FRESH) !== 0) this.init(cell);
      while (mails < mailsMax) {
        let next: Next;
        const system = cell.system;
        if (system !== null && system.count > 0) {
          next = this.systemMail(cell);
        } else {
          const user = cell.user;
          if (systemOnly || user === null || user.count === 0 || (cell.flags & WAITS) !== 0) break;
          const at = user.shift();
          const slots = user.slots;
          const mail = slots[at] as object;
          turn.mail = mail;
          turn.sender = slots[at + 1] as Ref | null;
          turn.tag = slots[at + 2] as number;
          slots[at] = null;
          slots[at + 1] = null;
          if (core.trace !== null) core.trace('handled', cell, mail, turn.sender);
          next = host.receive.call(host.kind, ctx, cell.state, mail);
        }
        mails++;
        if ((next !== CONTINUE || (cell.flags & INTERRUPT) !== 0) && this.ends(cell, next)) break;
      }
    } catch (error) {
      mails++;
      this.supervision.crashed(cell, error);
    }
    cell.mails = (cell.mails + mails) | 0;
    host.mails += mails;
    cell.flags &= ~RUNNING;
    core.settle(cell);
    return mails;
  }

  private init(cell: Cell): void {
    const turn = this.core.turn;
    turn.mail = null;
    turn.sender = null;
    turn.tag = 0;
    const arg = cell.state;
    cell.flags &= ~FRESH;
    cell.state = undefined;
    try {
      cell.state = cell.host.kind.init(this.core.ctx, cell.key, arg);
    } catch (error) {
      cell.flags |= FRESH;
      throw error;
    }
  }

  private systemMail(cell: Cell): Next {
    const { ctx, turn } = this.core;
    const kind = cell.host.kind;
    const lane = cell.system;
    if (lane === null) return CONTINUE;
    const at = lane.shift();
    const mail = lane.slots[at] as object;
    turn.sender = lane.slots[at + 1] as Ref | null;
    turn.tag = lane.slots[at + 2] as number;
    lane.clear(at);
    turn.mail = mail;
    const type = turn.tag & TAG_TYPE_MASK;
    if (type === TAG_TIMER) {
      const timer = mail as Timer;
      const payload = timer.mail as object;
      if (!this.core.timers.claim(timer)) return CONTINUE;
      if (cell.bonds !== null) dropTimer(cell.bonds, timer);
      turn.mail = payload;
      return cell.host.receive.call(kind, ctx, cell.state, payload);
    }
    if (this.core.trace !== null) this.core.trace('handled', cell, mail, turn.sender);
    if (type === TAG_REPLY && kind.onReply !== undefined) return kind.onReply(ctx, cell.state, mail);
    if (type === TAG_REFUSED) return kind.onRefused?.(ctx, cell.state, mail as Refused) ?? CONTINUE;
    if (type === TAG_DOWN) {
      if (!this.bonds.claim(cell, (mail as Down).monitor)) return CONTINUE;
      return kind.onDown?.(ctx, cell.state, mail as Down) ?? CONTINUE;
    }
    if (type === TAG_EXIT) {
      const exit = mail as Exit;
      if (kind.onExit !== undefined) return kind.onExit(ctx, cell.state, exit);
      return exit.reason === 'normal' ? CONTINUE : { reason: exit.reason };
    }
    this.core.deadLetters.add(cell.host.name, cell.key, 'unhandled', mail, null);
    return CONTINUE;
  }

  /** True when the turn is over: the cell ended, left, or may handle no more. */
  private ends(cell: Cell, next: Next): boolean {
    if ((cell.flags & DEAD) !== 0) return true;
    if ((cell.flags & STOPPING) !== 0) {
      const reason = cell.bonds?.rare?.stopReason ?? 'shutdown';
      this.supervision.finish(cell, reason, reason === 'killed' ? 'killed' : 'supervisor');
      return true;
    }
    if (next === HIBERNATE) {
      if (!mayLeave(cell)) return (cell.flags & SUSPENDED) !== 0;
      this.supervision.hibernate(cell);
      return true;
    }
    if (typeof next === 'object') {
      this.supervision.finish(cell, (next as Stop).reason, 'asked');
      return true;
    }
    return (cell.flags & SUSPENDED) !== 0;
  }

  runHooks(): void {
    for (const hook of this.sliceEndHooks) this.runHook(hook);
  }

  private runHook(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.core.env.log.error({ reason: reason.slice(0, 200) }, 'slice hook threw');
    }
  }
}

/** Nothing waits for it, nobody watches it, it is not linked, and a mail can bring it back. */
export const mayLeave = (cell: Cell): boolean => {
  if (!cell.host.byMail || (cell.flags & (DEAD | FRESH)) !== 0) return false;
  if (cell.user !== null && cell.user.count > 0) return false;
  if (cell.system !== null && cell.system.count > 0) return false;
  const bonds = cell.bonds;
  if (bonds === null) return true;
  return bonds.watchers === null && (bonds.rare?.links?.size ?? 0) === 0;
};
