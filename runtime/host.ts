// The host of a kind: OTP's simple_one_for_one supervisor as data. It holds the kind, the cells by key, the limits and the counters.
// What it decides on a crash is in supervision.ts. Generic over the cell, so that cell.ts may import this file.
import type { Ctx, ExitReason, Kind, Next } from './kind.ts';

/** Any kind, its state and mail types forgotten: the kernel never looks into either. */
export type AnyKind = Kind<unknown, object>;

export interface HostOptions {
  /** Crashes of one cell within the window beyond which it is parked; default 3 in 5,000 ms. */
  readonly intensity?: { readonly restartsMax: number; readonly windowMs: number };
  /** Pause before a restart, doubling from `minMs`, jittered, never above `maxMs`; default 100 to 5,000. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
  /** How long a parked cell stays parked, unless the operator unparks it; default 60,000. */
  readonly parkMs?: number;
  /** Cells of this kind at the most; beyond it activation is refused with `busy`, and `spawn` throws. Default: no limit. */
  readonly cellsMax?: number;
}

/** The crash history of one key, kept while it is recent. */
export interface Trouble {
  /** Env time of the crashes within the window, oldest first. */
  readonly crashesAt: number[];
  /** Crashes in a row without a quiet window between: drives the backoff. */
  attempt: number;
  reason: ExitReason;
  parkedAt: number | null;
}

const MAILBOX_MAILS_DEFAULT = 1_024;
/** A kind's first turns, and those after a slow one, are timed each; the others are sampled. */
export const EXACT_TURNS = 64;

export class Host<C> {
  readonly name: string;
  readonly cells = new Map<string, C>();
  /** What `spawn` gave, for restarts; only keys that need it. */
  readonly args = new Map<string, unknown>();
  readonly troubles = new Map<string, Trouble>();
  readonly restartsMax: number;
  readonly windowMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly parkMs: number;
  readonly cellsMax: number;
  kind: AnyKind;
  /** Cached from the kind, so that the hot path loads it from one shape. */
  receive: (this: AnyKind, ctx: Ctx, state: unknown, mail: object) => Next;
  mailboxMax: number;
  sheds: boolean;
  byMail: boolean;

  mails = 0;
  timeUs = 0;
  /** Turns left that are timed each one, see EXACT_TURNS. */
  exactTurns = EXACT_TURNS;
  overruns = 0;
  spawned = 0;
  crashes = 0;
  restarts = 0;
  hibernations = 0;
  parked = 0;
  /** Hints that found nobody, or no room. */
  hintsMissed = 0;
  readonly refused: Record<string, number> = {};
  /** Shed mails by class, index 1 to 3. */
  readonly shed: [number, number, number, number] = [0, 0, 0, 0];

  constructor(kind: AnyKind, options: HostOptions) {
    this.name = kind.name;
    this.kind = kind;
    this.receive = kind.receive;
    this.mailboxMax = kind.mailboxMailsMax ?? MAILBOX_MAILS_DEFAULT;
    this.sheds = kind.shedClass !== undefined;
    this.byMail = kind.activate === 'mail';
    this.restartsMax = options.intensity?.restartsMax ?? 3;
    this.windowMs = options.intensity?.windowMs ?? 5_000;
    this.backoffMinMs = options.backoff?.minMs ?? 100;
    this.backoffMaxMs = options.backoff?.maxMs ?? 5_000;
    this.parkMs = options.parkMs ?? 60_000;
    this.cellsMax = options.cellsMax ?? Number.POSITIVE_INFINITY;
  }

  /** Another version of the kind takes over; cells and counters stay. */
  replace(kind: AnyKind): void {
    this.kind = kind;
    this.receive = kind.receive;
    this.mailboxMax = kind.mailboxMailsMax ?? MAILBOX_MAILS_DEFAULT;
    this.sheds = kind.shedClass !== undefined;
    this.byMail = kind.activate === 'mail';
    this.exactTurns = EXACT_TURNS;
  }

  countRefused(reason: string): void {
    this.refused[reason] = (this.refused[reason] ?? 0) + 1;
  }
}
