// The network: clients connect to whichever node listens; every connection has delays of its own, drawn at its begin, and may be
// broken by the plan. It is also where a client's Transport comes from.
import type { SocketEvents, Transport } from '../../client/core/index.ts';
import { type BreakKind, Connection } from './connection.ts';
import type { Host } from './host.ts';
import type { PipeProfile } from './pipe.ts';
import type { Random } from './random.ts';
import type { Owner, World } from './world.ts';

export interface NetworkPlan {
  readonly delayMs: number;
  readonly jitterMs: number;
  /** What share of connections has a client that takes next to nothing. */
  readonly slowShare: number;
}
const FAST_BYTES_PER_MS = 10_000;

export class Network {
  readonly plan: NetworkPlan;
  readonly connections = new Set<Connection>();
  /** While true nothing slow or broken is made. */
  healed = false;
  made = 0;
  private readonly world: World;
  private readonly random: Random;
  private readonly host: Host;

  constructor(world: World, random: Random, plan: NetworkPlan, host: Host) {
    this.world = world;
    this.random = random;
    this.plan = plan;
    this.host = host;
  }

  transportOf(client: Owner, source: string): Transport {
    return { connect: (_url, _protocols, on) => this.connect(client, source, on) };
  }

  private profile(slow: boolean): PipeProfile {
    const { delayMs, jitterMs } = this.plan;
    return {
      delayMs: delayMs * this.random.between(0.5, 1.5),
      jitterMs,
      bytesPerMs: slow ? this.random.between(2, 50) : FAST_BYTES_PER_MS,
    };
  }

  private connect(client: Owner, source: string, on: SocketEvents): Connection {
    const { world, random, host } = this;
    const slow = !this.healed && random.chance(this.plan.slowShare);
    const profiles = { up: this.profile(false), down: this.profile(slow) };
    this.made++;
    const name = `${client.name}#${this.made}`;
    const node = host.listening;
    const connection = new Connection(world, random, name, { client, node: node?.owner ?? world.nature }, profiles, on);
    this.connections.add(connection);
    const wayMs = profiles.up.delayMs + random.next() * profiles.up.jitterMs;
    if (node === null) {
      connection.refuse(wayMs * 2);
      return connection;
    }
    world.after(node.owner, wayMs, () => {
      // A frozen node's system takes connections that its process finds later; by then the client may be gone.
      if (!host.accept(node, connection, source)) return connection.refuse(wayMs);
      world.after(client, wayMs, () => connection.opened());
    });
    return connection;
  }

  /** Those that both ends believe in. */
  open(): Connection[] {
    const open: Connection[] = [];
    for (const connection of this.connections) {
      if (connection.isOver) this.connections.delete(connection);
      else if (connection.clientEnd === 'open' && connection.peer !== null) open.push(connection);
    }
    return open;
  }

  break(kind: BreakKind): void {
    const open = this.open();
    if (open.length > 0) this.random.pick(open).break(kind);
  }

  stall(ms: number): void {
    const open = this.open();
    if (open.length === 0) return;
    const connection = this.random.pick(open);
    this.world.note('stall', connection.name, '', Math.floor(ms));
    if (this.random.chance(0.7)) connection.up.stall(ms);
    if (this.random.chance(0.7)) connection.down.stall(ms);
  }

  clientDied(client: Owner, told: boolean): void {
    for (const connection of this.connections) if (connection.client === client) connection.clientDied(told);
  }

  nodeDied(node: Owner, told: boolean): void {
    for (const connection of this.connections) if (connection.node === node) connection.nodeDied(told);
  }

  /** Slow clients become fast ones. */
  heal(): void {
    this.healed = true;
    for (const connection of this.connections) connection.hurry(FAST_BYTES_PER_MS);
  }
}
