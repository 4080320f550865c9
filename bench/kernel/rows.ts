// The rows of the kernel bench: what is measured, what to reach, and how much work each system is given (slow ones less).

export type System = 'parley' | 'nact' | 'beam';
export type RowName = 'memory' | 'pingpong' | 'ring' | 'fanout' | 'spawn' | 'timer' | 'gc';

export interface Row {
  readonly name: RowName;
  readonly what: string;
  readonly unit: 'B' | 'M/s' | 'k/s' | 'ms';
  /** Whether more is better. */
  readonly more: boolean;
  readonly reach: number;
  /** Null: the system has nothing to compare. */
  readonly work: Readonly<Record<System, number | null>>;
}

export const ROWS: readonly Row[] = [
  {
    name: 'memory',
    what: 'bytes per idle cell, registered',
    unit: 'B',
    more: false,
    reach: 250,
    work: { parley: 1_000_000, nact: 100_000, beam: 200_000 },
  },
  {
    name: 'pingpong',
    what: 'ping-pong, mails',
    unit: 'M/s',
    more: true,
    reach: 8,
    work: { parley: 20_000_000, nact: 300_000, beam: 3_000_000 },
  },
  {
    name: 'ring',
    what: 'ring of 10,000, 100 tokens, mails',
    unit: 'M/s',
    more: true,
    reach: 7,
    work: { parley: 20_000_000, nact: 300_000, beam: 3_000_000 },
  },
  {
    name: 'fanout',
    what: 'fan-out to 1,000 and back, mails',
    unit: 'M/s',
    more: true,
    reach: 6,
    work: { parley: 20_000_000, nact: 600_000, beam: 3_000_000 },
  },
  {
    name: 'spawn',
    what: 'spawn, until `init` is done',
    unit: 'k/s',
    more: true,
    reach: 500,
    work: { parley: 1_000_000, nact: 100_000, beam: 200_000 },
  },
  {
    name: 'timer',
    what: 'worst delay of a timer while 200,000 cells each get one mail',
    unit: 'ms',
    more: false,
    reach: 20,
    work: { parley: 200_000, nact: 200_000, beam: 200_000 },
  },
  {
    name: 'gc',
    what: 'full GC pause, per 1,000,000 cells',
    unit: 'ms',
    more: false,
    reach: 250,
    work: { parley: 1_000_000, nact: 200_000, beam: null },
  },
];
