// From the command line to a command and its exit code: builds commander's parser from the table of commands, and turns every way
// to fail into words and a code. The one file that knows commander.
import { Command, CommanderError, Option } from 'commander';
import { CommandError, type CommandSpec, EXIT, type Io, type OptionValues, paint } from './command.ts';

export async function run(commands: readonly CommandSpec[], argv: readonly string[], io: Io): Promise<number> {
  let exit: number = EXIT.ok;
  const program = new Command('parley').description('An actor-model chat runtime.');
  quiet(program, io);
  program.showHelpAfterError('(parley --help shows what there is)');
  for (const spec of commands) program.addCommand(build(spec, io, (code) => (exit = code)));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exit;
  } catch (error) {
    return report(error, io);
  }
}

function build(spec: CommandSpec, io: Io, done: (exit: number) => void): Command {
  const command = new Command(spec.name).description(spec.about);
  quiet(command, io);
  for (const { flags, about, required, default: value } of spec.options ?? []) {
    const option = new Option(flags, about);
    if (required === true) option.makeOptionMandatory();
    if (value !== undefined) option.default(value);
    command.addOption(option);
  }
  for (const { name, about, optional } of spec.args ?? [])
    command.argument(optional ? `[${name}]` : `<${name}>`, about);
  if (spec.examples !== undefined)
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join('\n')}`);
  for (const sub of spec.sub ?? []) command.addCommand(build(sub, io, done));
  const { run } = spec;
  if (run !== undefined) {
    command.action(async () => {
      done(await run({ io, options: command.opts() as OptionValues, args: command.args }));
    });
  }
  return command;
}

/** Commander writes where we say and throws instead of ending the process. Help that was asked for is data. */
function quiet(command: Command, io: Io): void {
  command.exitOverride();
  command.configureOutput({ writeOut: (words) => io.out(words), writeErr: (words) => io.err(words) });
  command.helpCommand(false);
}

function report(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has spoken already
  if (error instanceof CommandError) {
    io.err(`${paint(io, 'red', 'error:')} ${error.message}\n`);
    if (error.hint !== null) io.err(`${error.hint}\n`);
    return error.exit;
  }
  io.err(`${paint(io, 'red', 'error:')} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}
