// `npm run services`: the servers of a cluster without Docker, for people. They outlive this command, and `down` ends them again.
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { at } from '../lib.mjs';
import { withLock } from './cache.mjs';
import { Group, KINDS } from './group.mjs';

const USAGE = `npm run services -- up|down|status [nats] [cassandra] [redis] [haproxy] [options]

  up        starts them (all but haproxy when none is named) and waits until they serve
  down      ends them and removes their folders, data included
  status    tells what runs; exit code 1 when something is down

  --nodes N        of NATS and of Cassandra (default 1; Cassandra on 127.0.0.1, .2, .3)
  --dir D          where their folders are (default .parley/services)
  --port-base P    first of the ports (default 7500)
  --heap MB        of each Cassandra (default 512)
  --load           Cassandra for measurements: with the optimising compiler
  --backends LIST  nodes of Parley behind haproxy (default 127.0.0.1:7400 to :7402)

Nothing but loopback addresses is listened on. What is fetched once is kept in PARLEY_SERVICES_CACHE
(default: parley-services in the user's cache folder).`;

/** Each kind has its own stretch of ports, so that they stay the same whatever else is started. */
const PORT_BASE = 7_500;
const PORT_OFFSETS = { nats: 0, redis: 40, cassandra: 50, haproxy: 60 };
const NODES_MAX = 9;
const UP_BY_DEFAULT = ['nats', 'redis', 'cassandra'];

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`services: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      nodes: { type: 'string', default: '1' },
      dir: { type: 'string', default: at('.parley/services') },
      'port-base': { type: 'string', default: String(PORT_BASE) },
      heap: { type: 'string', default: '512' },
      load: { type: 'boolean', default: false },
      backends: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [verb, ...kinds] = positionals;
  const verbs = { up, down, status };
  const unknown = kinds.find((kind) => !KINDS.includes(kind));
  if (values.help || verbs[verb] === undefined || unknown !== undefined) {
    if (unknown !== undefined) console.error(`services: there is no ${unknown}\n`);
    console.error(USAGE);
    return values.help ? 0 : 64;
  }
  const folder = resolve(values.dir);
  const wanted = new Set(kinds);
  if (verb === 'status') return await status(folder, wanted);
  return await withLock(join(folder, 'lock'), () => verbs[verb](folder, wanted, values));
}

async function up(folder, wanted, values) {
  const nodes = numberOf(values, 'nodes', 1, NODES_MAX);
  const base = numberOf(values, 'port-base', 1_024, 65_000);
  const kinds = wanted.size === 0 ? UP_BY_DEFAULT : [...wanted];
  const results = await Promise.allSettled(
    kinds.map(async (kind) => {
      const inner = join(folder, kind);
      const say = (words) => console.error(`  ${words}`);
      const options = {
        say,
        portBase: base + PORT_OFFSETS[kind],
        ...(kind === 'nats' || kind === 'cassandra' ? { nodes } : {}),
        ...(kind === 'cassandra' ? { heapMb: numberOf(values, 'heap', 128, 65_536), load: values.load } : {}),
        ...(kind === 'haproxy' && values.backends !== undefined ? { backends: values.backends.split(',') } : {}),
      };
      if (!Group.isIn(inner)) return await Group.up(inner, kind, options);
      const group = new Group(inner);
      if (group.nodes.length !== (options.nodes ?? 1)) console.error(`  ${kind} is there with other nodes; down first`);
      await group.start();
      return group;
    }),
  );
  const failed = results.filter((result) => result.status === 'rejected');
  for (const { reason } of failed) console.error(`services: ${reason.message}`);
  await status(folder, new Set(kinds));
  return failed.length === 0 ? 0 : 1;
}

async function down(folder, wanted) {
  const groups = groupsOf(folder, wanted);
  // In order, not by SIGKILL as tests do: people may look at what is in flight. The folders go all the same.
  await Promise.all(
    groups.map(async (group) => {
      await group.stop();
      await group.remove();
      console.error(`  ${group.kind} ended, ${group.folder} removed`);
    }),
  );
  if (groups.length === 0) console.error('  nothing is there');
  // Also what a start that failed has left for its log to be read.
  for (const kind of wanted.size === 0 ? KINDS : wanted) rmSync(join(folder, kind), { recursive: true, force: true });
  if (Group.allIn(folder).length === 0) rmSync(folder, { recursive: true, force: true });
  return 0;
}

async function status(folder, wanted) {
  const rows = await Promise.all(
    groupsOf(folder, wanted).flatMap((group) =>
      group.nodes.map(async (node) => ({
        name: node.name,
        state: (await node.answers()) ? 'up' : node.running ? 'no answer' : 'down',
        pid: node.pid ?? '-',
        version: node.spec.version,
        uptime: node.running ? `${Math.round((Date.now() - node.startedMs) / 1_000)} s` : '-',
        url: node.url,
        ports: Object.entries(node.spec.ports)
          .map(([name, port]) => `${name} ${port}`)
          .join(', '),
        log: node.log,
      })),
    ),
  );
  if (rows.length === 0) {
    console.log('no services');
    return 1;
  }
  printTable(rows);
  return rows.every((row) => row.state === 'up') ? 0 : 1;
}

function groupsOf(folder, wanted) {
  return Group.allIn(folder).filter((group) => wanted.size === 0 || wanted.has(group.kind));
}

function printTable(rows) {
  const names = Object.keys(rows[0]);
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name])))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

function numberOf(values, name, min, max) {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`--${name}: a number from ${min} to ${max}`);
  return value;
}
