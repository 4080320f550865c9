// What a seed is: who is there, what they do, how the machines and the network are, and what goes wrong. Everything is drawn here,
// before the world begins, so that a seed can be told in a few lines.
import { DEFAULT_RATES, type RateConfig } from '../../actors/index.ts';
import {
  drawFleet,
  drawFleetFaults,
  drawHaste,
  type FleetFaultName,
  type FleetPlan,
  isMovesOnly,
  ONE_NODE,
  type Setting,
} from './fleet-plan.ts';
import type { NetworkPlan } from './network.ts';
import type { Random } from './random.ts';

export interface ServerPlan {
  readonly commitMs: number;
  readonly readMs: number;
  readonly verifyMs: number;
  readonly writers: number;
  readonly rates: RateConfig;
}
export interface PeoplePlan {
  /** Devices of each user. */
  readonly devices: readonly number[];
  readonly groups: number;
  /** What users do, in all. */
  readonly acts: number;
  readonly largeShare: number;
  readonly flushMs: number;
  readonly tokenLifeMs: number | null;
  /** Devices that are gone for good before the end, and devices that step over what they are not pushed. */
  readonly leavers: number;
  readonly skipShare: number;
}
/** Kinds of faults; a seed draws a few. The number is how often, on average, in ms. */
export type NodeFaultName =
  | 'crash'
  | 'zombie'
  | 'stop'
  | 'kill'
  | 'break'
  | 'stall'
  | 'slowStore'
  | 'failStore'
  | 'failReads'
  | 'fullMailboxes'
  | 'clock'
  | 'freeze'
  | 'clientDeath'
  | 'verifier'
  | 'pressure'
  | 'ghost'
  | 'outage';
export type FaultName = NodeFaultName | FleetFaultName;
export interface Plan {
  readonly seed: number;
  readonly chaosMs: number;
  readonly server: ServerPlan;
  readonly network: NetworkPlan;
  readonly people: PeoplePlan;
  /** Null: one node. */
  readonly fleet: FleetPlan | null;
  readonly faults: ReadonlyMap<FaultName, number>;
}

const MEANS: Readonly<Record<NodeFaultName, readonly [number, number]>> = {
  crash: [6_000, 30_000],
  zombie: [10_000, 30_000],
  stop: [10_000, 30_000],
  kill: [1_000, 6_000],
  break: [1_500, 8_000],
  stall: [2_000, 10_000],
  slowStore: [5_000, 15_000],
  failStore: [5_000, 15_000],
  failReads: [4_000, 15_000],
  fullMailboxes: [8_000, 20_000],
  clock: [5_000, 20_000],
  freeze: [5_000, 20_000],
  clientDeath: [2_000, 10_000],
  verifier: [8_000, 20_000],
  pressure: [6_000, 20_000],
  ghost: [5_000, 20_000],
  outage: [6_000, 20_000],
};
/** Things take longer among several nodes: a lease has to run out, shards have to move. */
const FLEET_CHAOS = 1;
const NAMES = Object.keys(MEANS) as NodeFaultName[];

export function drawPlan(seed: number, random: Random, setting: Setting = ONE_NODE): Plan {
  const chaosMs = random.between(10_000, 45_000);
  const faults = new Map<FaultName, number>();
  for (const name of random.some(NAMES, random.pick([0, 1, 2, 2, 3, 3, 4, 5, 6]))) {
    const [low, high] = MEANS[name];
    faults.set(name, random.between(low, high));
  }
  const users = random.whole(3, 5);
  const people: PeoplePlan = {
    devices: Array.from({ length: users }, () => random.pick([1, 1, 1, 2, 2, 3])),
    groups: random.whole(1, 2),
    acts: random.whole(30, 110),
    largeShare: random.chance(0.3) ? random.between(0, 0.2) : 0,
    flushMs: random.pick([0, 2, 10, 60]),
    tokenLifeMs: random.chance(0.3) ? random.between(8_000, 40_000) : null,
    leavers: random.pick([0, 0, 0, 1, 1, 2]),
    skipShare: random.chance(0.2) ? 0.3 : 0,
  };
  const server: ServerPlan = {
    commitMs: random.pick([0, 1, 3, 10, 30]),
    readMs: random.pick([0, 0, 1, 4]),
    verifyMs: random.pick([0, 5, 50]),
    writers: random.whole(1, 3),
    rates: random.chance(0.15) ? LOW_RATES : DEFAULT_RATES,
  };
  const network: NetworkPlan = {
    delayMs: random.pick([1, 5, 20, 80]),
    jitterMs: random.pick([0, 2, 20, 100]),
    slowShare: random.chance(0.2) ? random.between(0.1, 0.5) : 0,
  };
  const fleet = drawFleet(random.fork('fleet'), setting);
  if (fleet === null) return { seed, chaosMs, server, network, people, fleet, faults };
  const theirs = drawFleetFaults(random.fork('fleet faults'), setting) as Map<FaultName, number>;
  const moving = isMovesOnly(theirs) ? { ...fleet, haste: drawHaste(random.fork('haste')) } : fleet;
  return { seed, chaosMs: chaosMs * FLEET_CHAOS, server, network, people, fleet: moving, faults: theirs };
}

const LOW_RATES: RateConfig = {
  userMessages: { perSecond: 8, burst: 10 },
  userBytes: { perSecond: 60_000, burst: 100_000 },
  pairMessages: { perSecond: 5, burst: 6 },
  sourceMessages: { perSecond: 20, burst: 40 },
};

export function tellPlan(plan: Plan): string {
  const faults = [...plan.faults].map(([name, mean]) => `${name} every ${(mean / 1_000).toFixed(1)} s`).join(', ');
  const { server, network, people, fleet } = plan;
  const nodes =
    fleet === null
      ? 'one node'
      : `nodes in regions ${fleet.sites.join(' ')}, replicas in ${fleet.replicas.join(' ')}, ${fleet.regionMs} ms between, row by row ${fleet.rowByRow}`;
  return [
    nodes,
    `chaos of ${(plan.chaosMs / 1_000).toFixed(1)} s, ${people.acts} acts of ${people.devices.length} users with ${people.devices.join('+')} devices`,
    `${people.leavers} leave for good, ${people.skipShare} skip gaps`,
    `faults: ${faults === '' ? 'none' : faults}`,
    `store: commit ${server.commitMs} ms, read ${server.readMs} ms, ${server.writers} writers${server.rates === LOW_RATES ? ', low rates' : ''}`,
    `network: ${network.delayMs} ± ${network.jitterMs} ms, slow clients ${network.slowShare.toFixed(2)}; client flush ${people.flushMs} ms, tokens ${people.tokenLifeMs === null ? 'without end' : `${(people.tokenLifeMs / 1_000).toFixed(0)} s`}`,
  ].join('\n');
}
