// What goes wrong with one node and its disk. The rest is in common-faults.ts.
import { OP } from '../../protocol/index.ts';
import { CommonFaults } from './common-faults.ts';
import type { Connection } from './connection.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import type { Server } from './server.ts';

export class Faults extends CommonFaults {
  private readonly server: Server;

  constructor(scene: Scene, server: Server, plan: Plan, random: Random) {
    super(scene, plan, random);
    this.server = server;
  }

  crash(random: Random): void {
    const { server } = this;
    const { world } = this.scene;
    if (server.current === null) return;
    server.crash(server.current, random.chance(0.7));
    world.after(world.nature, random.pick([0, 50, 500, 3_000]) * random.between(0.5, 1.5), () => server.start());
  }

  zombie(random: Random): void {
    const { server } = this;
    if (server.current?.node) server.replace(server.current, random.between(500, 8_000));
  }

  /**
   * Right after a message was acked, and before others have it for sure, the node loses its power together with the device that sent
   * it, which does not come back: only the node's own books can tell what is still owed.
   */
  outage(random: Random): void {
    const { server } = this;
    const { world, tap, network, devices } = this.scene;
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
    const { server } = this;
    const { world } = this.scene;
    const life = server.current;
    if (life?.node) server.leave(life, () => world.after(world.nature, random.between(0, 1_000), () => server.start()));
  }

  freeze(random: Random): void {
    const { server } = this;
    const { world } = this.scene;
    const owner = server.current?.owner;
    if (owner === undefined || owner.held !== null) return;
    world.freeze(owner);
    this.during(random.pick([200, 2_000, 8_000, 20_000]) * random.next(), () => world.thaw(owner));
  }

  // The store.

  slowStore(random: Random): void {
    const { faults } = this.server;
    const most = random.pick([20, 100, 600, 3_000]);
    faults.slowMs = () => random.next() * most;
    if (random.chance(0.5)) faults.slowReadMs = () => random.next() * most * 0.3;
    this.during(random.between(500, 6_000), () => {
      faults.slowMs = 0;
      faults.slowReadMs = 0;
    });
  }

  failStore(random: Random): void {
    const { faults } = this.server;
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
    const { faults } = this.server;
    faults.failReadEvery = random.pick([1, 2, 3, 7]);
    this.during(random.between(300, 7_000), () => {
      faults.failReadEvery = 0;
    });
  }
}
