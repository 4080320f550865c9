// Fetches what all servers need, ahead of the tests, so that no test waits for a download. What cannot be had is told and is no failure:
// the tests that need it are skipped.
import { cassandraJars, haproxyProgram, natsProgram, redisProgram } from './fetch.mjs';

/** Name, how to get it, and the variable that says that it is not needed. */
const PROGRAMS = [
  ['nats-server', natsProgram, 'PARLEY_TEST_NATS'],
  ['Cassandra', cassandraJars, 'PARLEY_TEST_CASSANDRA'],
  ['redis-server', redisProgram, 'PARLEY_TEST_REDIS'],
  ['HAProxy', haproxyProgram, null],
];

/** Resolves to one line for each server. */
export async function prepareServers(say = console.log) {
  return await Promise.all(
    PROGRAMS.map(async ([name, fetch, variable]) => {
      if (variable !== null && process.env[variable]) return `${name} as given by ${variable}`;
      try {
        const { version } = await fetch({ say: (words) => say(`services: ${words}`) });
        return `${name} ${version}`;
      } catch (error) {
        return `not here: ${error.message}; the tests that need it are skipped`;
      }
    }),
  );
}
