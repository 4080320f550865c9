#!/usr/bin/env node
// The program `parley`: the process around the commands. Owns streams, signals and the exit code, and nothing else.

import type { Io } from './command.ts';
import { COMMANDS } from './commands.ts';
import { run } from './run.ts';

/** One Ctrl-C under `npm start` arrives twice: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 500;

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  colour:
    process.stdout.isTTY === true &&
    process.stderr.isTTY === true &&
    !process.env.NO_COLOR &&
    process.env.TERM !== 'dumb',
  stdin: async () => {
    let text = '';
    for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
    return text;
  },
  stopAsked: () =>
    new Promise((resolve) => {
      let askedAt = 0;
      for (const [signal, exit] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const) {
        process.on(signal, () => {
          const now = performance.now();
          if (askedAt === 0) askedAt = now;
          else if (now - askedAt > SAME_PRESS_MS) process.exit(exit);
          resolve(signal);
        });
      }
    }),
};

// A reader that went away (`parley config doc | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(COMMANDS, process.argv.slice(2), io);
