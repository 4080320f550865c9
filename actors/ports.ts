// The seams between the actors and the edge of a node: what a socket is to a connection cell, and what the cells are to a gateway.
// Imported by gateway/, by app/ and by the simulation, which brings sockets and clocks of its own.
import type { ClientFrame, CloseName, ErrorCode } from '../protocol/index.ts';
import type { Ref } from '../runtime/index.ts';

/** A socket as its connection cell sees it. Synchronous: it joins what one turn writes, and never blocks. */
export interface Sink {
  /** One encoded server frame (MessagePack); the sink may keep the bytes, nobody changes them. */
  write(frame: Uint8Array): void;
  /** Everything written before goes out first. After it, `write` does nothing. */
  close(name: CloseName): void;
  /** Bytes handed over but not yet taken by the peer's TCP window. */
  readonly bufferedBytes: number;
  /** Remote address, for limits and logs. */
  readonly source: string;
}

/**
 * `full`: the cell's mailbox is; the gateway stops reading from the socket until it drains. `gone`: the cell ended without a word to its
 * socket, having been killed; nobody is behind it, and the gateway closes it.
 */
export type Taken = 'taken' | 'full' | 'gone';

/** What a gateway may do with connection cells. */
export interface ConnectionPort {
  /** A socket is there: starts its cell. Null: refused, the node takes no new connections now. */
  open(sink: Sink): Ref | null;
  /** A validated frame of this socket. */
  frame(connection: Ref, frame: ClientFrame): Taken;
  /** The peer broke the protocol: the cell answers with an error and closes. */
  broke(connection: Ref, code: ErrorCode, about: string): void;
  /** The socket is gone. */
  closed(connection: Ref): void;
}

export interface Identity {
  readonly user: string;
  /** When the token expires, ms since 1970; null: never. */
  readonly expires: number | null;
  /** The only device that the token is for, or null for any. */
  readonly device: string | null;
}

/** Checks bearer tokens. Rejections are values: a wrong token is an expected outcome. */
export interface TokenVerifier {
  verify(
    token: string,
  ): Promise<Identity | { readonly refused: 'unauthenticated' | 'token_expired' | 'revoked'; readonly about: string }>;
}

/** How hard the node is pressed: 0 fine; 1 presence and typing stop; 2 no new sign-ins; 3 messages are refused retryably. */
export interface Pressure {
  readonly level: 0 | 1 | 2 | 3;
}

/** What a session knows of its user, for a presence store that other nodes read. The drivers are cluster/redis and cluster/memory. */
export interface PresenceValue {
  readonly user: string;
  readonly online: boolean;
  /** Ms since 1970; null: never. */
  readonly lastSeen: number | null;
  /** Anybody may be told: privacy is `everyone` and nobody is blocked. Without it only the user's session may answer. */
  readonly open: boolean;
  /** The node that has the session, and those that hold its sockets. */
  readonly owner: string;
  readonly nodes: readonly string[];
}
export type PresenceRecord = Pick<PresenceValue, 'online' | 'lastSeen' | 'open'>;

/** A cache of presence: no call rejects, each ends by a deadline of the store's own. */
export interface PresenceStore {
  /** False: some may not be written. */
  write(values: readonly PresenceValue[]): Promise<boolean>;
  /** In the order of `users`. `none`: nothing is there. `unknown`: no answer. */
  read(users: readonly string[]): Promise<readonly (PresenceRecord | 'none' | 'unknown')[]>;
}
