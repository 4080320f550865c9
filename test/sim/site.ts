// One of several nodes: a name and a machine, on which one life follows another. A life may end at once, be frozen, or leave in order.

import type { Node } from '../../app/node.ts';
import { startNode } from '../../app/node.ts';
import { type Carrier, type Coordination, RING_SHARDS } from '../../cluster/index.ts';
import { type CoordinationFaults, coordinationFaults } from '../../cluster/memory/index.ts';
import { abandonSystems } from '../../runtime/index.ts';
import { type StoreFaults, storeFaults } from './database.ts';
import { type Clock, nodeEnvOf } from './env.ts';
import type { Fleet } from './fleet.ts';
import { type Life, limitMailboxesOf, pumpPeers } from './host.ts';
import type { Random } from './random.ts';
import { carrierOf, coordinationOf, natureEnv } from './seams.ts';
import { tokenVerifier } from './tokens.ts';
import { Owner, type World } from './world.ts';

export interface SiteLife extends Life {
  readonly carrier: Carrier;
  readonly coordination: Coordination;
}

const DRAIN_MS = 10_000;
const SPREAD_MS = 500;
const LEAVE_MS = 4_000;

export class Site {
  readonly name: string;
  readonly region: number;
  readonly clock: Clock = { skewMs: 0 };
  readonly store: StoreFaults = storeFaults();
  readonly coordination: CoordinationFaults;
  readonly lives: SiteLife[] = [];
  current: SiteLife | null = null;
  /** It has left, and is not wanted back before the end. */
  isAway = false;
  private readonly fleet: Fleet;
  private readonly world: World;
  private readonly random: Random;

  constructor(fleet: Fleet, world: World, random: Random, name: string, region: number) {
    this.fleet = fleet;
    this.world = world;
    this.random = random;
    this.name = name;
    this.region = region;
    const chance = random.fork('coordination');
    this.coordination = coordinationFaults({ delayMs: () => fleet.coordinationMs(this) * chance.between(0.7, 1.5) });
    clearFaults(this.coordination);
    const { hintMs } = fleet.haste;
    if (hintMs > 0) this.coordination.hintDelayMs = () => chance.next() * hintMs;
  }

  get node(): Node | null {
    return this.current?.node ?? null;
  }

  start(): void {
    if (this.current !== null) return;
    this.isAway = false;
    const { world, fleet } = this;
    const owner = new Owner(`${this.name}.${this.lives.length + 1}`);
    fleet.regionOf.set(owner, this.region);
    const random = this.random.fork(owner.name);
    const env = nodeEnvOf(
      { world, owner, random, clock: this.clock },
      (fields, message) => fleet.complained(life, fields, message),
      fleet.haste.busyMs,
    );
    const outside = natureEnv(world, random.fork('outside').next);
    const life: SiteLife = {
      owner,
      env,
      node: null,
      zombie: false,
      leaving: false,
      peers: new Set(),
      carrier: carrierOf(world, owner, fleet.hub.connect(this.name)),
      coordination: coordinationOf(world, owner, fleet.coordination.connect(outside, this.coordination)),
    };
    this.current = life;
    this.lives.push(life);
    world.note('start', owner.name, '');
    const { verifyMs, writers, rates } = fleet.plan;
    const presence = fleet.presence.store === null ? {} : { presence: { store: fleet.presence.store } };
    const options = {
      env,
      name: this.name,
      store: fleet.database.open(owner, this.store),
      verifier: tokenVerifier(env, verifyMs, () => fleet.verifierFails),
      writers,
      rates,
      pressure: fleet.pressure,
      onFatal: (reason: string): void => fleet.fatal(this, life, reason),
      cluster: {
        name: 'sim',
        weight: 1,
        url: `ws://${this.name}`,
        coordination: life.coordination,
        carrier: life.carrier,
      },
      ...presence,
    };
    world.after(owner, 0, () => {
      startNode(options).then(
        (node) => this.started(life, node),
        (error: unknown) => fleet.fatal(this, life, `did not start: ${String(error)}`),
      );
    });
  }

  private started(life: SiteLife, node: Node): void {
    const { fleet, world } = this;
    life.node = node;
    world.note('listens', life.owner.name, node.cluster?.self ?? '');
    limitMailboxesOf(node.kernel, fleet.mailsMax);
    fleet.ownership.watch(life, node);
    pumpPeers(life);
  }

  /** The process is gone. `told`: its system lives, and closes its sockets. */
  crash(life: SiteLife, told: boolean): void {
    if (!life.owner.alive) return;
    this.world.note('crash', life.owner.name, told ? 'process' : 'machine');
    life.owner.alive = false;
    void life.carrier.close();
    void life.coordination.close();
    if (this.current === life) this.current = null;
    for (const peer of life.peers) peer.died();
    this.fleet.lifeEnded(life.owner, told);
  }

  /** A planned stop: shards go to others, clients are told to leave, what was taken is flushed. */
  leave(then: () => void): void {
    const life = this.current;
    const node = life?.node ?? null;
    if (life === null || node === null || life.leaving) return;
    life.leaving = true;
    const { world } = this;
    world.note('leave', life.owner.name, '');
    world.after(life.owner, 0, () => {
      const left = async (): Promise<void> => {
        const drained = await node.cluster?.drain(DRAIN_MS);
        world.note('drained', life.owner.name, String(drained));
        if (drained === false) this.fleet.notDrained();
        await node.leave(SPREAD_MS, LEAVE_MS);
        await node.stop();
      };
      void left().then(() => {
        // The last word is under way.
        world.after(world.nature, 0, () => {
          this.crash(life, true);
          then();
        });
      });
    });
  }

  freeze(): void {
    if (this.current !== null) this.world.freeze(this.current.owner);
  }

  thaw(): void {
    for (const life of this.lives) if (life.owner.held !== null) this.world.thaw(life.owner);
  }

  heal(): void {
    Object.assign(this.store, storeFaults());
    clearFaults(this.coordination);
    this.thaw();
    this.start();
  }

  forget(): void {
    for (const life of this.lives) abandonSystems(life.env);
  }

  /** Shards that it works now. */
  get open(): number {
    return this.node?.cluster?.view().shards.open ?? 0;
  }

  /** What is not as it should be of the shards, mails and links of this node, once nothing is under way. */
  left(): string | null {
    const view = this.node?.cluster?.view();
    if (view === undefined) return `${this.name} does not run`;
    const { shards, links } = view;
    if (!view.holdsLease) return `${this.name} holds no lease`;
    if (shards.waiting + shards.sealing > 0) return `${this.name} has shards under way: ${JSON.stringify(shards)}`;
    if (shards.held > 0) return `${this.name} holds ${shards.held} mails`;
    const busy = links.links.find(({ mails }) => mails > 0);
    if (busy !== undefined) return `${this.name} has ${busy.mails} mails for ${busy.node}, ${busy.phase}`;
    return shards.open > RING_SHARDS ? `${this.name} has ${shards.open} shards` : null;
  }
}

/** All but its delay, which is the world's. */
function clearFaults(faults: CoordinationFaults): void {
  const { delayMs } = faults;
  Object.assign(faults, coordinationFaults({ delayMs }));
}
