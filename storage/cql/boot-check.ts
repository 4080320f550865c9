// Before the store is used: is the schema there, and does a server acknowledge only what is on its disk?
import type { Client } from 'cassandra-driver';
import { newestMigration } from './migrations/index.ts';
import type { CqlOptions } from './options.ts';
import { appliedMigrations } from './schema-rows.ts';

const SETTING = "SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'";
const UNSAFE = 'periodic';

export async function checkServers(client: Client, options: CqlOptions): Promise<void> {
  await checkSchema(client, options);
  if (options.commitLog !== 'ignore') await checkCommitLog(client, options);
}

/** A newer schema than ours is fine: nodes of two versions run side by side while one replaces the other. */
async function checkSchema(client: Client, { keyspace }: CqlOptions): Promise<void> {
  const applied = await appliedMigrations(client, keyspace);
  const newest = applied.at(-1)?.id ?? 0;
  if (newest < newestMigration) {
    throw new Error(
      `keyspace ${keyspace} has schema ${newest}, and this version needs ${newestMigration}: run parley migrate`,
    );
  }
}

async function checkCommitLog(client: Client, { env, commitLog }: CqlOptions): Promise<void> {
  const unsafe: string[] = [];
  for (const host of client.hosts.values()) {
    if (!host.isUp()) continue;
    try {
      const found = await client.execute(SETTING, [], { host, prepare: false });
      if (found.first()?.value === UNSAFE) unsafe.push(host.address);
    } catch (error) {
      // ScyllaDB has no such table, nor have Cassandras before 4.0; a server of another data centre may not be ours to ask.
      env.log.debug({ server: host.address, error: String(error) }, 'a server does not tell its commitlog_sync');
    }
  }
  if (unsafe.length === 0) return;
  const words =
    'commitlog_sync is periodic: a server that dies loses what it acknowledged last, and two at once lose messages';
  if (commitLog === 'refuse') throw new Error(`${words} (${unsafe.join(', ')})`);
  env.log.warn({ servers: unsafe.join(', ') }, words);
}
