// Opens and signs in many sockets, some at a time: a server admits only so many sign-ins at once, and a worker's backlog is small.
import type { Dialect, Link } from './dialect.ts';
import { WireSocket } from './wire-socket.ts';

export interface ConnectOptions {
  /** Where that link's server is. */
  readonly addressOf: (link: Link) => { readonly host: string; readonly port: number };
  readonly links: readonly Link[];
  readonly dialect: Dialect;
  readonly signInsAtOnce: number;
  readonly sources: readonly string[];
  /** Whoever waits for a link to be ready; settled by the dialect's `ready`. */
  readonly waiting: Map<Link, () => void>;
  readonly onClosed: (about: string) => void;
}

const SIGN_IN_MS = 30_000;
/** A server under pressure refuses sign-ins for a while, and its clients come again. */
const TRIES_MAX = 20;
const TRY_AGAIN_MS = 1_000;

/** Rejects when a socket is refused again and again, or not ready in time. Resolves with how often one had to come again. */
export async function connectAll(options: ConnectOptions): Promise<number> {
  let next = 0;
  let again = 0;
  const lane = async (): Promise<void> => {
    for (let link = options.links[next++]; link !== undefined; link = options.links[next++]) {
      for (let tries = 1; ; tries++) {
        const refused = await connectOne(options, link);
        if (refused === null) break;
        if (tries === TRIES_MAX) throw new Error(`user ${link.index}: ${refused}`);
        again += 1;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * (0.5 + Math.random())));
      }
    }
  };
  await Promise.all(Array.from({ length: options.signInsAtOnce }, lane));
  return again;
}

/** Null, or why it is not signed in. A socket that ends later is for `onClosed`. */
async function connectOne(options: ConnectOptions, link: Link): Promise<string | null> {
  const { dialect, sources, waiting } = options;
  const { host, port } = options.addressOf(link);
  await dialect.prepare(link);
  const from = sources.length === 0 ? null : (sources[link.index % sources.length] ?? null);
  return await new Promise<string | null>((resolve) => {
    const settle = (refused: string | null): void => {
      clearTimeout(late);
      waiting.delete(link);
      resolve(refused);
    };
    const late = setTimeout(() => settle('not signed in in time'), SIGN_IN_MS);
    waiting.set(link, () => settle(null));
    link.socket = new WireSocket(
      { host, port, from, path: dialect.path, protocol: dialect.protocol },
      {
        opened: () => dialect.greet(link),
        frame: (payload, text) => dialect.frame(link, payload, text),
        closed: (about) => {
          if (link.ready) options.onClosed(about);
          else settle(about);
        },
      },
    );
  });
}
