// A cell as the kernel keeps it: twelve words. What only few cells need (monitors, links, timers) hangs off `bonds`.
// An incarnation is one Cell: a restart makes a new one, so that late answers to the old one cannot reach the new.
import { Address } from './address.ts';
import type { Host } from './host.ts';
import type { Down, ExitReason, Ref } from './kind.ts';
import type { Lane } from './lane.ts';
import type { Timer } from './wheel.ts';

/** In the run queue. */
export const QUEUED = 1;
/** In the urgent queue, for its system lane. */
export const URGENT = 2;
/** In its turn now. */
export const RUNNING = 4;
/** `init` has not run. */
export const FRESH = 8;
/** User mail waits until `release`. */
export const HELD = 16;
/** By the cluster: user mail waits for the next owner, what is under way is finished. */
export const SEALED = 2_048;
/** User mail is not handled now. */
export const WAITS = HELD | SEALED;
/** By the operator: nothing is handled. */
export const SUSPENDED = 32;
/** Waits for its restart. */
export const BACKOFF = 64;
/** Crashed too often: takes no mail. */
export const PARKED = 128;
/** This incarnation is over. */
export const DEAD = 256;
/** Over, but its name lives on (restarted or hibernated): user mail to this address goes to the name. */
export const SUCCEEDED = 512;
/** `stop` or `kill` came from within its own turn, and is done when the handler returns. */
export const STOPPING = 1_024;

export const BLOCKED = SUSPENDED | BACKOFF | PARKED | DEAD;

export class Cell extends Address {
  readonly host: Host<Cell>;
  readonly key: string;
  /** Before `init`: the argument that it will get. */
  state: unknown;
  user: Lane | null = null;
  system: Lane | null = null;
  bonds: Bonds | null = null;
  flags = FRESH;
  /** Wraps at 2^32; small integers only, so that a cell never owns a boxed number. */
  mails = 0;
  /** Sampled. */
  timeUs = 0;
  /** Tenths of a second since the kernel started. */
  readonly bornTick: number;
  lastTick: number;
  /** Tells the incarnations of a name apart, for addresses that leave this node. From 1; a small integer, used again after 2^30 cells. */
  readonly life: number;

  constructor(host: Host<Cell>, key: string, arg: unknown, tick: number, life: number) {
    super();
    this.host = host;
    this.key = key;
    this.state = arg;
    this.bornTick = tick;
    this.lastTick = tick;
    this.life = life;
  }

  get kind(): string {
    return this.host.name;
  }
}

/**
 * One watch, and a node of two lists: the monitors on the watched cell, and those of the watcher. Nearly every cell has one or two,
 * for which a Map costs four times as much. The watcher is a cell, or a function for those outside.
 */
export class Monitor {
  readonly id: number;
  readonly ref: Ref;
  readonly watcher: Cell | ((down: Down) => void);
  /** On the watched side, oldest first; null when it is not in that list. The first one's is the last of the list. */
  prev: Monitor | null = null;
  next: Monitor | null = null;
  /** On the watcher's side, newest first. */
  ownPrev: Monitor | null = null;
  ownNext: Monitor | null = null;

  constructor(id: number, ref: Ref, watcher: Cell | ((down: Down) => void)) {
    this.id = id;
    this.ref = ref;
    this.watcher = watcher;
  }
}

/** What few of the cells with bonds have. */
export class RareBonds {
  links: Set<Ref> | null = null;
  stopReason: ExitReason | null = null;
  /** Of a cell that has many timers or monitors: where each is, by its number. `owned.ts` keeps them. */
  timerIndex: Map<number, Timer> | null = null;
  watchingIndex: Map<number, Monitor> | null = null;
}

/** What ties a cell to others; made when first needed. */
export class Bonds {
  /** The oldest monitor on this cell; they form a list. */
  watchers: Monitor | null = null;
  /** The newest of this cell's monitors on others; they form a list. */
  watching: Monitor | null = null;
  /** The newest of this cell's timers; they form a list. */
  timers: Timer | null = null;
  rare: RareBonds | null = null;
}

export const bondsOf = (cell: Cell): Bonds => {
  cell.bonds ??= new Bonds();
  return cell.bonds;
};

export const rareOf = (bonds: Bonds): RareBonds => {
  bonds.rare ??= new RareBonds();
  return bonds.rare;
};
