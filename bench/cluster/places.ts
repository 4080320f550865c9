// Users and chats whose owners are where a bench wants them: names are tried until their shards lie with the right nodes.
import { shardOf } from '../../actors/index.ts';
import { chatOfRoom } from '../load/dialect-parley.ts';
import type { Seating } from '../load/worker.ts';

/** local: all of a chat on one node. across: sender, chat and receivers on different nodes. */
export type Placement = 'local' | 'across';

export interface Place {
  readonly owners: readonly number[];
  readonly nodes: number;
  readonly run: string;
}

type Rooms = Seating['rooms'];

/** Each user is connected to the node that owns its session, as `/v1/route` would send it. */
export function placePairs(place: Place, placement: Placement, count: number): Rooms {
  const namer = new Namer(place, placement);
  return Array.from({ length: count }, (_, i) => {
    const [sender, chat, receiver] = nodesFor(place, placement, i);
    for (;;) {
      const users = [namer.user(sender), namer.user(receiver)];
      if (namer.ownerOf('chat', chatOfRoom({ users, group: null })) !== chat) continue;
      return { users, group: null, at: [sender, receiver] };
    }
  });
}

/** across: the chat on one node, its sender on another, its members over all of them. */
export function placeGroups(place: Place, placement: Placement, count: number, members: number): Rooms {
  const namer = new Namer(place, placement);
  return Array.from({ length: count }, (_, i) => {
    const [sender, chat] = nodesFor(place, placement, i);
    const at = Array.from({ length: members }, (_, n) =>
      n === 0 ? sender : placement === 'local' ? chat : (chat + n) % place.nodes,
    );
    const users = at.map((node) => namer.user(node));
    for (let n = 0; ; n++) {
      const group = `g${i}-${n}`;
      if (namer.ownerOf('chat', chatOfRoom({ users, group })) === chat) return { users, group, at };
    }
  });
}

function nodesFor({ nodes }: Place, placement: Placement, i: number): readonly [number, number, number] {
  const at = i % nodes;
  return placement === 'local' ? [at, at, at] : [at, (at + 1) % nodes, (at + 2) % nodes];
}

class Namer {
  private readonly place: Place;
  private readonly tag: string;
  private count = 0;

  constructor(place: Place, placement: Placement) {
    this.place = place;
    this.tag = placement === 'local' ? 'l' : 'a';
  }

  user(node: number): string {
    for (;;) {
      const name = `${this.place.run}-${this.tag}${(this.count++).toString(36)}`;
      if (this.ownerOf('session', name) === node) return name;
    }
  }

  ownerOf(kind: string, key: string): number {
    return this.place.owners[shardOf(kind, key)] ?? -1;
  }
}
