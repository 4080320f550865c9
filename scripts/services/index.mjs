// The door for tests, benches and the chaos run: servers as objects, that end with the process that asked for them. A server whose
// address is given in the environment is used as it is. Types are in index.d.mts.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './cache.mjs';
import { DATA_CENTER } from './cassandra.mjs';
import { Unavailable } from './fetch.mjs';
import { Given } from './given.mjs';
import { Group } from './group.mjs';
import { openRun } from './run.mjs';

export { cassandraJars, haproxyProgram, natsProgram, redisProgram, Unavailable } from './fetch.mjs';
export { openRun } from './run.mjs';

/** Set by who opened a run for many processes, such as vitest for its workers. */
export const RUN_VARIABLE = 'PARLEY_SERVICES_RUN';

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
  return await orSkip(() => Group.up(mkdtempSync(join(runFolder(), `${kind}-`)), kind, options));
}

/** The one of this run: started by who asks first, used by all, ended with the run. */
export async function shared(kind, options = {}) {
  const given = givenFor(kind);
  if (given !== null) return given;
  const folder = join(runFolder(), `shared-${kind}-x${options.nodes ?? 1}`);
  return await orSkip(async () => {
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

async function orSkip(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unavailable) return { skip: error.message };
    throw error;
  }
}

let own = null;
function runFolder() {
  const open = process.env[RUN_VARIABLE];
  if (open !== undefined && open !== '') return open;
  own ??= openRun();
  return own.folder;
}
