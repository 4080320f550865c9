// failover: one node of three is killed under load. handoff: a node joins, and another drains. Real servers, real clients that come back
// and repeat; how long a chat waits for its next `sent`, and whether the promise held.
import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '../../actors/index.ts';
import { nameOf, ownerOf, type Ring } from '../../cluster/index.ts';
import { Child } from '../children.ts';
import { CqlBed, ownersOf } from '../cluster/bed.ts';
import { placePairs } from '../cluster/places.ts';
import { fewestMoves, movedBetween, movedIn, Rings } from '../cluster/rings.ts';
import type { Pace, PairReport, TalkerArgs, TalkerEnd, Window } from '../load/talker.ts';
import type { Seating } from '../load/worker.ts';
import type { BenchOptions } from '../options.ts';
import { type Figure, figure } from '../report/result.ts';
import { LOAD_CORE, runName, SECRET } from './peer.ts';

export interface MovesFound {
  readonly figures: Figure[];
  readonly about: string;
  readonly end: TalkerEnd;
  /** Broken promises in words; empty: all kept. */
  readonly broken: readonly string[];
}
type Say = (line: string) => void;

const NODES = 3;
const CONNECT_MS = 600_000;
const CALM_MS = 5_000;
const WAIT_MS = 90_000;
const QUIET_MS = 4_000;
const POLL_MS = 250;
const FAILOVER = { reach: 10_000, aim: 5_000 } as const;
const MOVES = { reach: 1.2, aim: 1.0 } as const;

interface Scene {
  readonly bed: CqlBed;
  readonly rings: Rings;
  readonly talkers: Child;
}

async function withScene<T>(options: BenchOptions, say: Say, play: (scene: Scene) => Promise<T>): Promise<T> {
  const bed = await CqlBed.open(options, say);
  let talkers: Child | null = null;
  let rings: Rings | null = null;
  try {
    for (let i = 0; i < NODES; i++) await bed.join();
    const owners = await ownersOf(bed);
    say(bed.about);
    rings = await Rings.open(bed.nats.urls, bed.cluster);
    const place = { owners, nodes: NODES, run: runName(options) };
    const half = Math.ceil(options.pairs / 2);
    const rooms = [...placePairs(place, 'across', half), ...placePairs(place, 'local', half)];
    const args: TalkerArgs = { secret: SECRET };
    talkers = (await Child.start<null>({ module: 'load/talker', core: LOAD_CORE, args })).child;
    await talkers.ask('connect', { addresses: bed.addresses, rooms } satisfies Seating, CONNECT_MS);
    await talkers.ask('start', { perSecond: options.rate } satisfies Pace);
    await sleep(CALM_MS);
    return await play({ bed, rings, talkers });
  } finally {
    await talkers?.stop();
    await rings?.close();
    await bed.close();
  }
}

/** Each round kills another node, and starts it again when all have been served. */
export async function runFailover(options: BenchOptions, say: Say): Promise<MovesFound> {
  return await withScene(options, say, async ({ bed, rings, talkers }) => {
    const firsts = { owner: [] as number[], sender: [] as number[], others: [] as number[] };
    for (let round = 0; round < options.rounds; round++) {
      const victim = round % NODES;
      const name = `n${victim + 1}`;
      const ring = await rings.quiet(NODES, QUIET_MS, WAIT_MS);
      const now = Date.now();
      const places = await reports(talkers, { from: now, to: now });
      await bed.kill(victim);
      const after = await served(talkers, now);
      const took = { owner: [] as number[], sender: [] as number[], others: [] as number[] };
      for (const [i, { chat, firstSentMs }] of after.entries()) {
        const owned = nodeOf(ring, chat) === name;
        const kind = places[i]?.senderAt === name ? 'sender' : owned ? 'owner' : 'others';
        took[kind].push(firstSentMs ?? WAIT_MS);
      }
      for (const kind of ['owner', 'sender', 'others'] as const) firsts[kind].push(...took[kind]);
      say(
        `kill -9 of ${name}: next sent of its chats ${spread(took.owner)}; of its clients ${spread(took.sender)}; ` +
          `of all others ${spread(took.others)}`,
      );
      await bed.again(victim);
      await talkers.ask('addresses', bed.addresses);
    }
    const end = await talkers.ask<TalkerEnd>('finish');
    return {
      figures: [
        ...percentiles('next sent, chats of the killed node', firsts.owner, FAILOVER),
        ...percentiles('next sent, clients of the killed node', firsts.sender, FAILOVER),
        ...percentiles('next sent, all others', firsts.others, null),
      ],
      about: bed.about,
      end,
      broken: brokenOf(end),
    };
  });
}

export async function runHandoff(options: BenchOptions, say: Say): Promise<MovesFound> {
  return await withScene(options, say, async ({ bed, rings, talkers }) => {
    const figures: Figure[] = [];
    const broken: string[] = [];
    const calm = await reports(talkers, { from: Date.now() - CALM_MS, to: Date.now() });
    figures.push(figure('calm: longest gap of a chat', 'ms', [Math.max(...calm.map((pair) => pair.longestGapMs))]));
    const move = async (name: string, members: number, run: () => Promise<unknown>): Promise<void> => {
      const before = await rings.quiet(bed.nodes, QUIET_MS, WAIT_MS);
      const from = Date.now();
      await run();
      const after = await rings.quiet(members, QUIET_MS, WAIT_MS);
      const to = Date.now();
      const history = await rings.since(before.epoch);
      const moved = movedIn(history.filter(({ epoch }) => epoch <= after.epoch));
      const fewest = fewestMoves(before, after);
      const shards = movedBetween(before, after);
      const all = await reports(talkers, { from, to });
      const has = (pair: PairReport): boolean => shards.has(shardOf('chat', pair.chat));
      const gaps = all.filter(has).map((pair) => pair.longestGapMs);
      const still = all.filter((pair) => !has(pair)).map((pair) => pair.longestGapMs);
      const sockets = all.reduce((sum, pair) => sum + pair.reconnects, 0);
      figures.push(figure(`${name}: shards moved / fewest`, '×', [moved / Math.max(1, fewest)], MOVES));
      figures.push(...percentiles(`${name}: longest gap, chats that moved`, gaps, null));
      figures.push(...percentiles(`${name}: longest gap, all others`, still, null));
      figures.push(figure(`${name}: sockets closed`, '', [sockets]));
      if (name === 'join' && sockets > 0) broken.push(`${sockets} sockets were closed by a join`);
      say(
        `${name}: ${moved} shards moved in ${after.epoch - before.epoch} epochs and ${((to - from - QUIET_MS) / 1_000).toFixed(1)} s, ` +
          `the fewest are ${fewest}; longest gap of ${gaps.length} chats that moved ${spread(gaps)}, of others ${spread(still)}; ` +
          `${sockets} sockets closed`,
      );
    };
    await move('join', NODES + 1, async () => {
      await bed.join();
      await talkers.ask('addresses', bed.addresses);
    });
    await sleep(CALM_MS);
    await move('drain', NODES, () => bed.drain(1));
    await sleep(CALM_MS);
    const end = await talkers.ask<TalkerEnd>('finish');
    return { figures, about: bed.about, end, broken: [...broken, ...brokenOf(end)] };
  });
}

const reports = (talkers: Child, window: Window): Promise<PairReport[]> => talkers.ask('report', window);

const nodeOf = (ring: Ring, chat: string): string | null => {
  const owner = ownerOf(ring, shardOf('chat', chat));
  return owner === null ? null : nameOf(owner);
};

/** Once each chat had a `sent` of what was said since, or after the limit. */
async function served(talkers: Child, from: number): Promise<PairReport[]> {
  for (;;) {
    const to = Date.now();
    const all = await reports(talkers, { from, to });
    if (to - from > WAIT_MS || all.every((pair) => pair.firstSentMs !== null)) return all;
    await sleep(POLL_MS);
  }
}

function brokenOf(end: TalkerEnd): string[] {
  const { lost, doubled, reordered, unanswered, failed } = end;
  return Object.entries({ lost, doubled, reordered, unanswered, failed }).flatMap(([what, count]) =>
    count === 0 ? [] : [`${count} ${what}`],
  );
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.ceil(share * (sorted.length - 1))] ?? 0;

function percentiles(name: string, ms: readonly number[], goal: { reach: number; aim: number } | null): Figure[] {
  if (ms.length === 0) return [];
  const sorted = [...ms].sort((a, b) => a - b);
  return [figure(`${name}, p50`, 'ms', [at(sorted, 0.5)]), figure(`${name}, p99`, 'ms', [at(sorted, 0.99)], goal)];
}

function spread(ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted.length === 0
    ? '–'
    : `p50 ${at(sorted, 0.5).toFixed(0)}, max ${at(sorted, 1).toFixed(0)} ms (${sorted.length})`;
}
