// What goes wrong, when: each kind of fault of the plan comes again and again until the end of the chaos, and then all heals.
import type { ParleyClient } from '../../client/core/index.ts';
import { createClient, memoryStore } from '../../client/core/index.ts';
import { OP } from '../../protocol/index.ts';
import type { Kernel } from '../../runtime/index.ts';
import type { BreakKind, Connection } from './connection.ts';
import { clientEnvOf } from './env.ts';
import type { FaultName, Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { makeToken } from './tokens.ts';
import { Owner } from './world.ts';

const AMBUSHES: ReadonlySet<FaultName> = new Set([
  'crash',
  'zombie',
  'kill',
  'break',
  'freeze',
  'clientDeath',
  'failStore',
]);
/** A cell that is killed more often than this within its host's window would be parked, as it should be. */
const KILLS_IN_WINDOW = 2;
const WINDOW_MS = 5_000;

export class Faults {
  readonly counts: Partial<Record<FaultName, number>> = {};
  private readonly scene: Scene;
  private readonly plan: Plan;
  private readonly kills = new Map<string, number[]>();
  private readonly ghosts = new Set<Owner>();
  private over = false;

  constructor(scene: Scene, plan: Plan, random: Random) {
    this.scene = scene;
    this.plan = plan;
    for (const [name, mean] of plan.faults) this.again(name, mean, random.fork(name));
  }

  private again(name: FaultName, meanMs: number, random: Random): void {
    const { world } = this.scene;
    world.after(world.nature, random.wait(meanMs), () => {
      if (this.over) return;
      this.counts[name] = (this.counts[name] ?? 0) + 1;
      this.again(name, meanMs, random);
      if (AMBUSHES.has(name) && random.chance(0.5)) this.lieInAmbush(name, random);
      else this.strike(name, random);
    });
  }

  private strike(name: FaultName, random: Random): void {
    if (this.over) return;
    this.scene.world.note('fault', 'plan', name);
    this[name](random);
  }

  /** Not now, but a moment after the node has written a frame of some kind: in the middle of what is under way. */
  private lieInAmbush(name: FaultName, random: Random): void {
    const { world, tap } = this.scene;
    const op = random.pick([
      OP.SENT,
      OP.SENT,
      OP.RECEIVE_MESSAGE,
      OP.RECEIVE_MESSAGE,
      OP.WELCOME,
      OP.GAP,
      OP.CAUGHT_UP,
      OP.OK,
    ]);
    const delayMs = random.pick([0, 2, 20, 100]) * random.next();
    tap.ambush = { op, strike: () => world.after(world.nature, delayMs, () => this.strike(name, random)) };
  }

  /** For `ms`, then it is undone, or at the end of the chaos. */
  private during(ms: number, undo: () => void): void {
    const { world } = this.scene;
    world.after(world.nature, Math.min(ms, Math.max(0, this.plan.chaosMs - world.now)), undo);
  }

  // The node.

  crash(random: Random): void {
    const { server, world } = this.scene;
    if (server.current === null) return;
    server.crash(server.current, random.chance(0.7));
    world.after(world.nature, random.pick([0, 50, 500, 3_000]) * random.between(0.5, 1.5), () => server.start());
  }

  zombie(random: Random): void {
    const { server } = this.scene;
    if (server.current?.node) server.replace(server.current, random.between(500, 8_000));
  }

  /**
   * Right after a message was acked, and before others have it for sure, the node loses its power together with the device that sent
   * it, which does not come back: only the node's own books can tell what is still owed.
   */
  outage(random: Random): void {
    const { server, world, tap, network, devices } = this.scene;
    const strike = (sent: Connection): void => {
      for (const connection of network.open())
        if (connection !== sent && random.chance(0.7)) connection.break('silent');
      world.after(world.nature, random.pick([30, 200, 900]) * random.next(), () => {
        if (this.over || server.current === null) return;
        world.note('outage', 'plan', sent.name);
        server.crash(server.current, false);
        world.after(world.nature, random.between(10, 1_000), () => server.start());
        const device = devices.find((one) => one.isOf(sent.client));
        const staying = devices.filter((one) => !one.hasLeft);
        if (device !== undefined && staying.length > 2) device.leaveForGood('power');
      });
    };
    tap.ambush = { op: OP.SENT, strike };
  }

  /** In order: clients are told to leave, what was taken is flushed. */
  stop(random: Random): void {
    const { server, world } = this.scene;
    const life = server.current;
    if (life?.node) server.leave(life, () => world.after(world.nature, random.between(0, 1_000), () => server.start()));
  }

  kill(random: Random): void {
    const { server, world } = this.scene;
    const kernel = server.listening?.node?.kernel;
    if (kernel === undefined) return;
    for (let n = random.pick([1, 1, 1, 2, 4]); n > 0; n--) this.killOne(kernel, random, world.now);
  }

  private killOne(kernel: Kernel, random: Random, now: number): void {
    const kind = random.weighted({ chat: 5, session: 5, connection: 1 });
    const cells = [...kernel.cells(kind)];
    if (cells.length === 0) return;
    const cell = random.pick(cells);
    const name = `${kind} ${cell.key}`;
    const recent = (this.kills.get(name) ?? []).filter((at) => now - at < 2 * WINDOW_MS);
    if (recent.length >= KILLS_IN_WINDOW) return;
    this.kills.set(name, [...recent, now]);
    this.scene.world.note('kill', kind, cell.key);
    // A connection that crashes closes its socket; one that is killed leaves that to the gateway.
    if (kind === 'connection' && random.chance(0.5)) kernel.stop(cell, 'crash: planned');
    else kernel.kill(cell);
    if (kind === 'chat') this.scene.tap.forget(cell.key);
  }

  freeze(random: Random): void {
    const { server, world } = this.scene;
    const owner = server.current?.owner;
    if (owner === undefined || owner.held !== null) return;
    world.freeze(owner);
    this.during(random.pick([200, 2_000, 8_000, 20_000]) * random.next(), () => world.thaw(owner));
  }

  clock(random: Random): void {
    const machines = [this.scene.server, ...this.scene.devices];
    random.pick(machines).clock.skewMs += random.pick([100, 5_000, 300_000]) * random.between(-1, 1);
  }

  fullMailboxes(random: Random): void {
    const { server } = this.scene;
    server.limitMailboxes(random.pick([1, 2, 4, 16]));
    this.during(random.between(500, 6_000), () => server.limitMailboxes(null));
  }

  pressure(random: Random): void {
    const { pressure } = this.scene.server;
    pressure.level = random.pick([1, 2, 3] as const);
    this.during(random.between(200, 5_000), () => {
      pressure.level = 0;
    });
  }

  verifier(random: Random): void {
    const { server } = this.scene;
    server.verifierFails = true;
    this.during(random.between(200, 4_000), () => {
      server.verifierFails = false;
    });
  }

  // The store.

  slowStore(random: Random): void {
    const { faults } = this.scene.server;
    const most = random.pick([20, 100, 600, 3_000]);
    faults.slowMs = () => random.next() * most;
    if (random.chance(0.5)) faults.slowReadMs = () => random.next() * most * 0.3;
    this.during(random.between(500, 6_000), () => {
      faults.slowMs = 0;
      faults.slowReadMs = 0;
    });
  }

  failStore(random: Random): void {
    const { faults } = this.scene.server;
    faults.unknownApplies = () => random.chance(0.5);
    const how = random.weighted({ some: 4, all: 2, unknown: 4, full: 1 });
    if (how === 'some') faults.failEvery = random.pick([2, 3, 5]);
    else if (how === 'all') faults.failEvery = 1;
    else if (how === 'unknown') faults.unknownEvery = random.pick([1, 2, 3]);
    else faults.full = true;
    this.during(random.between(300, how === 'some' ? 8_000 : 14_000), () => {
      faults.failEvery = 0;
      faults.unknownEvery = 0;
      faults.full = false;
    });
  }

  failReads(random: Random): void {
    const { faults } = this.scene.server;
    faults.failReadEvery = random.pick([1, 2, 3, 7]);
    this.during(random.between(300, 7_000), () => {
      faults.failReadEvery = 0;
    });
  }

  // The network and the clients.

  break(random: Random): void {
    const kinds: Readonly<Record<BreakKind, number>> = { reset: 5, clientOnly: 2, nodeOnly: 1, silent: 1 };
    this.scene.network.break(random.weighted(kinds));
  }

  stall(random: Random): void {
    this.scene.network.stall(random.pick([100, 1_000, 10_000]) * random.next());
  }

  clientDeath(random: Random): void {
    const alive = this.scene.devices.filter((device) => device.client !== null);
    if (alive.length === 0) return;
    const device = random.pick(alive);
    device.die(random.chance(0.6) ? 'process' : 'power');
    if (random.chance(0.2)) device.wipe();
    const { world } = this.scene;
    world.after(world.nature, random.pick([20, 1_000, 12_000]) * random.next(), () => device.open());
  }

  /** Somebody with the same device and nothing else of it signs in, and is gone again: a second socket takes over, twice. */
  ghost(random: Random): void {
    const { world, network, devices, book } = this.scene;
    const { user, id } = random.pick(devices);
    const owner = new Owner(`ghost-${id}`);
    this.ghosts.add(owner);
    let client: ParleyClient | null = null;
    world.after(owner, 0, () => {
      client = createClient('ws://sim', {
        device: id,
        env: clientEnvOf({ world, owner, random, clock: { skewMs: 0 } }),
        transport: network.transportOf(owner, 'ghost'),
        store: memoryStore(),
        getToken: () => makeToken(user, null, random.id()),
      });
      client.on('message', (entry) => {
        book.saw(entry, owner.name);
        book.shown(user, entry.chat, entry.seq);
      });
    });
    world.after(owner, random.between(100, 5_000), () => {
      void client?.close();
      this.bury(owner);
    });
  }

  private bury(owner: Owner): void {
    this.ghosts.delete(owner);
    owner.alive = false;
    this.scene.network.clientDied(owner, true);
  }

  /** Nothing goes wrong from here on, and what was wrong is mended. */
  heal(): void {
    const { world, server, network, devices, tap } = this.scene;
    this.over = true;
    world.note('heal', 'plan', '');
    tap.ambush = null;
    for (const ghost of this.ghosts) this.bury(ghost);
    for (const machine of [server, ...devices]) machine.clock.skewMs = 0;
    server.heal();
    network.heal();
    for (const device of devices) device.comeBack();
  }
}
