// What a world of several nodes has in it beside what every world has: how many nodes where, how its database is, what goes wrong there.
import type { ModelName } from '../../cluster/testing/index.ts';
import type { Random } from './random.ts';

/** What kind of world: one node; several, so many or drawn; several in two regions. */
export interface Setting {
  readonly nodes: 'one' | 'drawn' | number;
  readonly regions: boolean;
  /** Nodes come and go, and nothing else goes wrong. */
  readonly moves: boolean;
  /** Not whole nodes, but this model of a part of them; null: whole nodes. */
  readonly model: ModelName | null;
}
export const ONE_NODE: Setting = { nodes: 'one', regions: false, moves: false, model: null };

export interface FleetPlan {
  /** The region of each node. */
  readonly sites: readonly number[];
  /** The region of each replica. */
  readonly replicas: readonly number[];
  /** One way between regions. */
  readonly regionMs: number;
  /** Share of commits whose rows travel alone. */
  readonly rowByRow: number;
  readonly haste: Haste;
}

/** What makes moves harder than they mostly are. */
export interface Haste {
  /** How long mail may wait in a node before its cells run: they have other work. */
  readonly busyMs: number;
  /** How much later some nodes hear of a new ring than others. */
  readonly hintMs: number;
  /** Each device writes with this chance, to this or that chat, when a ring is made. */
  readonly writeShare: number;
}
const NO_HASTE: Haste = { busyMs: 0, hintMs: 0, writeShare: 0 };

export type FleetFaultName =
  | 'crash'
  | 'freeze'
  | 'drain'
  | 'join'
  | 'cutHub'
  | 'cutCoordination'
  | 'cutStore'
  | 'wipe'
  | 'acks'
  | 'hints'
  | 'mail'
  | 'slowStore'
  | 'lateRows'
  | 'unknown'
  | 'replica'
  | 'part';

const MEANS: Readonly<Record<FleetFaultName, readonly [number, number]>> = {
  crash: [6_000, 20_000],
  freeze: [5_000, 15_000],
  drain: [8_000, 20_000],
  join: [8_000, 25_000],
  cutHub: [4_000, 15_000],
  cutCoordination: [5_000, 15_000],
  cutStore: [5_000, 15_000],
  wipe: [10_000, 25_000],
  acks: [5_000, 15_000],
  hints: [5_000, 15_000],
  mail: [4_000, 12_000],
  slowStore: [4_000, 12_000],
  lateRows: [4_000, 12_000],
  unknown: [4_000, 12_000],
  replica: [5_000, 15_000],
  part: [6_000, 20_000],
};
/** What clients and cells suffer in any world. */
const COMMON: Readonly<Record<string, readonly [number, number]>> = {
  kill: [2_000, 8_000],
  break: [1_500, 8_000],
  stall: [2_000, 10_000],
  fullMailboxes: [8_000, 20_000],
  clock: [5_000, 20_000],
  clientDeath: [2_000, 10_000],
  verifier: [8_000, 20_000],
  pressure: [6_000, 20_000],
  ghost: [5_000, 20_000],
};
const OWN = (Object.keys(MEANS) as FleetFaultName[]).filter((name) => name !== 'part');

export function drawFleet(random: Random, { nodes, regions }: Setting): FleetPlan | null {
  if (nodes === 'one') return null;
  const count = nodes === 'drawn' ? random.whole(2, 4) : nodes;
  const sites = Array.from({ length: count }, (_, at) => (regions ? at % 2 : 0));
  return {
    sites,
    replicas: regions ? [0, 0, 1] : [0, 0, 0],
    regionMs: regions ? random.pick([5, 20, 80, 200]) : 0,
    rowByRow: random.pick([0, 0.2, 1]),
    haste: NO_HASTE,
  };
}

/** Some worlds have nodes that come and go, often, and nothing else: whatever takes long there, or is lost, was lost by a move. */
const MOVES_ONLY = 0.08;
const MOVES: readonly (readonly [string, readonly [number, number]])[] = [
  ['join', [2_000, 6_000]],
  ['drain', [2_000, 6_000]],
];
export const isMovesOnly = (faults: ReadonlyMap<string, number>): boolean =>
  faults.size === MOVES.length && MOVES.every(([name]) => faults.has(name));

export const drawHaste = (random: Random): Haste => ({
  busyMs: random.pick([0, 5, 20, 60]),
  hintMs: random.pick([0, 50, 300]),
  writeShare: random.pick([0.3, 1]),
});

export function drawFleetFaults(random: Random, { regions, moves }: Setting): Map<string, number> {
  if (moves || (!regions && random.fork('moves only').chance(MOVES_ONLY)))
    return new Map(MOVES.map(([name, means]) => [name, random.between(...means)]));
  const faults = new Map<string, number>();
  const draw = (name: string, means: readonly [number, number] | undefined): void => {
    if (means !== undefined) faults.set(name, random.between(...means));
  };
  for (const name of random.some(OWN, random.pick([0, 1, 2, 2, 3, 3, 4, 5, 6]))) draw(name, MEANS[name]);
  for (const name of random.some(Object.keys(COMMON), random.pick([0, 0, 1, 1, 2]))) draw(name, COMMON[name]);
  if (regions) draw('part', MEANS.part);
  return faults;
}
