// `parley config`: is it right, what is in force, and what there is to set.
import { authFromConfig } from '../app/auth.ts';
import { optionDocs } from '../app/config.ts';
import { configDocMarkdown, redactConfig } from '../app/config-load.ts';
import { cqlServersFromConfig } from '../app/cql-servers.ts';
import { CommandError, type CommandSpec, EXIT, text } from './command.ts';
import { readText } from './files.ts';
import { badConfig, readSettings, SERVER_OPTIONS } from './settings.ts';

export const configCommand: CommandSpec = {
  name: 'config',
  about: 'Check the configuration, or list all options.',
  sub: [
    {
      name: 'check',
      about: 'Print the configuration in force, secrets hidden; exit 78 when `serve` would not start with it.',
      options: SERVER_OPTIONS,
      run: async ({ io, options }) => {
        const config = readSettings(io, options);
        const auth = authFromConfig(config.auth, { files: { readText }, demoAllowed: false, wallNow: Date.now });
        io.out(`${JSON.stringify(redactConfig(config), null, 2)}\n`);
        if (!auth.ok) throw badConfig(auth.problems);
        const servers = cqlServersFromConfig(config.storage.cql, { readText });
        if (config.storage.kind === 'cql' && !servers.ok) throw badConfig(servers.problems);
        return EXIT.ok;
      },
    },
    {
      name: 'doc',
      about: 'List all options: path, variable, type, default, meaning.',
      options: [{ flags: '-o, --output <format>', about: 'markdown or json', default: 'markdown' }],
      run: async ({ io, options }) => {
        const format = text(options, 'output');
        if (format === 'json') io.out(`${JSON.stringify({ version: 1, options: optionDocs() }, null, 2)}\n`);
        else if (format === 'markdown') io.out(`${configDocMarkdown()}\n`);
        else throw new CommandError(EXIT.usage, `--output ${format}: markdown or json`);
        return EXIT.ok;
      },
    },
  ],
};
