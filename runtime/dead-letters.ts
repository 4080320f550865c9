// Mail that nobody took: counted by kind and reason, a few samples kept. Never the content, only the mail's type name.

export type DeadReason = string;

export interface DeadSample {
  readonly kind: string;
  readonly key: string;
  readonly reason: DeadReason;
  /** The mail's `t`, when it is a short string. */
  readonly type: string | null;
  readonly from: string | null;
  readonly atMs: number;
}

export interface DeadLetterReport {
  readonly total: number;
  readonly counts: readonly { readonly kind: string; readonly reason: DeadReason; readonly count: number }[];
  /** Newest last. */
  readonly samples: readonly DeadSample[];
}

const SAMPLES_MAX = 64;
/** The first ones of a kind and reason are all sampled, then one in so many. */
const SAMPLED_FIRST = 8;
const SAMPLED_ONE_IN = 64;
const TYPE_CHARS_MAX = 40;

export class DeadLetters {
  private readonly counts = new Map<string, { kind: string; reason: DeadReason; count: number }>();
  private readonly samples: DeadSample[] = [];
  private total = 0;
  private readonly wallNow: () => number;

  constructor(wallNow: () => number) {
    this.wallNow = wallNow;
  }

  add(kind: string, key: string, reason: DeadReason, mail: unknown, from: string | null): void {
    this.total++;
    const name = `${kind} ${reason}`;
    let entry = this.counts.get(name);
    if (entry === undefined) {
      entry = { kind, reason, count: 0 };
      this.counts.set(name, entry);
    }
    entry.count++;
    if (entry.count > SAMPLED_FIRST && entry.count % SAMPLED_ONE_IN !== 0) return;
    if (this.samples.length === SAMPLES_MAX) this.samples.shift();
    this.samples.push({ kind, key, reason, type: typeOf(mail), from, atMs: this.wallNow() });
  }

  report(): DeadLetterReport {
    return {
      total: this.total,
      counts: [...this.counts.values()].map((entry) => ({ ...entry })),
      samples: [...this.samples],
    };
  }
}

const typeOf = (mail: unknown): string | null => {
  if (typeof mail !== 'object' || mail === null || !('t' in mail)) return null;
  return typeof mail.t === 'string' && mail.t.length <= TYPE_CHARS_MAX ? mail.t : null;
};
