// How a load worker speaks to a server: the five frames and the sign-in, one dialect per peer. A dialect encodes and decodes;
// windows, clocks, counters and the promise are the worker's (pairs.ts).
import type { WireSocket } from './wire-socket.ts';

export type PeerName = 'parley' | 'relay' | 'socket-io';

/** One user's socket. Of a pair, the even user sends and the odd one receives; of a group, the first sends and all others receive. */
export interface Link {
  /** Counts the users of all workers. */
  readonly index: number;
  readonly pair: number;
  /** 0 sends; 1 and more receive. */
  readonly role: number;
  socket: WireSocket | null;
  token: string;
  ready: boolean;
}

export interface DialectEvents {
  /** Signed in. */
  ready(link: Link): void;
  /** The pair has a chat. */
  paired(link: Link): void;
  sent(link: Link, n: number, seq: number): void;
  pushed(link: Link, n: number, seq: number): void;
  /** Receipt up to a `seq`. */
  receipt(link: Link, seq: number): void;
  /** The server would not take message `n`; null: something else. */
  refused(link: Link, n: number | null, about: string): void;
}

export interface Dialect {
  readonly path: string;
  readonly protocol: string | null;
  /** Before the sockets are opened. */
  prepare(link: Link): Promise<void>;
  /** The socket is open: sign in. */
  greet(link: Link): void;
  /** Both ends are signed in; `paired` follows. */
  pair(link: Link): void;
  frame(link: Link, payload: Buffer, text: boolean): void;
  send(link: Link, n: number): void;
  /** Everything up to `seq`. */
  ack(link: Link, seq: number): void;
  heartbeat(link: Link): void;
}
