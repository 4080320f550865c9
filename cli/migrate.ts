// `parley migrate`: makes the keyspace of the configuration what this version needs. A node never does: who may change a schema is a
// person's choice.
import { cqlServersFromConfig } from '../app/cql-servers.ts';
import { CommandError, type CommandSpec, EXIT, type Invocation } from './command.ts';
import { readText } from './files.ts';
import { badConfig, CONFIG_OPTIONS, readSettings } from './settings.ts';

export const migrateCommand: CommandSpec = {
  name: 'migrate',
  about: 'Make the keyspace and tables of Cassandra or ScyllaDB, or bring them up to this version. Safe to repeat.',
  options: [
    { flags: '--dry-run', about: 'only say what is to be done' },
    { flags: '--tables-only', about: 'the keyspace is there already, made by somebody who may' },
    ...CONFIG_OPTIONS,
  ],
  examples: [
    'parley migrate --config /etc/parley.json',
    'parley migrate --set storage.kind=cql --set storage.cql.contactPoints=10.0.0.1 --set storage.cql.replication=dc1=3',
  ],
  run: runMigrate,
};

async function runMigrate({ io, options }: Invocation): Promise<number> {
  const { storage, log, node } = readSettings(io, options);
  if (storage.kind !== 'cql') {
    io.err('storage.kind is embedded: there is nothing to migrate\n');
    return EXIT.ok;
  }
  const found = cqlServersFromConfig(storage.cql, { readText });
  if (!found.ok) throw badConfig(found.problems);
  // The driver is loaded by who needs it.
  const { migrateConfigured } = await import('../app/cql-store.ts');
  const dryRun = options.dryRun === true;
  try {
    const { applied, version } = await migrateConfigured(storage.cql, found.servers, {
      log: { ...log, node: node.name },
      dryRun,
      createKeyspace: options.tablesOnly !== true,
      say: (words) => io.err(`${words}\n`),
    });
    for (const name of applied) io.out(`${dryRun ? 'would apply' : 'applied'} ${name}\n`);
    io.err(`keyspace ${storage.cql.keyspace} ${dryRun ? 'can be brought' : 'is'} up to schema ${version}\n`);
    return EXIT.ok;
  } catch (error) {
    throw new CommandError(
      EXIT.failed,
      `the schema could not be made: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      'It is safe to run this again.',
    );
  }
}
