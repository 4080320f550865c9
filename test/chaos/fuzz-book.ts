// What the fuzz run counts: what was sent, what came back, how sockets ended, and whatever should not have been. Test code.

type Counts = Record<string, number>;
const ANOMALIES_KEPT = 40;

export class Book {
  /** Messages still to be sent, of all attackers. */
  left: number;
  readonly sent: Counts = {};
  readonly answers: Counts = {};
  readonly refused: Counts = {};
  readonly closes: Counts = {};
  readonly upgradesRefused: Counts = {};
  readonly tcp: Counts = {};
  /** Of what the decoder refuses here as well: the server closed, as it has to. */
  brokenAndClosed = 0;
  sockets = 0;
  anomalies = 0;
  readonly examples: string[] = [];

  constructor(frames: number) {
    this.left = frames;
  }

  /** Takes one from the budget. */
  fired(kind: string): void {
    this.left--;
    add(this.sent, kind);
  }

  strange(what: string): void {
    this.anomalies++;
    if (this.examples.length < ANOMALIES_KEPT) this.examples.push(what);
  }

  get total(): number {
    return Object.values(this.sent).reduce((sum, n) => sum + n, 0);
  }
}

export function add(counts: Counts, name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by;
}
