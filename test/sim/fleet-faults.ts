// What goes wrong among several nodes: they die, stand still, come and go; each is cut from mail, from the coordination store or from the
// database, alone or with others; all of these lose, delay, repeat and doubt. The rest is in common-faults.ts.
import { CommonFaults } from './common-faults.ts';
import type { Fleet } from './fleet.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import type { Site } from './site.ts';

const SITES_MAX = 5;

export class FleetFaults extends CommonFaults {
  private readonly fleet: Fleet;

  constructor(scene: Scene, fleet: Fleet, plan: Plan, random: Random) {
    super(scene, plan, random);
    this.fleet = fleet;
  }

  private someone(random: Random): Site | null {
    const { running } = this.fleet;
    return running.length === 0 ? null : random.pick(running);
  }

  private note(what: string, site: Site): void {
    this.scene.world.note(what, site.name, '');
  }

  private later(ms: number, run: () => void): void {
    const { world } = this.scene;
    world.after(world.nature, ms, run);
  }

  // Lives.

  crash(random: Random): void {
    const site = this.someone(random);
    if (site?.current == null) return;
    site.crash(site.current, random.chance(0.6));
    this.later(random.pick([0, 50, 500, 3_000, 12_000]) * random.between(0.5, 1.5), () => site.start());
  }

  freeze(random: Random): void {
    const site = this.someone(random);
    if (site?.current == null || site.current.owner.held !== null) return;
    this.note('freeze', site);
    site.freeze();
    this.during(random.pick([500, 3_000, 6_000, 15_000]) * random.between(0.3, 1), () => site.thaw());
  }

  drain(random: Random): void {
    const site = this.someone(random);
    if (site === null || this.fleet.running.length < 2) return;
    const awayMs = random.pick([0, 500, 5_000, 20_000]) * random.between(0.3, 1);
    site.leave(() => this.later(awayMs, () => site.start()));
  }

  join(random: Random): void {
    const { sites } = this.fleet;
    if (sites.length >= SITES_MAX) return;
    this.fleet.addSite(random.pick(sites).region).start();
  }

  // Ways.

  cutHub(random: Random): void {
    const site = this.someone(random);
    if (site === null) return;
    this.note('cutHub', site);
    const { cuts, disconnected } = this.fleet.mail;
    const ms = random.pick([300, 3_000, 8_000, 20_000]) * random.between(0.3, 1);
    const how = random.weighted({ whole: 2, disconnected: 1, out: 2, in: 2, pair: 2 });
    if (how === 'disconnected') {
      disconnected.add(site.name);
      return this.during(ms, () => disconnected.delete(site.name));
    }
    const others = this.fleet.sites.filter((other) => other !== site);
    const some = how === 'pair' ? random.some(others, 1) : others;
    const ways: string[] = [];
    for (const { name } of some) {
      if (how !== 'in') ways.push(`${site.name}>${name}`);
      if (how !== 'out') ways.push(`${name}>${site.name}`);
    }
    for (const way of ways) cuts.add(way);
    this.during(ms, () => {
      for (const way of ways) cuts.delete(way);
      if (this.fleet.isParted) this.fleet.part(true);
    });
  }

  cutCoordination(random: Random): void {
    const all = random.chance(0.25);
    const site = this.someone(random);
    const hit = all ? this.fleet.sites : site === null ? [] : [site];
    const silent = random.chance(0.5);
    for (const one of hit) {
      this.note('cutCoordination', one);
      one.coordination[silent ? 'silent' : 'unavailable'] = true;
    }
    this.during(random.pick([500, 3_000, 8_000, 20_000]) * random.between(0.3, 1), () => {
      for (const { coordination } of hit) {
        coordination.silent = false;
        coordination.unavailable = false;
      }
      if (this.fleet.isParted) this.fleet.part(true);
    });
  }

  cutStore(random: Random): void {
    const all = random.chance(0.2);
    const site = this.someone(random);
    const hit = all ? [...this.fleet.sites] : site === null ? [] : [site];
    for (const one of hit) {
      this.note('cutStore', one);
      one.store.cut = true;
    }
    this.during(random.pick([500, 3_000, 8_000, 15_000]) * random.between(0.3, 1), () => {
      for (const { store } of hit) store.cut = false;
    });
  }

  /** Regions part. */
  part(random: Random): void {
    this.fleet.part(true);
    this.during(random.pick([1_000, 5_000, 15_000]) * random.between(0.5, 1.5), () => this.fleet.part(false));
  }

  // Coordination.

  wipe(): void {
    this.fleet.coordination.wipe();
  }

  acks(random: Random): void {
    const { sites } = this.fleet;
    const lost = random.pick([0.1, 0.4, 0.9]);
    for (const { coordination } of sites) {
      coordination.lostAck = lost;
      coordination.lostAckApplies = () => random.chance(0.5);
    }
    this.during(random.between(500, 10_000), () => {
      for (const { coordination } of sites) coordination.lostAck = 0;
    });
  }

  hints(random: Random): void {
    const { sites } = this.fleet;
    const lost = random.pick([0, 0.3, 1]);
    const stale = random.pick([0, 0.3]);
    const lateMs = random.pick([0, 200, 5_000]);
    for (const { coordination } of sites) {
      coordination.lostHint = lost;
      coordination.staleHint = stale;
      coordination.hintDelayMs = () => random.next() * lateMs;
    }
    this.during(random.between(1_000, 12_000), () => {
      for (const { coordination } of sites) {
        coordination.lostHint = 0;
        coordination.staleHint = 0;
        coordination.hintDelayMs = () => 0;
      }
    });
  }

  // Mail.

  mail(random: Random): void {
    Object.assign(this.fleet.mail, {
      lossRate: random.pick([0, 0.02, 0.3]),
      duplicateRate: random.pick([0, 0.05, 0.4]),
      reorderRate: random.pick([0, 0.1, 0.5]),
      delayMsMax: random.pick([2, 50, 300]),
    });
    this.during(random.between(500, 8_000), () => this.fleet.healMail());
  }

  // The database.

  slowStore(random: Random): void {
    const all = random.chance(0.5);
    const site = this.someone(random);
    const hit = all ? this.fleet.sites : site === null ? [] : [site];
    const most = random.pick([20, 100, 600, 3_000]);
    for (const { store } of hit) store.slowMs = most;
    this.during(random.between(500, 8_000), () => {
      for (const { store } of hit) store.slowMs = 0;
    });
  }

  lateRows(random: Random): void {
    Object.assign(this.fleet.database.faults, {
      late: random.pick([0.05, 0.3]),
      lateMs: random.pick([100, 1_500, 10_000]),
      hinted: random.pick([0, 0.02, 0.15]),
      twice: random.pick([0, 0.1]),
    });
    this.during(random.between(1_000, 10_000), () => {
      Object.assign(this.fleet.database.faults, { late: 0, hinted: 0, twice: 0 });
    });
  }

  unknown(random: Random): void {
    const { sites } = this.fleet;
    const unknown = random.pick([0.1, 0.5, 0.9]);
    const failRead = random.pick([0, 0.1, 0.5]);
    for (const { store } of sites) Object.assign(store, { unknown, failRead });
    this.during(random.between(500, 8_000), () => {
      for (const { store } of sites) Object.assign(store, { unknown: 0, failRead: 0 });
    });
  }

  /** One goes down, now and then a second one: then nothing can be written or read. */
  replica(random: Random): void {
    const hit = random.some(this.fleet.database.replicas, random.pick([1, 1, 1, 2]));
    for (const replica of hit) replica.isDown = true;
    this.during(random.between(1_000, 10_000), () => {
      for (const replica of hit) replica.isDown = false;
    });
  }
}
