// Finds who a mail is for: a cell by its address or by kind and key (activated when the kind says so), a service, another node.
// Returns a refusal as a value; what the sender hears of it is the caller's business.
import { Cell, DEAD, SUCCEEDED } from './cell.ts';
import type { Core } from './core.ts';
import type { Ref, Refusal } from './kind.ts';
import { TAG_HINT, tagOf } from './lane.ts';
import { ForeignRef, Outlet } from './refs.ts';

export class Routing {
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  send(to: Ref, mail: object, from: Ref | null): Refusal | null {
    if (to instanceof Cell) {
      if ((to.flags & DEAD) === 0) return this.push(to, mail, from, 0);
      // The actor of that address is gone; when its name lives on, mail goes by the name.
      return (to.flags & SUCCEEDED) === 0 ? 'noproc' : this.routeLocal(to.host.name, to.key, mail, from, 0);
    }
    if (to instanceof Outlet) return to.take(mail, from);
    if (to instanceof ForeignRef) return this.core.router?.send?.(to, mail, from, 'user') ?? null;
    return 'noproc';
  }

  /** By kind and key, wherever that is. `call` is 0 for plain mail. */
  route(kind: string, key: string, mail: object, from: Ref | null, call: number): Refusal | null {
    const router = this.core.router;
    if (router !== null) {
      const where = router.route(kind, key, mail, from, call);
      if (where !== 'local') return where;
    }
    return this.routeLocal(kind, key, mail, from, call);
  }

  routeLocal(kind: string, key: string, mail: object, from: Ref | null, call: number): Refusal | null {
    const host = this.core.hosts.get(kind);
    if (host === undefined || this.core.closed) return 'noproc';
    let cell = host.cells.get(key);
    if (cell === undefined) {
      if (!host.byMail) return 'noproc';
      if (host.cells.size >= host.cellsMax) return 'busy';
      cell = this.core.create(host, key, undefined);
    }
    return this.push(cell, mail, from, call);
  }

  /** Only to a cell that is alive and has room; else counted as missed. */
  hintLocal(kind: string, key: string, mail: object, from: Ref | null): void {
    const host = this.core.hosts.get(kind);
    const cell = host?.cells.get(key);
    if (host === undefined || cell === undefined || this.core.closed) {
      if (host !== undefined) host.hintsMissed++;
      return;
    }
    const shed = host.sheds ? (host.kind.shedClass?.(mail) ?? 0) : 0;
    if (this.core.pushUser(cell, mail, from, tagOf(0, shed) | TAG_HINT) !== null) host.hintsMissed++;
  }

  private push(cell: Cell, mail: object, from: Ref | null, call: number): Refusal | null {
    const host = cell.host;
    if (call === 0 && !host.sheds) return this.core.pushUser(cell, mail, from, 0);
    const shed = host.sheds ? (host.kind.shedClass?.(mail) ?? 0) : 0;
    return this.core.pushUser(cell, mail, from, tagOf(call, shed));
  }
}
