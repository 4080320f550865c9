// The table that says which migrations a keyspace has, and the lock that its row 0 is. Only touched by lightweight transactions.
import { type Client, errors, types } from 'cassandra-driver';

export interface Applied {
  readonly id: number;
  readonly name: string;
  readonly digest: string;
}

export const SCHEMA_TABLE = `(
  scope text, id int, name text, digest text, holder text, PRIMARY KEY (scope, id)
)`;
/** One partition holds all, so that they can be read at serial consistency. */
const SCOPE = 'parley';
const LOCK_ID = 0;

/** By id. None when the keyspace or the table is not there. */
export async function appliedMigrations(client: Client, keyspace: string): Promise<Applied[]> {
  try {
    const found = await client.execute(
      `SELECT id, name, digest FROM ${keyspace}.schema_migrations WHERE scope = ? AND id > ?`,
      [SCOPE, LOCK_ID],
      { prepare: true, consistency: types.consistencies.localSerial },
    );
    return found.rows.map((row) => ({ id: Number(row.id), name: String(row.name), digest: String(row.digest) }));
  } catch (error) {
    if (error instanceof errors.ResponseError && error.code === types.responseErrorCodes.invalid) return [];
    throw error;
  }
}

export async function recordMigration(client: Client, keyspace: string, { id, name, digest }: Applied): Promise<void> {
  await client.execute(
    `INSERT INTO ${keyspace}.schema_migrations (scope, id, name, digest) VALUES (?, ?, ?, ?) IF NOT EXISTS`,
    [SCOPE, id, name, digest],
    { prepare: true, isIdempotent: false },
  );
}

/** Falls open by itself, so that a migrator that died does not stop the next one for ever. */
export async function tryLock(client: Client, keyspace: string, holder: string, seconds: number): Promise<boolean> {
  const options = { prepare: true, isIdempotent: false };
  const taken = await client.execute(
    `INSERT INTO ${keyspace}.schema_migrations (scope, id, holder) VALUES (?, ?, ?) IF NOT EXISTS USING TTL ?`,
    [SCOPE, LOCK_ID, holder, seconds],
    options,
  );
  if (taken.wasApplied()) return true;
  // Ours already: a try of unknown outcome, or one migration further. Its time begins anew.
  const renewed = await client.execute(
    `UPDATE ${keyspace}.schema_migrations USING TTL ? SET holder = ? WHERE scope = ? AND id = ? IF holder = ?`,
    [seconds, holder, SCOPE, LOCK_ID, holder],
    options,
  );
  return renewed.wasApplied();
}

export async function unlock(client: Client, keyspace: string, holder: string): Promise<void> {
  await client.execute(
    `DELETE FROM ${keyspace}.schema_migrations WHERE scope = ? AND id = ? IF holder = ?`,
    [SCOPE, LOCK_ID, holder],
    { prepare: true, isIdempotent: false },
  );
}
