// `parley serve`: a node for real users. Does not start without a key that nobody else knows.
import { authFromConfig } from '../app/auth.ts';
import { type CommandSpec, type Invocation, paint } from './command.ts';
import { ensureDataDir, readText } from './files.ts';
import { serveUntilStopped } from './serving.ts';
import { badConfig, readSettings, SERVER_OPTIONS } from './settings.ts';

export const serveCommand: CommandSpec = {
  name: 'serve',
  about: 'Run a node. Configured by file, environment and flags; see `parley config doc`.',
  options: SERVER_OPTIONS,
  examples: [
    'parley serve --config /etc/parley.json',
    'PARLEY_AUTH_SECRET_FILE=/run/secrets/parley parley serve --host 0.0.0.0',
  ],
  run: serve,
};

async function serve({ io, options }: Invocation): Promise<number> {
  const config = readSettings(io, options);
  const auth = authFromConfig(config.auth, { files: { readText }, demoAllowed: false, wallNow: Date.now });
  if (!auth.ok) throw badConfig(auth.problems);
  const alone = config.cluster.carrier === 'none';
  if (alone) ensureDataDir(config.node.dataDir);
  return await serveUntilStopped(io, { config, auth: auth.options }, ({ gateway }) => {
    io.err(
      `${paint(io, 'green', 'ready')} on ${gateway.url}, node ${config.node.name}, ${alone ? `data in ${config.node.dataDir}` : `cluster ${config.cluster.name}`}\n`,
    );
  });
}
