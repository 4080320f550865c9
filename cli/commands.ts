// All commands of `parley`, in the order of `--help`. A new command is a file of its own and a line here.
import { chatCommand } from './chat.ts';
import type { CommandSpec } from './command.ts';
import { configCommand } from './config.ts';
import { devCommand } from './dev.ts';
import { migrateCommand } from './migrate.ts';
import { serveCommand } from './serve.ts';
import { tokenCommand } from './token.ts';
import { versionCommand } from './version.ts';

export const COMMANDS: readonly CommandSpec[] = [
  devCommand,
  chatCommand,
  serveCommand,
  migrateCommand,
  configCommand,
  tokenCommand,
  versionCommand,
];
