// The door for tests, benches and the chaos run: servers as objects, that end with the process that asked for them. A server whose
// address is given in the environment is used as it is. Types are in index.d.mts.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './cache.mjs';
import { DATA_CENTER } from './cassandra.mjs';
import { Unavailable } from './fetch.mjs';
import { Given } from './given.mjs';
import { Group } from './group.mjs';
import { openRun } from './run.mjs';

export { cassandraJars, haproxyProgram, natsProgram, redisProgram, Unavailable } from './fetch.mjs';
export { openRun } from './run.mjs';

/** Set by who opened a run for many processes, such as vitest for its workers. Named so that a node does not take it for an option. */
export const RUN_VARIABLE = '_PARLEY_SERVICES_RUN';

const GIVEN = {
  nats: { variable: 'PARLEY_TEST_NATS', facts: {} },
  redis: { variable: 'PARLEY_TEST_REDIS', facts: {} },
  cassandra: { variable: 'PARLEY_TEST_CASSANDRA', facts: { dataCenter: DATA_CENTER } },
};

export const startNats = (options) => start('nats', options);
export const startRedis = (options) => start('redis', options);
export const startCassandra = (options) => start('cassandra', options);
export const startHaproxy = (options) => start('haproxy', options);

/** One's own. */
async function start(kind, options = {}) {
  const given = givenFor(kind);
  if (given !== null) return given;
  return await orSkip(kind, () => Group.up(mkdtempSync(join(runFolder(), `${kind}-`)), kind, options));
}

/** The one of this run: started by who asks first, used by all, ended with the run. */
export async function shared(kind, options = {}) {
  const given = givenFor(kind);
  if (given !== null) return given;
  const folder = join(runFolder(), `shared-${kind}-x${options.nodes ?? 1}`);
  return await orSkip(kind, async () => {
    mkdirSync(runFolder(), { recursive: true });
    return await withLock(`${folder}.lock`, async () => {
      if (!Group.isIn(folder)) return await Group.up(folder, kind, options);
      const group = new Group(folder);
      // A test file before this one may have left it stopped, or failed to start it.
      await group.start();
      return group;
    });
  });
}

function givenFor(kind) {
  const { variable, facts } = GIVEN[kind] ?? {};
  const addresses = variable === undefined ? undefined : process.env[variable];
  return addresses === undefined || addresses === '' ? null : new Given(kind, addresses, variable, facts);
}

/** What could not be had is remembered for the run: the next test file need not try to fetch it again. */
async function orSkip(kind, work) {
  const lack = join(runFolder(), `lack-of-${kind}`);
  if (existsSync(lack)) return { skip: readFileSync(lack, 'utf8') };
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    writeFileSync(lack, error.message);
    return { skip: error.message };
  }
}

let own = null;
function runFolder() {
  const open = process.env[RUN_VARIABLE];
  if (open !== undefined && open !== '') return open;
  own ??= openRun();
  return own.folder;
}
