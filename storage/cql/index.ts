// The door of the CQL store, for app/, bench/ and tests.
export { createClient } from './client.ts';
export { type CqlStore, openCqlStore } from './cql-store.ts';
export { type Migrated, type MigrateOptions, migrate } from './migrate.ts';
export { CQL_LIMITS, type CqlLimits, type CqlOptions, type CqlServers, type CqlTls } from './options.ts';
