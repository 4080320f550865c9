// Opens and signs in many sockets, some at a time: a server admits only so many sign-ins at once, and a worker's backlog is small.
import type { Dialect, Link } from './dialect.ts';
import { WireSocket } from './wire-socket.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly links: readonly Link[];
  readonly dialect: Dialect;
  readonly signInsAtOnce: number;
  readonly sources: readonly string[];
  /** Whoever waits for a link to be ready; settled by the dialect's `ready`. */
  readonly waiting: Map<Link, () => void>;
  readonly onClosed: (about: string) => void;
}

const SIGN_IN_MS = 30_000;

/** Rejects when a socket is refused, or not ready in time. */
export async function connectAll(options: ConnectOptions): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let link = options.links[next++]; link !== undefined; link = options.links[next++])
      await connectOne(options, link);
  };
  await Promise.all(Array.from({ length: options.signInsAtOnce }, lane));
}

async function connectOne(options: ConnectOptions, link: Link): Promise<void> {
  const { host, port, dialect, sources, waiting } = options;
  await dialect.prepare(link);
  const from = sources.length === 0 ? null : (sources[link.index % sources.length] ?? null);
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`user ${link.index} was not signed in in time`)), SIGN_IN_MS);
    waiting.set(link, () => {
      clearTimeout(late);
      waiting.delete(link);
      resolve();
    });
    link.socket = new WireSocket(
      { host, port, from, path: dialect.path, protocol: dialect.protocol },
      {
        opened: () => dialect.greet(link),
        frame: (payload, text) => dialect.frame(link, payload, text),
        closed: (about) => {
          clearTimeout(late);
          options.onClosed(about);
          reject(new Error(`user ${link.index}: ${about}`));
        },
      },
    );
  });
}
