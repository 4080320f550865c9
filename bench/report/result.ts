// What a run leaves behind as result.json: its options, its environment, every round as measured, and the summary made from them.
import type { Environment } from '../environment.ts';
import type { PeerName } from '../load/dialect.ts';
import type { LatencySummary } from '../load/latency.ts';
import type { Promises } from '../load/pairs.ts';
import type { ServerMemory } from '../peers/server-child.ts';

/** What each round under load says, of one server or of several nodes together. */
export interface Round {
  readonly round: number;
  readonly mode: 'saturation' | 'open';
  readonly ms: number;
  /** In that time: of one server those delivered, of several nodes those answered by `sent`. */
  readonly messages: number;
  readonly perSecond: number;
  /** Processor time of the servers, all threads, per message. */
  readonly cpuUs: number;
  /** Of one core, 0 to 1 and more. */
  readonly loadShare: number;
  /** What the servers count of their own work, per message: frames, socket writes, store batches and such. */
  readonly perMessage: Readonly<Record<string, number>>;
  readonly sent: LatencySummary;
  readonly delivered: LatencySummary;
  readonly lag: LatencySummary;
  readonly promises: Promises;
  readonly refused: number;
  readonly refusals: readonly string[];
  readonly closed: readonly string[];
  /** Why this round counts for nothing; null: it counts. */
  readonly invalid: string | null;
}

export interface DirectRound extends Round {
  readonly peer: PeerName;
  readonly userUs: number;
  readonly systemUs: number;
  /** The main thread's part of it; the rest is the store's thread, V8's and libuv's. */
  readonly mainUs: number | null;
  /** Of one core, 0 to 1 and more. */
  readonly serverShare: number;
  readonly loopShare: number;
  readonly switchesPerMessage: number;
  readonly receiptsPerMessage: number;
  readonly rssMiB: number;
  readonly sentUncorrected: LatencySummary;
  readonly deliveredUncorrected: LatencySummary;
}

/** Of several nodes; processor time is of all of them together. */
export interface ClusterRound extends Round {
  readonly placement: 'local' | 'across';
  /** Shards moved since users were placed: clients that do not repeat, as these, are promised nothing then, and the round is invalid. */
  readonly moved: boolean;
  /** Pushed to receivers. */
  readonly deliveries: number;
  readonly cpuUsPerDelivery: number;
  /** Its share of each process, per message. */
  readonly processUs: readonly number[];
  /** Processor time of NATS and the database, per message; in no figure of the nodes. */
  readonly serversUs: Readonly<Record<string, number>>;
}

export interface IdleSample {
  readonly when: string;
  readonly memory: ServerMemory;
  /** Resident bytes over the baseline, per connection. */
  readonly rssPerConnection: number;
  readonly heapPerConnection: number;
  readonly externalPerConnection: number;
  /** Of the resident bytes: the young generation's growth, and heap that is taken but not used. */
  readonly youngPerConnection: number;
  readonly slackPerConnection: number;
  /** The rest: handles of libuv and Node, and what malloc keeps. */
  readonly nativePerConnection: number;
}
export interface IdlePeer {
  readonly peer: PeerName;
  readonly connections: number;
  readonly connectMs: number;
  /** Sign-ins that the server put off, under pressure. */
  readonly signInsAgain: number;
  readonly cpuPerSignInUs: number;
  /** Share of a core that idling took, heartbeats included. */
  readonly idleShare: number;
  readonly baseline: ServerMemory;
  readonly samples: readonly IdleSample[];
  readonly closed: readonly string[];
}

/** One figure with what it varied by between rounds; `compare` reads these. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Less is better, unless said otherwise. */
  readonly moreIsBetter?: boolean;
  readonly reach: number | null;
  readonly aim: number | null;
}

export interface Result {
  readonly format: 1;
  readonly scenario: 'direct' | 'idle' | 'group' | 'failover' | 'handoff';
  readonly options: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
  readonly environment: Environment;
  readonly direct: readonly DirectRound[];
  readonly idle: readonly IdlePeer[];
  /** Absent in results of older releases. */
  readonly cluster?: readonly ClusterRound[];
  readonly figures: readonly Figure[];
  readonly verdict: 'kept' | 'broken' | 'invalid';
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}

/** The median, and the range it was taken from. */
export function figure(
  name: string,
  unit: string,
  values: readonly number[],
  goal: { reach: number; aim: number } | null = null,
): Figure {
  return {
    name,
    unit,
    value: median(values),
    low: Math.min(...values),
    high: Math.max(...values),
    reach: goal?.reach ?? null,
    aim: goal?.aim ?? null,
  };
}
