// `parley chat`: to be replaced by the terminal chat.
import { CommandError, type CommandSpec, EXIT } from './command.ts';

export const chatCommand: CommandSpec = {
  name: 'chat',
  about: 'Chat in the terminal.',
  run: () => Promise.reject(new CommandError(EXIT.failed, 'not here yet')),
};
