// What an operator may see of a running kernel: counts, times and relations, never a mail and never a state that its kind did not redact.
// Reads only; cheap enough to be always on.
import { BACKOFF, type Cell, DEAD, FRESH, HELD, PARKED, SUSPENDED } from './cell.ts';
import type { Core } from './core.ts';
import type { Host } from './host.ts';
import type { ExitReason, Ref } from './kind.ts';
import { countOf } from './owned.ts';

export type CellStatus = 'live' | 'starting' | 'held' | 'suspended' | 'backoff' | 'parked' | 'dead';

export interface CellInfo {
  readonly kind: string;
  readonly key: string;
  readonly status: CellStatus;
  readonly mailboxUser: number;
  readonly mailboxSystem: number;
  readonly mails: number;
  /** Sampled: good for comparing, not for adding up. */
  readonly timeMs: number;
  /** Ages are exact to a tenth of a second. */
  readonly ageMs: number;
  readonly idleMs: number;
  /** The host of its kind, its supervisor. */
  readonly parent: string;
  readonly monitoredBy: number;
  readonly monitors: number;
  readonly links: number;
  readonly timers: number;
  /** Recent crashes of this key. */
  readonly crashes: number;
  readonly lastCrash: ExitReason | null;
}

export interface KindStats {
  readonly kind: string;
  readonly cells: number;
  readonly spawned: number;
  readonly mails: number;
  /** Sampled. */
  readonly timeMs: number;
  /** Turns that took longer than a slice. */
  readonly overruns: number;
  readonly crashes: number;
  readonly restarts: number;
  readonly hibernations: number;
  readonly parked: number;
  /** Hints that found nobody, or no room. */
  readonly hintsMissed: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly shed: { readonly receipt: number; readonly presence: number; readonly typing: number };
}

export interface ParkedCell {
  readonly kind: string;
  readonly key: string;
  readonly reason: ExitReason;
  readonly sinceMs: number;
  readonly crashes: number;
}

export interface KernelStats {
  readonly node: string;
  readonly upMs: number;
  readonly cells: number;
  readonly runQueue: number;
  readonly timers: number;
  readonly calls: number;
  readonly lanesLent: number;
  readonly slices: number;
  readonly overruns: number;
  readonly overrunsUnblamed: number;
}

const TICK_MS = 100;

export const infoOf = (core: Core, cell: Cell): CellInfo => {
  const bonds = cell.bonds;
  let watchers = 0;
  for (let monitor = bonds?.watchers ?? null; monitor !== null; monitor = monitor.next) watchers++;
  const trouble = cell.host.troubles.get(cell.key);
  core.readTick(core.env.now());
  return {
    kind: cell.host.name,
    key: cell.key,
    status: statusOf(cell),
    mailboxUser: cell.user?.count ?? 0,
    mailboxSystem: cell.system?.count ?? 0,
    mails: cell.mails >>> 0,
    timeMs: (cell.timeUs >>> 0) / 1_000,
    ageMs: (core.tick - cell.bornTick) * TICK_MS,
    idleMs: (core.tick - cell.lastTick) * TICK_MS,
    parent: `host:${cell.host.name}`,
    monitoredBy: watchers,
    monitors: countOf(bonds?.watching ?? null),
    links: bonds?.rare?.links?.size ?? 0,
    timers: countOf(bonds?.timers ?? null),
    crashes: trouble?.crashesAt.length ?? 0,
    lastCrash: trouble?.reason ?? null,
  };
};

export const statusOf = (cell: Cell): CellStatus => {
  const flags = cell.flags;
  if ((flags & DEAD) !== 0) return 'dead';
  if ((flags & PARKED) !== 0) return 'parked';
  if ((flags & SUSPENDED) !== 0) return 'suspended';
  if ((flags & BACKOFF) !== 0) return 'backoff';
  if ((flags & FRESH) !== 0) return 'starting';
  return (flags & HELD) !== 0 ? 'held' : 'live';
};

export const statsOf = (host: Host<Cell>): KindStats => ({
  kind: host.name,
  cells: host.cells.size,
  spawned: host.spawned,
  mails: host.mails,
  timeMs: host.timeUs / 1_000,
  overruns: host.overruns,
  crashes: host.crashes,
  restarts: host.restarts,
  hibernations: host.hibernations,
  parked: host.parked,
  hintsMissed: host.hintsMissed,
  refused: { ...host.refused },
  shed: { receipt: host.shed[1], presence: host.shed[2], typing: host.shed[3] },
});

export const parkedOf = (core: Core): ParkedCell[] => {
  const parked: ParkedCell[] = [];
  const now = core.env.now();
  for (const host of core.hosts.values()) {
    for (const [key, trouble] of host.troubles) {
      if (trouble.parkedAt === null) continue;
      const { reason, parkedAt, crashesAt } = trouble;
      parked.push({ kind: host.name, key, reason, sinceMs: now - parkedAt, crashes: crashesAt.length });
    }
  }
  return parked;
};

/** A state as its kind shows it; kinds that say nothing show nothing. */
export const redacted = (cell: Cell): unknown => {
  if ((cell.flags & FRESH) !== 0) return null;
  return cell.host.kind.redact?.(cell.state) ?? '(redacted)';
};

export function* refsOf(core: Core, kind?: string): IterableIterator<Ref> {
  for (const host of core.hosts.values()) if (kind === undefined || host.name === kind) yield* host.cells.values();
}
