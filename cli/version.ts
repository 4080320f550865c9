// `parley version`: what runs here.

import { type CommandSpec, EXIT } from './command.ts';
import { readText } from './files.ts';

export const versionCommand: CommandSpec = {
  name: 'version',
  about: 'Print the versions of Parley and Node.',
  run: async ({ io }) => {
    io.out(`parley ${packageVersion()}\nnode ${process.version}\n`);
    return EXIT.ok;
  },
};

/** The package file is one level up from the sources, two from what is built of them. */
export function packageVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readText(new URL(up, import.meta.url).pathname)) as {
        name: string;
        version: string;
      };
      if (name === 'parley-chat') return version;
    } catch {
      // Not there: the other place.
    }
  }
  return 'unknown';
}
