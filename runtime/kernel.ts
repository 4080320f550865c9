// The actor kernel of a node: composes its parts and is their only face to the rest of the program. Synchronous throughout; it runs
// cells from `env.setImmediate`, one slice at a time. Services (service.ts) attach to it as outlets, a cluster as its router.
import { BondKeeper } from './bonds.ts';
import { Calls } from './calls.ts';
import { Cell, DEAD, FRESH, PARKED, RUNNING, SUCCEEDED, SUSPENDED } from './cell.ts';
import { CellCtx } from './context.ts';
import { Core, type Trace } from './core.ts';
import type { DeadLetterReport } from './dead-letters.ts';
import type { Env } from './env.ts';
import { Foreign } from './foreign.ts';
import { type AnyKind, Host, type HostOptions } from './host.ts';
import * as introspection from './introspection.ts';
import { type KernelOptions, type Root, SpawnError, type WaitingMail } from './kernel-options.ts';
import type { CallResult, Down, ExitReason, Kind, Ref, Refusal, Refused } from './kind.ts';
import { TAG_TIMER, tagOf } from './lane.ts';
import { Moving } from './moving.ts';
import { type Answer, ForeignRef, Outlet, type OutletInfo, OutsideRef } from './refs.ts';
import { Returns } from './returns.ts';
import { Routing } from './routing.ts';
import { Scheduler } from './scheduler.ts';
import { Supervision, stopFromWithin } from './supervision.ts';

export class Kernel {
  readonly env: Env;
  readonly node: string;
  /** For the router of a cluster. */
  readonly foreign: Foreign;
  private readonly core: Core;
  private readonly calls: Calls;
  private readonly returns: Returns;
  private readonly routing: Routing;
  private readonly bonds: BondKeeper;
  private readonly supervision: Supervision;
  private readonly moving: Moving;
  private readonly scheduler: Scheduler;
  private readonly roots: Root[] = [];
  private readonly outlets = new Set<Outlet>();
  private readonly closers: (() => void)[] = [];
  private closing: Promise<void> | null = null;

  constructor(options: KernelOptions) {
    this.env = options.env;
    this.node = options.node;
    const core = new Core(options.env, options.node, options.router ?? null);
    this.core = core;
    this.calls = new Calls(core);
    this.returns = new Returns(core, this.calls);
    this.routing = new Routing(core);
    this.bonds = new BondKeeper(core);
    this.foreign = new Foreign(core, this.bonds, this.outlets);
    this.supervision = new Supervision(core, this.bonds, this.returns);
    this.moving = new Moving(core, this.supervision);
    this.scheduler = new Scheduler(core, this.supervision, this.bonds, options.sliceMs ?? 8);
    core.ctx = new CellCtx(core, this.routing, this.returns, this.calls, this.bonds, this.isAlive);
    core.timers.deliver = (timer) => core.pushSystem(timer.owner as Cell, timer, null, TAG_TIMER);
  }

  // Hosts and cells.

  /** Opens the host of a kind. Once a kind, before any mail to it. */
  register<S, M extends object>(kind: Kind<S, M>, options: HostOptions = {}): void {
    if (this.core.hosts.has(kind.name)) throw new Error(`kind ${kind.name} is registered already`);
    this.core.hosts.set(kind.name, new Host<Cell>(kind as unknown as AnyKind, options));
  }

  /** Starts a cell; its `init` runs in its first turn. Throws `SpawnError` when the key is alive or the host is full. */
  spawn(kind: string, key: string, arg?: unknown): Ref {
    const host = this.core.hosts.get(kind);
    if (host === undefined) throw new SpawnError('noKind', kind, key);
    if (this.core.closed) throw new SpawnError('closed', kind, key);
    if (host.cells.has(key)) throw new SpawnError('alive', kind, key);
    if (host.cells.size >= host.cellsMax) throw new SpawnError('busy', kind, key);
    if (arg !== undefined && host.kind.restart !== 'temporary') host.args.set(key, arg);
    const cell = this.core.create(host, key, arg);
    this.core.settle(cell);
    return cell;
  }

  /** The cell of that name, also while it starts, waits for its restart or is parked. */
  whereis(kind: string, key: string): Ref | null {
    return this.core.hosts.get(kind)?.cells.get(key) ?? null;
  }

  isAlive = (ref: Ref): boolean => {
    if (ref instanceof Cell) return (ref.flags & (DEAD | PARKED)) === 0;
    return ref instanceof ForeignRef || (ref instanceof Outlet && this.outlets.has(ref));
  };

  /** Ends a cell by its supervisor's will: it is not restarted, and what waits in its mailbox is refused. */
  stop(ref: Ref, reason: ExitReason = 'shutdown'): void {
    this.end(ref, reason, 'supervisor');
  }

  /** Ends a cell without its last word; its restart policy applies. */
  kill(ref: Ref): void {
    this.end(ref, 'killed', 'killed');
  }

  private end(ref: Ref, reason: ExitReason, how: 'supervisor' | 'killed'): void {
    const cell = this.resolve(ref);
    if (cell === null) return;
    if ((cell.flags & RUNNING) !== 0) stopFromWithin(cell, reason);
    else this.supervision.finish(cell, reason, how);
  }

  /** The cell is to move: from here on its user mail waits for `handOff`, and it finishes what is under way. Not from within its turn. */
  seal(ref: Ref): void {
    const cell = this.resolve(ref);
    if (cell !== null) this.moving.seal(cell);
  }

  /** Whether a sealed cell has finished what was under way. */
  isQuiet(ref: Ref): boolean {
    const cell = this.resolve(ref);
    return cell === null || this.moving.isQuiet(cell);
  }

  /** Ends a cell so that another node may have it: returns the rest of its mailbox, oldest first, nobody refused. */
  handOff(ref: Ref): WaitingMail[] {
    const cell = this.resolve(ref);
    return cell === null ? [] : this.moving.handOff(cell);
  }

  /**
   * Lets up to `cellsMax` cells of a kind leave that had no mail for `idleMs`, as if they had hibernated: for memory pressure.
   * Only those leave that nobody watches, and that agree: `agrees` sees their state. Returns how many left.
   */
  passivate(kind: string, idleMs: number, cellsMax: number, agrees: (state: unknown) => boolean): number {
    return this.moving.passivate(this.core.hosts.get(kind), idleMs, cellsMax, agrees);
  }

  // Mail from outside of cells. A refusal is a value here, and nobody else hears of it.

  send(to: Ref, mail: object, from: Ref | null = null): Refusal | null {
    const refusal = this.routing.send(to, mail, from);
    if (refusal !== null) this.returns.count(to.kind, to.key, mail, from, refusal);
    return refusal;
  }

  /** Mail to a cell by kind and key, placed by the router. */
  route(kind: string, key: string, mail: object, from: Ref | null = null): Refusal | null {
    const refusal = this.routing.route(kind, key, mail, from, 0);
    if (refusal !== null) this.returns.count(kind, key, mail, from, refusal);
    return refusal;
  }

  /** The same, the router not asked: for mail that came from another node. `call` as its sender's router was given it. */
  routeLocal(kind: string, key: string, mail: object, from: Ref | null = null, call = 0): Refusal | null {
    const refusal = this.routing.routeLocal(kind, key, mail, from, call);
    if (refusal !== null) this.returns.count(kind, key, mail, from, refusal);
    return refusal;
  }

  /** A hint that came from another node: to a live cell with room, or gone. */
  hintLocal(kind: string, key: string, mail: object, from: Ref | null = null): void {
    this.routing.hintLocal(kind, key, mail, from);
  }

  /** Into the system lane, as `onReply`. An actor that is gone makes a dead letter. */
  reply(to: Ref, mail: object, from: Ref | null = null): void {
    this.returns.reply(to, mail, from);
  }

  /** Tells the sender of a mail that was accepted that it was not handled after all. */
  refuse(by: Ref, mail: object, from: Ref | null, reason: Refusal, call = 0): void {
    this.returns.refuse(by.kind, by.key, mail, from, tagOf(call, 0), reason);
  }

  /** Asks a cell for code that is no actor. Always resolves, by the deadline. */
  ask(kind: string, key: string, mail: object, deadlineMs: number): Promise<CallResult> {
    return new Promise((resolve) => {
      const outside = new OutsideRef('ask', (result) => resolve(result as CallResult));
      const call = this.calls.begin(outside, 0, deadlineMs);
      if (call === 0) return;
      const refusal = this.routing.route(kind, key, mail, outside, call);
      if (refusal === null) return;
      this.returns.count(kind, key, mail, outside, refusal);
      this.calls.end(call, { ok: false, value: null, reason: refusal });
    });
  }

  /** The same for a service: `value` is the first mail that it replies. */
  askService(service: Ref, mail: object, deadlineMs: number): Promise<CallResult> {
    return new Promise((resolve) => {
      const waiter = new OutsideRef('ask', (result) => resolve(result as CallResult));
      const call = this.calls.begin(waiter, 0, deadlineMs);
      if (call === 0) return;
      const answer = (value: object): void => this.calls.end(call, { ok: true, value, reason: null });
      const refusal = this.routing.send(service, mail, new OutsideRef('ask', answer));
      if (refusal !== null) this.calls.end(call, { ok: false, value: null, reason: refusal });
    });
  }

  /** Watches an actor from outside. Returns how to stop watching. */
  watch(ref: Ref, onDown: (down: Down) => void): () => void {
    const monitor = this.bonds.monitor(onDown, ref, this.isAlive);
    return () => this.bonds.unwatch(monitor);
  }

  // The slice, time, and the end.

  /** `run` is called before the first mail of each slice. */
  onSliceStart(run: () => void): void {
    this.scheduler.sliceStartHooks.push(run);
  }

  /** `run` is called after each slice: the place to write out what a slice's mails have gathered. */
  onSliceEnd(run: () => void): void {
    this.scheduler.sliceEndHooks.push(run);
  }

  /** Runs `what` once after `delayMs`, on the kernel's wheel. Returns how to cancel it. */
  after(delayMs: number, what: () => void): () => void {
    const timer = this.core.timers.run(delayMs, what);
    return () => this.core.timers.cancel(timer);
  }

  /** Stops all cells, the hosts in reverse order of registration, then services and supervisors in reverse order of start. */
  shutdown(): Promise<void> {
    this.closing ??= this.close();
    return this.closing;
  }

  // For the other parts of the runtime: services, and a cluster's router.

  attach(outlet: Outlet): void {
    this.outlets.add(outlet);
  }

  /** An outlet ended; with a restart to come it stays attached. */
  outletEnded(outlet: Outlet, reason: ExitReason, forGood: boolean): void {
    if (forGood) this.outlets.delete(outlet);
    this.bonds.strangerEnded(outlet, reason);
  }

  addRoot(root: Root): void {
    this.roots.push(root);
  }

  removeRoot(root: Root): void {
    const at = this.roots.indexOf(root);
    if (at >= 0) this.roots.splice(at, 1);
  }

  onClose(run: () => void): void {
    this.closers.push(run);
  }

  deadLetter(to: Ref, reason: string, mail: unknown, from: Ref | null): void {
    this.core.deadLetters.add(to.kind, to.key, reason, mail, from === null ? null : `${from.kind}:${from.key}`);
  }

  /** The answer to a call whose mail the router took. */
  foreignAnswer(call: number, answer: Answer): void {
    this.calls.end(call, answer);
  }

  /** A mail that the router took was refused by its node. */
  foreignRefused(to: Ref, refused: Refused): void {
    this.returns.refuse(refused.kind, refused.key, refused.mail as object, to, 0, refused.reason);
  }

  foreignDown(ref: ForeignRef, monitor: number, reason: ExitReason): void {
    this.bonds.foreignDown(ref, monitor, reason);
  }

  /** A node was lost: `down` and exit signals with `noconnection` from all its actors. */
  nodeDown(node: string): void {
    for (const ref of this.bonds.strangersOn(node)) this.bonds.strangerEnded(ref, 'noconnection');
  }

  // For operators.

  get trace(): Trace | null {
    return this.core.trace;
  }

  set trace(trace: Trace | null) {
    this.core.trace = trace;
  }

  mailboxLength(ref: Ref): number {
    return this.resolve(ref)?.user?.count ?? 0;
  }

  cells(kind?: string): IterableIterator<Ref> {
    return introspection.refsOf(this.core, kind);
  }

  info(ref: Ref): introspection.CellInfo | null {
    const cell = this.resolve(ref);
    return cell === null ? null : introspection.infoOf(this.core, cell);
  }

  services(): OutletInfo[] {
    return [...this.outlets].map((outlet) => outlet.info());
  }

  kindStats(): introspection.KindStats[] {
    return [...this.core.hosts.values()].map(introspection.statsOf);
  }

  stats(): introspection.KernelStats {
    let cells = 0;
    for (const host of this.core.hosts.values()) cells += host.cells.size;
    return {
      node: this.node,
      upMs: this.env.now() - this.core.startedMs,
      cells,
      runQueue: this.core.queue.count + this.core.urgent.count,
      timers: this.core.timers.count,
      calls: this.calls.count,
      lanesLent: this.core.pool.lent,
      slices: this.scheduler.slices,
      overruns: this.scheduler.overruns,
      overrunsUnblamed: this.scheduler.overrunsUnblamed,
    };
  }

  deadLetters(): DeadLetterReport {
    return this.core.deadLetters.report();
  }

  parked(): introspection.ParkedCell[] {
    return introspection.parkedOf(this.core);
  }

  unpark(kind: string, key: string): boolean {
    const host = this.core.hosts.get(kind);
    return host !== undefined && this.supervision.unpark(host, key);
  }

  /** The cell handles nothing until `resume`; mail waits up to the bounds. */
  suspend(ref: Ref): void {
    const cell = this.resolve(ref);
    if (cell !== null) cell.flags |= SUSPENDED;
  }

  resume(ref: Ref): void {
    const cell = this.resolve(ref);
    if (cell === null) return;
    cell.flags &= ~SUSPENDED;
    this.core.settle(cell);
  }

  /** The state as its kind's `redact` shows it; null before `init` or when the cell is gone. */
  getState(ref: Ref): unknown {
    const cell = this.resolve(ref);
    return cell === null ? null : introspection.redacted(cell);
  }

  /** Another version of a kind takes over its cells, between two mails; `migrate` turns each state. A cell whose state it cannot turn crashes. */
  replaceKind<S, M extends object>(kind: Kind<S, M>, migrate?: (state: unknown) => S): void {
    const host = this.core.hosts.get(kind.name);
    if (host === undefined) throw new Error(`kind ${kind.name} is not registered`);
    host.replace(kind as unknown as AnyKind);
    if (migrate === undefined) return;
    for (const cell of [...host.cells.values()]) {
      if ((cell.flags & (FRESH | PARKED | DEAD)) !== 0) continue;
      try {
        cell.state = migrate(cell.state);
      } catch (error) {
        this.supervision.crashed(cell, error);
      }
    }
  }

  /** The live incarnation behind an address. */
  private resolve(ref: Ref): Cell | null {
    if (!(ref instanceof Cell)) return null;
    if ((ref.flags & DEAD) === 0) return ref;
    return (ref.flags & SUCCEEDED) === 0 ? null : (ref.host.cells.get(ref.key) ?? null);
  }

  private async close(): Promise<void> {
    for (const host of [...this.core.hosts.values()].reverse()) {
      for (const cell of [...host.cells.values()].reverse()) this.supervision.finish(cell, 'shutdown', 'supervisor');
    }
    this.core.closed = true;
    this.scheduler.runHooks();
    for (const root of [...this.roots].reverse()) await root.stop('shutdown');
    this.core.timers.close();
    for (const run of this.closers) run();
  }
}

export const createKernel = (options: KernelOptions): Kernel => new Kernel(options);
