// `npm run bench -- SCENARIO [options]`: starts a scenario, prints what it found, and leaves result.json and report.html behind.
// Exits 1 when the promise was broken, 2 when the run is invalid or the command wrong.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment } from './environment.ts';
import { isKept } from './load/pairs.ts';
import { type BenchOptions, OPTIONS_HELP, readOptions } from './options.ts';
import { compareFiles } from './report/compare.ts';
import type { DirectRound, Result } from './report/result.ts';
import { figureTable, writeResult } from './report/write.ts';
import { clusterFigures, runCluster } from './scenarios/cluster.ts';
import { directFigures, runDirect } from './scenarios/direct.ts';
import { idleFigures, runIdle } from './scenarios/idle.ts';
import { runFailover, runHandoff } from './scenarios/moves.ts';

const HELP = `npm run bench -- SCENARIO [options]

scenarios
  direct     pairs of users, durable messages, beside a raw ws relay and Socket.IO; --nodes, --store cql: of a cluster
  group      groups with all members there, on one node or several
  idle       memory per idle signed-in connection, beside the same two
  failover   one node of three is killed under load, on NATS and Cassandra: time to the next sent
  handoff    a node joins and another drains under load: what moved, how long chats waited
  kernel     the actor kernel alone
  store      the embedded store alone; --store cql: Cassandra (--cassandra host:port, else one is started)
  history    a page of 50 and a wake from a long log and a short one, on both stores
  link       mail between two nodes alone
  compare A B   two result.json: what changed, and what is within the noise

options
${OPTIONS_HELP}`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  const [scenario, ...rest] = args;
  switch (scenario) {
    case 'direct':
    case 'idle':
    case 'group':
      return await runScenario(scenario, readOptions(scenario, rest));
    case 'failover':
    case 'handoff':
      return await runMoves(scenario, readOptions(scenario, rest));
    case 'kernel':
    case 'store':
    case 'history':
    case 'link':
      return await runOther(scenario, rest);
    case 'compare': {
      const [before, after] = rest;
      if (before === undefined || after === undefined) throw new TypeError('compare takes two result.json');
      print(compareFiles(before, after));
      return 0;
    }
    default:
      print(HELP);
      return scenario === undefined || scenario === 'help' || scenario === '--help' ? 0 : 2;
  }
}

async function runScenario(scenario: 'direct' | 'idle' | 'group', options: BenchOptions): Promise<number> {
  mkdirSync(options.out, { recursive: true });
  const data = join(options.out, 'data');
  rmSync(data, { recursive: true, force: true });
  const say = options.json ? (line: string) => void process.stderr.write(`${line}\n`) : print;
  const environment = await readEnvironment(data);
  say(
    `${environment.cpu}, ${environment.cores} cores, node ${environment.node}, load ${environment.loadAverage[0]}, ` +
      `sync ${environment.diskSyncMs.p50.toFixed(2)} ms, ${environment.pinned ? 'pinned' : 'NOT pinned'}`,
  );
  const ofNodes = scenario === 'group' || options.nodes > 1 || options.store === 'cql';
  const cluster =
    scenario !== 'idle' && ofNodes ? await runCluster(scenario, options, say) : { rounds: [], about: 'one node' };
  const direct = scenario === 'direct' && !ofNodes ? await runDirect(options, say) : [];
  const idle = scenario === 'idle' ? await runIdle(options, say) : [];
  rmSync(data, { recursive: true, force: true });
  const result: Result = {
    format: 1,
    scenario,
    options: { ...options },
    notes: [...(scenario === 'idle' ? [] : [cluster.about]), ...notesOf(options)],
    environment,
    direct,
    idle,
    cluster: cluster.rounds,
    figures:
      scenario === 'idle'
        ? idleFigures(idle)
        : ofNodes
          ? clusterFigures(cluster.rounds, scenario)
          : directFigures(direct),
    verdict: verdictOf(
      [...direct, ...cluster.rounds],
      idle.some((peer) => peer.closed.length > 0),
    ),
  };
  writeResult(options.out, result);
  say(figureTable(result.figures));
  say(`${result.verdict}; ${join(options.out, 'result.json')}, report.html`);
  if (options.json) print(JSON.stringify(result));
  return result.verdict === 'kept' ? 0 : result.verdict === 'broken' ? 1 : 2;
}

async function runMoves(scenario: 'failover' | 'handoff', options: BenchOptions): Promise<number> {
  mkdirSync(options.out, { recursive: true });
  const data = join(options.out, 'data');
  const environment = await readEnvironment(data);
  rmSync(data, { recursive: true, force: true });
  const say = options.json ? (line: string) => void process.stderr.write(`${line}\n`) : print;
  say(`${environment.cpu}, ${environment.cores} cores, node ${environment.node}, load ${environment.loadAverage[0]}`);
  const found = scenario === 'failover' ? await runFailover(options, say) : await runHandoff(options, say);
  const { figures, about, end, broken } = found;
  const notes = [
    about,
    `${end.sends} messages of real clients; ${broken.length === 0 ? 'all kept' : broken.join(', ')}.`,
  ];
  const verdict = broken.length === 0 ? 'kept' : 'broken';
  const result: Result = {
    format: 1,
    scenario,
    options: { ...options },
    notes: [...notes, ...end.failures],
    environment,
    direct: [],
    idle: [],
    figures,
    verdict,
  };
  writeResult(options.out, result);
  say(figureTable(figures));
  for (const note of result.notes) say(note);
  say(`${verdict}; ${join(options.out, 'result.json')}, report.html`);
  if (options.json) print(JSON.stringify(result));
  return verdict === 'kept' ? 0 : 1;
}

function verdictOf(
  rounds: readonly (Pick<DirectRound, 'promises' | 'closed' | 'invalid'> & { readonly moved?: boolean })[],
  socketsLost: boolean,
): Result['verdict'] {
  const broken = rounds.some(
    ({ promises, closed, moved = false }) => !moved && (!isKept(promises) || closed.length > 0),
  );
  if (socketsLost || broken) return 'broken';
  return rounds.some((round) => round.invalid !== null) ? 'invalid' : 'kept';
}

function notesOf(options: BenchOptions): string[] {
  const acks =
    options.ackDelayMs === 0
      ? 'An ack for each push, at once.'
      : `Acks wait up to ${options.ackDelayMs} ms for others.`;
  return [
    acks,
    'Processor time is that of the server processes, all threads, user and system.',
    `The even user of a pair sends, the odd one receives. Bodies of ${options.bodyBytes} bytes.`,
    'The load client is a lean one of our own for all peers: one write for all that a turn sends on a socket.',
    options.holdMs === null
      ? 'The node holds batches as it does by default.'
      : `The node holds batches ${options.holdMs} ms.`,
  ];
}

const OTHERS = {
  kernel: 'runKernelBench',
  store: 'runStoreBench',
  history: 'runHistoryBench',
  link: 'runLinkBench',
} as const;

/** The micro-benches have folders of their own, and may not be there. */
async function runOther(name: keyof typeof OTHERS, args: readonly string[]): Promise<number> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./${name}/index.${extension}`, import.meta.url);
  if (!existsSync(fileURLToPath(url))) {
    print(`bench/${name} is not here`);
    return 2;
  }
  const module = (await import(url.href)) as Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>>;
  const run = module[OTHERS[name]];
  const result = await run?.(args);
  if (args.includes('--json')) print(JSON.stringify(result));
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof TypeError ? error.message : error instanceof Error ? error.stack : error}\n`,
    );
    process.exitCode = 2;
  },
);
