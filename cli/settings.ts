// How commands come to their configuration: the options that they share, and the reading of file, environment and flags in that
// order. Problems end the command with 78, all told at once.
import { readFileSync } from 'node:fs';
import type { Config } from '../app/config.ts';
import { type ConfigProblem, loadConfig } from '../app/config-load.ts';
import { CommandError, EXIT, type Io, type OptionSpec, type OptionValues, paint, text, texts } from './command.ts';

export const CONFIG_OPTIONS: readonly OptionSpec[] = [
  { flags: '--config <file>', about: 'configuration file (JSON); also PARLEY_CONFIG' },
  { flags: '--set <path=value...>', about: 'set one option, such as gateway.port=7400; may be repeated' },
];
export const SERVER_OPTIONS: readonly OptionSpec[] = [
  { flags: '--port <number>', about: 'port for WebSockets and HTTP (gateway.port)' },
  { flags: '--host <address>', about: 'address to listen on (gateway.host)' },
  { flags: '--data <dir>', about: 'directory of the store (node.dataDir)' },
  { flags: '--log-level <level>', about: 'debug, info, warn, error or silent (log.level)' },
  ...CONFIG_OPTIONS,
];
const SHORT: Readonly<Record<string, string>> = {
  port: 'gateway.port',
  host: 'gateway.host',
  data: 'node.dataDir',
  logLevel: 'log.level',
};

/** `base`: what a command prefers to the defaults, weaker than everything the user says. */
export function readSettings(io: Io, options: OptionValues, base: Readonly<Record<string, unknown>> = {}): Config {
  const flags: Record<string, unknown> = {};
  for (const pair of texts(options, 'set')) {
    const at = pair.indexOf('=');
    if (at < 1) throw new CommandError(EXIT.usage, `--set ${pair}: write it as path=value`);
    flags[pair.slice(0, at)] = pair.slice(at + 1);
  }
  for (const [name, path] of Object.entries(SHORT)) {
    const value = text(options, name);
    if (value !== null) flags[path] = value;
  }
  const loaded = loadConfig({
    base,
    env: io.env,
    flags,
    file: readConfigFile(text(options, 'config') ?? io.env.PARLEY_CONFIG),
  });
  for (const warning of loaded.warnings) io.err(`${paint(io, 'yellow', 'warning:')} ${warning}\n`);
  if (!loaded.ok) throw badConfig(loaded.problems);
  return loaded.config;
}

function readConfigFile(name: string | undefined): { name: string; text: string } | null {
  if (name === undefined || name === '') return null;
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    throw new CommandError(
      EXIT.config,
      `the configuration file cannot be read: ${error instanceof Error ? error.message : name}`,
    );
  }
}

export function badConfig(problems: readonly ConfigProblem[]): CommandError {
  const lines = problems.map(
    ({ path, about, from }) => `  ${path === '' ? '(all)' : path}: ${about}${from === path ? '' : ` [${from}]`}`,
  );
  return new CommandError(
    EXIT.config,
    `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${lines.join('\n')}`,
    'parley config doc lists all options.',
  );
}
