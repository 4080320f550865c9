// Real servers for tests: each is started by the first test file that asks, shared by all of a run, and ended with it. A file that
// needs one that cannot be had here says so and is counted as skipped. Test code; the servers themselves are scripts/services/.
import { type Servers, type Skipped, shared } from '#services';

export type { Server, Servers, Skipped } from '#services';

/** Ask at the top of a test file, outside of any test: `const nats = await sharedNats()`, then `describeUnless(whyNot(nats), …)`. */
export const sharedNats = (nodes = 1): Promise<Servers | Skipped> => told(shared('nats', { nodes }));
export const sharedRedis = (): Promise<Servers | Skipped> => told(shared('redis'));
export const sharedCassandra = (nodes = 1): Promise<Servers | Skipped> => told(shared('cassandra', { nodes }));

export const isSkipped = (servers: Servers | Skipped): servers is Skipped => servers.skip !== null;

/** Why tests on these servers cannot run here; null: they can. */
export const whyNot = (...all: readonly (Servers | Skipped)[]): string | null => all.find(isSkipped)?.skip ?? null;

/** Also for tests that stop servers: one that was given by the environment is not ours to stop. */
export const whyNotOurs = (servers: Servers | Skipped): string | null =>
  isSkipped(servers) ? servers.skip : servers.given ? 'the server was given, and is not ours to stop' : null;

/** For use in tests, which do not run when it is skipped. */
export function theServers(servers: Servers | Skipped): Servers {
  if (isSkipped(servers)) throw new Error(`a test that should have been skipped: ${servers.skip}`);
  return servers;
}

/** A name for the keyspace, bucket or prefix of one test file, so that files do not meet in a server that they share. */
export function ownName(about: string): string {
  const unique = `${process.pid.toString(36)}_${Date.now().toString(36)}`;
  return `${about.replace(/\W/g, '_').toLowerCase()}_${unique}`.slice(0, 48);
}

async function told(asked: Promise<Servers | Skipped>): Promise<Servers | Skipped> {
  const servers = await asked;
  if (isSkipped(servers)) console.warn(`\n*** SKIPPED, for want of a server: ${servers.skip}\n`);
  return servers;
}
