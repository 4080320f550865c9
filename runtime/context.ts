// The one context of a kernel, as handlers see it. It reads the turn in hand, so it is valid during a handler only.
import type { BondKeeper } from './bonds.ts';
import type { Calls } from './calls.ts';
import { bondsOf, type Cell, HELD } from './cell.ts';
import type { Core, Turn } from './core.ts';
import type { Env } from './env.ts';
import type { Ctx, Ref } from './kind.ts';
import { callOf } from './lane.ts';
import { dropTimer, ownTimer, timerOf } from './owned.ts';
import { ForeignRef, Outlet } from './refs.ts';
import type { Returns } from './returns.ts';
import type { Routing } from './routing.ts';

export class CellCtx implements Ctx {
  readonly env: Env;
  private readonly core: Core;
  private readonly turn: Turn;
  private readonly routing: Routing;
  private readonly returns: Returns;
  private readonly calls: Calls;
  private readonly bonds: BondKeeper;
  private readonly isAlive: (ref: Ref) => boolean;

  constructor(
    core: Core,
    routing: Routing,
    returns: Returns,
    calls: Calls,
    bonds: BondKeeper,
    isAlive: (ref: Ref) => boolean,
  ) {
    this.env = core.env;
    this.core = core;
    this.turn = core.turn;
    this.routing = routing;
    this.returns = returns;
    this.calls = calls;
    this.bonds = bonds;
    this.isAlive = isAlive;
  }

  get self(): Cell {
    const cell = this.turn.cell;
    if (cell === null) throw new Error('a cell context is valid during a handler only');
    return cell;
  }

  get key(): string {
    return this.self.key;
  }

  get sender(): Ref | null {
    return this.turn.sender;
  }

  now(): number {
    if (this.turn.nowMs < 0) this.turn.nowMs = this.env.now();
    return this.turn.nowMs;
  }

  send(to: Ref, mail: object): void {
    const self = this.self;
    const refusal = this.routing.send(to, mail, self);
    if (refusal !== null) this.returns.refuse(to.kind, to.key, mail, self, 0, refusal);
  }

  route(kind: string, key: string, mail: object): void {
    const self = this.self;
    const refusal = this.routing.route(kind, key, mail, self, 0);
    if (refusal !== null) this.returns.refuse(kind, key, mail, self, 0, refusal);
  }

  routeAll(kind: string, keys: Iterable<string>, mail: object): void {
    const routeAll = this.core.router?.routeAll;
    if (routeAll === undefined) {
      for (const key of keys) this.route(kind, key, mail);
      return;
    }
    const self = this.self;
    for (const key of routeAll.call(this.core.router, kind, keys, mail, self)) {
      const refusal = this.routing.routeLocal(kind, key, mail, self, 0);
      if (refusal !== null) this.returns.refuse(kind, key, mail, self, 0, refusal);
    }
  }

  hint(kind: string, keys: Iterable<string>, mail: object): void {
    const self = this.self;
    const local = this.core.router?.hint?.(kind, keys, mail, self) ?? keys;
    for (const key of local) this.routing.hintLocal(kind, key, mail, self);
  }

  tell(service: Ref, mail: object): boolean {
    return service instanceof Outlet && service.take(mail, this.self) === null;
  }

  call(kind: string, key: string, mail: object, deadlineMs: number, token: number): void {
    const self = this.self;
    const call = this.calls.begin(self, token, deadlineMs);
    if (call === 0) return;
    const refusal = this.routing.route(kind, key, mail, self, call);
    if (refusal === null) return;
    this.returns.count(kind, key, mail, self, refusal);
    this.calls.end(call, { ok: false, value: null, reason: refusal });
  }

  answer(value: unknown): void {
    const turn = this.turn;
    const call = callOf(turn.tag);
    if (call === 0) return;
    // Answered: a crash from here on has nothing to give back.
    turn.tag = 0;
    turn.mail = null;
    if (turn.sender instanceof ForeignRef) this.core.router?.answer?.(turn.sender, call, value);
    else this.calls.end(call, { ok: true, value, reason: null });
  }

  after(delayMs: number, mail: object): number {
    const self = this.self;
    const timer = this.core.timers.set(delayMs, self, mail);
    ownTimer(bondsOf(self), timer);
    return timer.id;
  }

  cancel(id: number): void {
    const { bonds } = this.self;
    const timer = bonds === null ? undefined : timerOf(bonds, id);
    if (bonds === null || timer === undefined) return;
    dropTimer(bonds, timer);
    this.core.timers.cancel(timer);
  }

  monitor(ref: Ref): number {
    return this.bonds.monitor(this.self, ref, this.isAlive).id;
  }

  demonitor(monitor: number): void {
    this.bonds.demonitor(this.self, monitor);
  }

  link(ref: Ref): void {
    this.bonds.link(this.self, ref, this.isAlive);
  }

  unlink(ref: Ref): void {
    this.bonds.unlink(this.self, ref);
  }

  hold(): void {
    this.self.flags |= HELD;
  }

  release(): void {
    const self = this.self;
    self.flags &= ~HELD;
    this.core.settle(self);
  }
}
