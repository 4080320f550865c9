// A load worker: a process that holds the sockets of its users against one server, signs them in, keeps them alive, and drives
// pairs of them under load. One worker keeps its sockets over all rounds of a run. Started by the scenarios, asked over IPC.
import { performance } from 'node:perf_hooks';
import { announce, serveParent } from '../child-port.ts';
import type { FrameSizes } from '../peers/relay-frames.ts';
import type { ServerAddress } from '../peers/server-child.ts';
import { connectAll } from './connect.ts';
import type { Dialect, DialectEvents, Link, PeerName } from './dialect.ts';
import { parleyDialect, type Room } from './dialect-parley.ts';
import { relayDialect } from './dialect-relay.ts';
import { socketIoDialect } from './dialect-socket-io.ts';
import { type Load, OpenLoop } from './generate.ts';
import { toText } from './latency.ts';
import { newHistograms, type Pair, Pairs, type Promises } from './pairs.ts';

export interface WorkerArgs {
  readonly peer: PeerName;
  readonly host: string;
  readonly port: number;
  readonly run: string;
  readonly secret: string;
  readonly bodyBytes: number;
  readonly sizes: FrameSizes;
  /** Users by index, from and to (excluded). */
  readonly from: number;
  readonly to: number;
  /** Even users send to odd ones; else all only hold their sockets. */
  readonly paired: boolean;
  readonly signInsAtOnce: number;
  /** Source addresses to spread over; empty: the system's choice. */
  readonly sources: readonly string[];
  /** How long an ack may wait for others, ms; 0: one for each push. */
  readonly ackDelayMs: number;
  readonly heartbeatMs: number;
}

/** Who is to be where, when users have places: by pair or group, its sender first. Handed over with `connect`. */
export interface Seating {
  readonly addresses: readonly ServerAddress[];
  readonly rooms: readonly (Room & {
    /** Of each user: which of the addresses. */
    readonly at: readonly number[];
  })[];
}

export interface WorkerMark {
  readonly atMs: number;
  readonly answers: number;
  readonly deliveries: number;
  readonly receipts: number;
  readonly cpuUs: number;
  readonly latency: {
    readonly sent: string;
    readonly sentUncorrected: string;
    readonly delivered: string;
    readonly deliveredUncorrected: string;
    readonly lag: string;
  };
}
export interface WorkerEnd {
  readonly promises: Promises;
  /** Messages refused so far, and why. */
  readonly refused: number;
  readonly refusals: readonly string[];
  readonly closed: readonly string[];
}

const args = JSON.parse(process.argv[2] ?? '{}') as WorkerArgs;
const DRAIN_MS = 15_000;
const ABOUTS_MAX = 8;
const REFUSED_WAIT_MS = 200;
const PAIR_AGAIN_MS = 1_000;
const PAIRS_AT_ONCE = 64;

const links: Link[] = [];
const pairs = new Pairs();
const pairOf = new Map<number, Pair>();
const senders: Link[] = [];
const refusals: string[] = [];
const closed: string[] = [];
let seating: Seating | null = null;
const names: string[] = [];
let load: Load | null = null;
let openLoop: OpenLoop | null = null;
let onPaired: ((link: Link) => void) | null = null;
let onReady: ((link: Link) => void) | null = null;

const note = (into: string[], about: string): void => {
  if (into.length < ABOUTS_MAX && !into.includes(about)) into.push(about);
};

const events: DialectEvents = {
  ready: (link) => onReady?.(link),
  paired: (link) => onPaired?.(link),
  sent(link, n, seq) {
    const pair = pairOf.get(link.pair);
    if (pair === undefined) return;
    pairs.sent(pair, n, seq, performance.now());
    refill(link, pair);
  },
  pushed(link, n, seq) {
    const pair = pairOf.get(link.pair);
    if (pair === undefined) return;
    pairs.pushed(pair, n, seq, performance.now(), link.role - 1);
    ackSoon(link, seq);
  },
  receipt(link, seq) {
    const pair = pairOf.get(link.pair);
    if (pair !== undefined) pairs.receiptFor(pair, seq);
  },
  refused(link, n, about) {
    note(refusals, about);
    const pair = pairOf.get(link.pair);
    // A chat that a busy server would not make is asked for again.
    if (pair === undefined && link.role === 0) setTimeout(() => dialect.pair(link), PAIR_AGAIN_MS);
    if (n === null || pair === undefined) return;
    pairs.refusedOne(pair, n);
    setTimeout(() => refill(link, pair), REFUSED_WAIT_MS);
  },
};

function userOf(index: number): string {
  return names[index] ?? `${args.run}-${index}`;
}
function roomOf(pair: number): Room {
  return seating?.rooms[pair] ?? { users: [userOf(2 * pair), userOf(2 * pair + 1)], group: null };
}

function newDialect(): Dialect {
  const { peer, run, secret, bodyBytes, sizes } = args;
  if (peer === 'parley') return parleyDialect({ run, secret, bodyBytes, userOf, roomOf }, events);
  return peer === 'relay' ? relayDialect(sizes, events) : socketIoDialect(run, bodyBytes, events);
}
const dialect = newDialect();

function sendOne(link: Link, pair: Pair, intended: number): void {
  dialect.send(link, pairs.take(pair, intended, performance.now()));
}

/** Closed loop: the window is of messages that `sent` has not answered. */
function refill(link: Link, pair: Pair): void {
  if (load?.mode !== 'saturation') return;
  const now = performance.now();
  while (pair.waiting < load.window) sendOne(link, pair, now);
}

const ackWaits = new Map<Link, number>();
function ackSoon(link: Link, seq: number): void {
  if (args.ackDelayMs === 0) return dialect.ack(link, seq);
  ackWaits.set(link, seq);
  if (ackWaits.size === 1) setTimeout(flushAcks, args.ackDelayMs);
}
function flushAcks(): void {
  for (const [link, seq] of ackWaits) dialect.ack(link, seq);
  ackWaits.clear();
}

async function connect(given: Seating | null): Promise<{ connected: number; again: number; ms: number }> {
  const begin = performance.now();
  const sit = (index: number, pair: number, role: number): void => {
    links.push({ index, pair, role, socket: null, token: '', ready: false });
  };
  seating = given;
  if (given === null) for (let index = args.from; index < args.to; index++) sit(index, index >> 1, index & 1);
  else {
    for (const [pair, { users }] of given.rooms.entries()) {
      for (const [role, user] of users.entries()) sit(names.push(user) - 1, pair, role);
    }
  }
  const addressOf = ({ pair, role }: Link): ServerAddress => given?.addresses[given.rooms[pair]?.at[role] ?? 0] ?? args;
  const waiting = new Map<Link, () => void>();
  onReady = (link) => {
    link.ready = true;
    waiting.get(link)?.();
  };
  const again = await connectAll({
    ...args,
    addressOf,
    links,
    dialect,
    waiting,
    onClosed: (about) => note(closed, about),
  });
  onReady = null;
  if (args.paired) await pairAll();
  keepAlive();
  return { connected: links.length, again, ms: performance.now() - begin };
}

function pairAll(): Promise<void> {
  for (const link of links) if (link.role === 0) senders.push(link);
  let open = senders.length;
  let next = 0;
  const more = (): void => {
    const link = senders[next++];
    if (link !== undefined) dialect.pair(link);
  };
  return new Promise((resolve) => {
    onPaired = (link) => {
      pairOf.set(link.pair, pairs.add(link.pair, roomOf(link.pair).users.length - 1));
      open -= 1;
      if (open === 0) resolve();
      more();
    };
    for (let i = 0; i < PAIRS_AT_ONCE; i++) more();
  });
}

/** Each socket says something every `heartbeatMs`, spread evenly. */
function keepAlive(): void {
  if (args.heartbeatMs === 0) return;
  const stepMs = 100;
  const steps = Math.max(1, Math.round(args.heartbeatMs / stepMs));
  let step = 0;
  setInterval(() => {
    for (let i = step % steps; i < links.length; i += steps) {
      const link = links[i];
      if (link !== undefined) dialect.heartbeat(link);
    }
    step += 1;
  }, stepMs);
}

function start(plan: Load): void {
  load = plan;
  pairs.histograms = newHistograms();
  if (plan.mode === 'saturation') {
    for (const link of senders) {
      const pair = pairOf.get(link.pair);
      if (pair !== undefined) refill(link, pair);
    }
    return;
  }
  openLoop = new OpenLoop(plan, senders.length, (at, intended) => {
    const link = senders[at];
    const pair = link === undefined ? undefined : pairOf.get(link.pair);
    if (link !== undefined && pair !== undefined) sendOne(link, pair, intended);
  });
  openLoop.start();
}

/** Counters so far, and the latencies since the last mark. */
function mark(): WorkerMark {
  const { histograms, answers, deliveries, receipts } = pairs;
  pairs.histograms = newHistograms();
  const { user, system } = process.cpuUsage();
  const atMs = performance.now();
  const latency = {
    sent: toText(histograms.sent),
    sentUncorrected: toText(histograms.sentUncorrected),
    delivered: toText(histograms.delivered),
    deliveredUncorrected: toText(histograms.deliveredUncorrected),
    lag: toText(histograms.lag),
  };
  return { atMs, answers, deliveries, receipts, cpuUs: user + system, latency };
}

async function finish(): Promise<WorkerEnd> {
  load = null;
  openLoop?.stop();
  const until = performance.now() + DRAIN_MS;
  while (pairs.open > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
  return { promises: pairs.verdict(), refused: pairs.refusals, refusals: [...refusals], closed: [...closed] };
}

serveParent({
  connect,
  start,
  mark,
  finish,
  stop: () => {
    for (const link of links) link.socket?.end();
    setImmediate(() => process.exit(0));
  },
});
announce(null);
