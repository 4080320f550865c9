// What all parts of the kernel share: the queues, the hosts, the turn being run, and the few primitives that put mail into lanes
// and cells into the run queue. It decides nothing; scheduler.ts runs it, supervision.ts says what a crash means.
import { BLOCKED, Cell, DEAD, FRESH, PARKED, QUEUED, RUNNING, URGENT, WAITS } from './cell.ts';
import { DeadLetters } from './dead-letters.ts';
import type { Env } from './env.ts';
import type { Host } from './host.ts';
import type { Ctx, Ref, Refusal } from './kind.ts';
import { type Lane, LanePool, shedClassOf } from './lane.ts';
import type { Router } from './refs.ts';
import { RunQueue } from './run-queue.ts';
import { Timers } from './timers.ts';

export const SYSTEM_LANE_MAILS_MAX = 16_384;
const TICK_MS = 100;
const LIVES_MASK = 0x3fff_ffff;

export type TraceWhat = 'queued' | 'handled' | 'refused' | 'started' | 'ended';
/** The trace point: called with what happened, to whom, and the mail if any. It must be quick, and never log content. */
export type Trace = (what: TraceWhat, to: Ref, mail: unknown, from: Ref | null) => void;

/** The mail in hand. One object a kernel; the context reads it. */
export class Turn {
  cell: Cell | null = null;
  mail: unknown = null;
  sender: Ref | null = null;
  tag = 0;
  /** `env.now()`, read when first asked for in this turn; negative before. */
  nowMs = -1;
}

export class Core {
  readonly env: Env;
  readonly node: string;
  readonly router: Router | null;
  readonly hosts = new Map<string, Host<Cell>>();
  readonly pool = new LanePool();
  readonly queue = new RunQueue();
  readonly urgent = new RunQueue();
  readonly turn = new Turn();
  readonly deadLetters: DeadLetters;
  readonly timers: Timers;
  readonly startedMs: number;
  trace: Trace | null = null;
  /** Tenths of a second since the start, as of the current slice. */
  tick = 0;
  lastId = 0;
  private lives = 0;
  closed = false;
  private armed = false;
  /** Set by the parts above this one. */
  ctx = null as unknown as Ctx;
  runSlice: () => void = () => {};
  crash: (cell: Cell, error: unknown) => void = () => {};

  constructor(env: Env, node: string, router: Router | null) {
    this.env = env;
    this.node = node;
    this.router = router;
    this.startedMs = env.now();
    this.deadLetters = new DeadLetters(() => env.wallNow());
    this.timers = new Timers(env);
  }

  nextId(): number {
    return ++this.lastId;
  }

  readTick(now: number): void {
    this.tick = Math.floor((now - this.startedMs) / TICK_MS);
  }

  /** Makes sure that a slice will run. */
  arm(): void {
    if (this.armed || this.closed) return;
    this.armed = true;
    this.readTick(this.env.now());
    this.env.setImmediate(this.onImmediate);
  }

  private readonly onImmediate = (): void => {
    this.armed = false;
    if (!this.closed) this.runSlice();
  };

  /** Puts a user mail into a live cell's lane. The tag carries the shedding class. Null: taken or shed. */
  pushUser(cell: Cell, mail: object, from: Ref | null, tag: number): Refusal | null {
    const flags = cell.flags;
    let lane = cell.user;
    if (lane === null) {
      if ((flags & PARKED) !== 0) return 'parked';
      lane = this.pool.take();
      cell.user = lane;
    } else if (lane.count >= cell.host.mailboxMax) {
      const refusal = this.overflow(cell, lane, tag);
      if (refusal !== TAKEN) return refusal;
    }
    lane.push(mail, from, tag);
    if (this.trace !== null) this.trace('queued', cell, mail, from);
    if ((flags & (QUEUED | RUNNING | WAITS | BLOCKED)) === 0) {
      cell.flags = flags | QUEUED;
      this.queue.push(cell);
      this.arm();
    }
    return null;
  }

  /** Puts a mail into the system lane; never refused. A full lane crashes the cell. Not for dead cells. */
  pushSystem(cell: Cell, mail: object, from: Ref | null, tag: number): void {
    let lane = cell.system;
    if (lane === null) {
      lane = this.pool.take();
      cell.system = lane;
    } else if (lane.count >= SYSTEM_LANE_MAILS_MAX) {
      this.crash(cell, new Error('system lane full'));
      return;
    }
    lane.push(mail, from, tag);
    if ((cell.flags & (URGENT | RUNNING | BLOCKED)) === 0) {
      cell.flags |= URGENT;
      this.urgent.push(cell);
      this.arm();
    }
  }

  /** Queues a cell for what it has to do, after its turn or when something stops blocking it; gives empty lanes back. */
  settle(cell: Cell): void {
    if ((cell.flags & DEAD) !== 0) return;
    const user = cell.user;
    let flags = cell.flags;
    if (user !== null && user.count === 0) {
      this.pool.give(user);
      cell.user = null;
    }
    const system = cell.system;
    if (system !== null && system.count === 0) {
      this.pool.give(system);
      cell.system = null;
    }
    if ((flags & (BLOCKED | RUNNING)) !== 0) return;
    if (cell.system !== null && (flags & URGENT) === 0) {
      flags |= URGENT;
      this.urgent.push(cell);
      this.arm();
    }
    const wants = (flags & FRESH) !== 0 || (cell.user !== null && (flags & WAITS) === 0);
    if (wants && (flags & QUEUED) === 0) {
      flags |= QUEUED;
      this.queue.push(cell);
      this.arm();
    }
    cell.flags = flags;
  }

  /** A new incarnation, registered, its `init` due in its first turn. */
  create(host: Host<Cell>, key: string, arg: unknown): Cell {
    this.arm();
    this.lives = (this.lives & LIVES_MASK) + 1;
    const cell = new Cell(host, key, arg, this.tick, this.lives);
    host.cells.set(key, cell);
    host.spawned++;
    if (this.trace !== null) this.trace('started', cell, null, null);
    return cell;
  }

  giveLanes(cell: Cell): void {
    if (cell.user !== null) this.recycle(cell.user);
    if (cell.system !== null) this.recycle(cell.system);
    cell.user = null;
    cell.system = null;
  }

  /** Empties a lane and gives it back. */
  recycle(lane: Lane): void {
    while (lane.count > 0) lane.clear(lane.shift());
    this.pool.give(lane);
  }

  private overflow(cell: Cell, lane: Lane, tag: number): Refusal | null | typeof TAKEN {
    const host = cell.host;
    const own = shedClassOf(tag);
    if (host.sheds) {
      const evicted = lane.evictAbove(own);
      if (evicted > 0) {
        host.shed[evicted]++;
        return TAKEN;
      }
      if (own > 0) {
        host.shed[own]++;
        return null;
      }
    }
    return 'mailboxFull';
  }
}

const TAKEN = 'taken';
