// Makes the keyspace what this version needs. Run by `parley migrate` and by tests, never by a node: who may change a schema is a
// person's choice. Several at once are safe: one works, the others wait and find it done.
import { createHash } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import type { Env } from '../../runtime/index.ts';
import { type Migration, migrations, newestMigration } from './migrations/index.ts';
import { appliedMigrations, recordMigration, SCHEMA_TABLE, tryLock, unlock } from './schema-rows.ts';

export interface MigrateOptions {
  readonly env: Pick<Env, 'now' | 'setTimer' | 'id'>;
  readonly keyspace: string;
  /** Replicas by data centre. Null: the keyspace is there already, made by somebody who may. */
  readonly replication: Readonly<Record<string, number>> | null;
  /** False, for ScyllaDB before 2025.4: a keyspace without tablets, since it has no lightweight transactions on them. */
  readonly tablets?: boolean;
  readonly say?: (words: string) => void;
  /** For another migrator to finish, and for all servers to know the schema, ms. Default 120,000. */
  readonly patienceMs?: number;
  /** Only check what there is to do. */
  readonly dryRun?: boolean;
}

export interface Migrated {
  /** Those that were applied now, or would be. */
  readonly applied: readonly string[];
  readonly version: number;
}

const KEYSPACE = /^[a-z][a-z0-9_]{0,47}$/;
const DATA_CENTRE = /^[A-Za-z0-9_.-]{1,64}$/;
const PATIENCE_MS = 120_000;
const POLL_MS = 200;
/** Longer than any migration takes; one that died holds the others up for so long. */
const LOCK_SECONDS = 90;

/** Rejects, with nothing done, when the keyspace has a newer schema than this version knows, or one that was tampered with. */
export async function migrate(client: Client, options: MigrateOptions): Promise<Migrated> {
  const { env, keyspace, dryRun } = options;
  if (!KEYSPACE.test(keyspace)) throw new Error(`${keyspace}: a keyspace is named by a-z, 0-9 and _, up to 48 of them`);
  await client.connect();
  const missing = async () => toDo(await appliedMigrations(client, keyspace), keyspace);
  const first = await missing();
  const work = new Migrator(client, options);
  if (first.length === 0 || dryRun === true) return { applied: first.map(titleOf), version: newestMigration };
  await work.prepare();
  const holder = env.id();
  await work.until('another migrator works', () => tryLock(client, keyspace, holder, LOCK_SECONDS));
  const applied: string[] = [];
  try {
    for (const migration of await missing()) {
      await work.until('the lock was lost', () => tryLock(client, keyspace, holder, LOCK_SECONDS));
      await work.apply(migration);
      applied.push(titleOf(migration));
    }
  } finally {
    await unlock(client, keyspace, holder);
  }
  return { applied, version: newestMigration };
}

class Migrator {
  private readonly client: Client;
  private readonly options: MigrateOptions;
  private readonly deadline: number;

  constructor(client: Client, options: MigrateOptions) {
    this.client = client;
    this.options = options;
    this.deadline = options.env.now() + (options.patienceMs ?? PATIENCE_MS);
  }

  async prepare(): Promise<void> {
    const { keyspace, replication, tablets } = this.options;
    if (replication !== null) {
      await this.change(
        `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${replicationOf(replication)}` +
          (tablets === false ? " AND tablets = {'enabled': false}" : ''),
      );
    }
    await this.change(`CREATE TABLE IF NOT EXISTS ${keyspace}.schema_migrations ${SCHEMA_TABLE}`);
    await this.agreement();
  }

  async apply(migration: Migration): Promise<void> {
    const { keyspace } = this.options;
    this.options.say?.(`${titleOf(migration)}: ${migration.statements.length} statements`);
    for (const statement of migration.statements) await this.change(statement.replaceAll('{keyspace}', keyspace));
    await this.agreement();
    await recordMigration(this.client, keyspace, {
      id: migration.id,
      name: migration.name,
      digest: digestOf(migration),
    });
  }

  /**
   * All through one server, the same for every migrator that sees the same servers: two that create one table through two servers at
   * once can get two tables. Whole seconds faster, too, than to wait for agreement after each.
   */
  private async change(statement: string): Promise<void> {
    const hosts = [...this.client.hosts.values()].filter((host) => host.isUp() && host.canBeConsideredAsUp());
    const [host] = hosts.sort((a, b) => (a.address < b.address ? -1 : 1));
    await this.client.execute(statement, [], {
      prepare: false,
      isIdempotent: false,
      readTimeout: 30_000,
      ...(host === undefined ? {} : { host }),
    });
  }

  private async agreement(): Promise<void> {
    // The driver's types leave it out.
    const metadata = this.client.metadata as unknown as { checkSchemaAgreement(): Promise<boolean> };
    await this.until('the servers do not agree on the schema', () => metadata.checkSchemaAgreement());
  }

  async until(what: string, check: () => Promise<boolean>): Promise<void> {
    const { env } = this.options;
    while (!(await check())) {
      if (env.now() > this.deadline) throw new Error(`${what}; gave up waiting`);
      await new Promise<void>((resolve) => env.setTimer(resolve, POLL_MS));
    }
  }
}

function toDo(applied: readonly { id: number; name: string; digest: string }[], keyspace: string): Migration[] {
  for (const { id, name, digest } of applied) {
    const known = migrations[id - 1];
    if (known === undefined) {
      throw new Error(
        `keyspace ${keyspace} has schema ${id} (${name}), and this version knows ${newestMigration}: use a newer one`,
      );
    }
    if (digest !== digestOf(known))
      throw new Error(`keyspace ${keyspace}: migration ${id} is not the one that was applied`);
  }
  const done = new Set(applied.map(({ id }) => id));
  return migrations.filter(({ id }) => !done.has(id));
}

const titleOf = ({ id, name }: Migration): string => `${String(id).padStart(3, '0')}-${name}`;

function digestOf({ statements }: Migration): string {
  // White space between words is no change.
  const text = statements.map((statement) => statement.replaceAll(/\s+/g, ' ').trim()).join(';');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function replicationOf(replication: Readonly<Record<string, number>>): string {
  const parts = Object.entries(replication).map(([dataCentre, replicas]) => {
    if (!DATA_CENTRE.test(dataCentre) || !Number.isInteger(replicas) || replicas < 1)
      throw new Error(`${dataCentre}: ${replicas} is no replication of a data centre`);
    return `, '${dataCentre}': ${replicas}`;
  });
  if (parts.length === 0) throw new Error('a keyspace needs replicas in one data centre at least');
  return `{'class': 'NetworkTopologyStrategy'${parts.join('')}}`;
}
