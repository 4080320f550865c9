// The CQL store of a configuration: opened for a node, and its schema made by `parley migrate`. The one file of app/ that opens it.
import { createRealEnv, type Env } from '../runtime/index.ts';
import {
  type CqlServers,
  type CqlStore,
  createClient,
  type Migrated,
  migrate,
  openCqlStore,
} from '../storage/cql/index.ts';
import type { CqlConfig } from './config-cql.ts';
import { replicationFromConfig } from './cql-servers.ts';
import { createLog, type LogOptions } from './logging.ts';

/** Rejects when no server answers, or when its schema is not ours yet. */
export function openConfiguredCqlStore(env: Env, config: CqlConfig, servers: CqlServers): Promise<CqlStore> {
  const { keyspace, consistency, commitLog, requestMs, commitMs, readMs, writesMax, readsMax } = config;
  const limits = {
    requestMs,
    commitMs,
    readMs,
    writesMax,
    readsMax,
    writesWaitingMax: WAITING_PER_REQUEST * writesMax,
    readsWaitingMax: WAITING_PER_REQUEST * readsMax,
  };
  return openCqlStore({ ...servers, env, keyspace, consistency, commitLog, limits });
}
const WAITING_PER_REQUEST = 16;

export interface MigrateRun {
  readonly log: LogOptions;
  readonly dryRun: boolean;
  /** Make the keyspace too, if it is not there. */
  readonly createKeyspace: boolean;
  readonly say: (words: string) => void;
}

export async function migrateConfigured(config: CqlConfig, servers: CqlServers, run: MigrateRun): Promise<Migrated> {
  const { dryRun, say } = run;
  const client = createClient(servers, null);
  try {
    return await migrate(client, {
      env: createRealEnv(createLog(run.log)),
      keyspace: config.keyspace,
      replication: run.createKeyspace ? replicationFromConfig(config) : null,
      tablets: config.tablets,
      dryRun,
      say,
    });
  } finally {
    await client.shutdown();
  }
}
