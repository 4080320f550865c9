// What the rest of a world knows of the side of the servers, be it one node or several: who takes connections, which kernels run, how all
// of it is mended at the end. And what every life of a node has in common.
import type { Node } from '../../app/node.ts';
import type { Env, Kernel } from '../../runtime/index.ts';
import type { Connection } from './connection.ts';
import type { Clock } from './env.ts';
import { Peer } from './peer.ts';
import type { Wiretap } from './wiretap.ts';
import type { Owner, World } from './world.ts';

/** One life of a node. */
export interface Life {
  readonly owner: Owner;
  readonly env: Env;
  /** Null while it starts. */
  node: Node | null;
  /** Whatever it says in its log from now on is no news. */
  zombie: boolean;
  leaving: boolean;
  readonly peers: Set<Peer>;
}

export interface Host {
  /** A life that takes the next connection; null: there is none. */
  readonly listening: Life | null;
  /** Of all nodes that run. */
  readonly kernels: readonly Kernel[];
  readonly machines: readonly { readonly clock: Clock }[];
  readonly pressure: { level: 0 | 1 | 2 | 3 };
  /** The verifier's key source fails. */
  verifierFails: boolean;
  readonly starts: number;
  start(): void;
  accept(life: Life, connection: Connection, source: string): boolean;
  /** User mails that a mailbox holds at the most; null: as the kinds say. */
  limitMailboxes(mailsMax: number | null): void;
  isDirty(chat: string): boolean;
  /** Whatever was wrong is mended, and all run that are to run. */
  heal(): void;
  /** The world is over: what the process would hold of it for ever is let go. */
  forget(): void;
}

export function acceptAt(world: World, tap: Wiretap, life: Life, connection: Connection, source: string): boolean {
  if (life.node === null) return false;
  const peer = new Peer(world, connection, life.node.port, tap, source);
  if (!peer.open()) return false;
  connection.peer = peer;
  life.peers.add(peer);
  return true;
}

/** After the cells have run, what was read meanwhile is handed over. */
export function pumpPeers(life: Life): void {
  life.node?.kernel.onSliceEnd(() => {
    for (const peer of life.peers) {
      if (peer.isGone) life.peers.delete(peer);
      else peer.pump();
    }
  });
}

/** Kinds have limits of their own; there is no option for others, so the hosts' are changed in place. */
export function limitMailboxesOf(kernel: Kernel | undefined, mailsMax: number | null): void {
  const inside = kernel as unknown as { core: { hosts: Map<string, HostLimits> } } | undefined;
  for (const host of inside?.core.hosts.values() ?? [])
    host.mailboxMax = mailsMax ?? host.kind.mailboxMailsMax ?? 1_024;
}

interface HostLimits {
  mailboxMax: number;
  readonly kind: { readonly mailboxMailsMax?: number };
}
