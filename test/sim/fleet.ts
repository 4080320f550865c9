// Several nodes, in place of server.ts: sites that share a carrier, a coordination store and a database, and a front that gives each
// client a node that runs. Regions are groups of sites with long ways between them, which may be cut.
import { shardOf } from '../../actors/index.ts';
import { type CarrierFaults, MemoryCoordination, MemoryHub, noFaults } from '../../cluster/memory/index.ts';
import type { Kernel } from '../../runtime/index.ts';
import type { Fault } from './checker.ts';
import type { Connection } from './connection.ts';
import { Database } from './database.ts';
import type { FleetPlan, Haste } from './fleet-plan.ts';
import { acceptAt, type Host, type Life, limitMailboxesOf } from './host.ts';
import { Ownership } from './ownership.ts';
import type { ServerPlan } from './plan.ts';
import { PresenceServer } from './presence.ts';
import type { Random } from './random.ts';
import type { Replica } from './replica.ts';
import { natureEnv } from './seams.ts';
import { Site, type SiteLife } from './site.ts';
import type { Wiretap } from './wiretap.ts';
import type { Owner, World } from './world.ts';

/** The front looks at a node's health now and then: it may take one for well that is not. */
const STALE_SHARE = 0.15;
/** After a fatal end a process is started again. */
const RESTART_MS = 1_000;
/** The coordination store's majority is here. */
const HOME_REGION = 0;
/** In the coordination store. */
const RINGS = 'ring.';

export class Fleet implements Host {
  readonly plan: ServerPlan;
  readonly sites: Site[] = [];
  readonly database: Database;
  readonly hub: MemoryHub;
  readonly mail: CarrierFaults = noFaults();
  readonly coordination = new MemoryCoordination();
  readonly presence: PresenceServer;
  readonly ownership: Ownership;
  readonly pressure: { level: 0 | 1 | 2 | 3 } = { level: 0 };
  verifierFails = false;
  mailsMax: number | null = null;
  /** Regions hear nothing of each other. */
  isParted = false;
  private readonly world: World;
  private readonly random: Random;
  private readonly tap: Wiretap;
  private readonly fleetPlan: FleetPlan;
  private readonly onLifeEnd: (owner: Owner, told: boolean) => void;
  /** Of each life. */
  readonly regionOf = new Map<Owner, number>();
  private isHealed = false;

  constructor(
    world: World,
    random: Random,
    plan: ServerPlan,
    fleetPlan: FleetPlan,
    tap: Wiretap,
    onLifeEnd: (owner: Owner, told: boolean) => void,
  ) {
    this.world = world;
    this.random = random;
    this.plan = plan;
    this.fleetPlan = fleetPlan;
    this.tap = tap;
    this.onLifeEnd = onLifeEnd;
    this.presence = new PresenceServer(world, random.fork('presence'));
    this.ownership = new Ownership(world, tap);
    this.healMail();
    this.hub = new MemoryHub(natureEnv(world, random.fork('hub').next), { faults: this.mail });
    this.database = new Database(
      world,
      random.fork('database'),
      { commitMs: plan.commitMs, readMs: plan.readMs, rowByRow: fleetPlan.rowByRow },
      fleetPlan.replicas,
      (owner, replica) => this.storeMs(owner, replica),
    );
    for (const region of fleetPlan.sites) this.addSite(region);
  }

  get haste(): Haste {
    return this.fleetPlan.haste;
  }

  /** When a ring is made: some nodes know it, others do not yet. */
  onRing(run: () => void): void {
    this.coordination.listen({ prefix: RINGS, hint: run });
  }

  addSite(region: number): Site {
    const name = `n${this.sites.length + 1}`;
    const site = new Site(this, this.world, this.random.fork(name), name, region);
    this.sites.push(site);
    return site;
  }

  start(): void {
    for (const site of this.sites)
      this.world.after(this.world.nature, this.random.between(0, 1_500), () => site.start());
  }

  get machines(): readonly Site[] {
    return this.sites;
  }

  get starts(): number {
    return this.sites.reduce((sum, { lives }) => sum + lives.length, 0);
  }

  get kernels(): readonly Kernel[] {
    return this.sites.flatMap(({ node }) => (node === null ? [] : [node.kernel]));
  }

  get running(): Site[] {
    return this.sites.filter(({ node }) => node !== null);
  }

  get listening(): Life | null {
    const { random } = this;
    const lives = this.running.flatMap(({ current }) => (current === null || current.leaving ? [] : [current]));
    const well = lives.filter(({ owner, node }) => owner.held === null && node?.cluster?.notReady() === null);
    const from = well.length === 0 || random.chance(this.isHealed ? 0 : STALE_SHARE) ? lives : well;
    return from.length === 0 ? null : random.pick(from);
  }

  accept(life: Life, connection: Connection, source: string): boolean {
    return acceptAt(this.world, this.tap, life, connection, source);
  }

  notDrained(): void {
    this.tap.isUndrained = true;
  }

  limitMailboxes(mailsMax: number | null): void {
    this.mailsMax = mailsMax;
    for (const kernel of this.kernels) limitMailboxesOf(kernel, mailsMax);
  }

  isDirty(chat: string): boolean {
    return this.database.rowsNow('dirty', String(shardOf('chat', chat))).some(({ key }) => key === chat);
  }

  // Ways.

  coordinationMs(site: Site): number {
    return 0.5 + this.between(site.region, HOME_REGION);
  }

  /** One way between two regions. */
  private between(a: number, b: number): number {
    return a === b ? 0 : this.fleetPlan.regionMs;
  }

  private storeMs(owner: Owner, replica: Replica): number | null {
    const region = this.regionOf.get(owner) ?? 0;
    if (this.isParted && region !== replica.region) return null;
    return 0.2 + this.between(region, replica.region);
  }

  /** Regions part, or meet again. */
  part(isParted: boolean): void {
    this.isParted = isParted;
    for (const one of this.sites) {
      one.coordination.silent = isParted && one.region !== HOME_REGION;
      for (const other of this.sites) {
        if (one.region === other.region) continue;
        if (isParted) this.mail.cuts.add(`${one.name}>${other.name}`);
        else this.mail.cuts.delete(`${one.name}>${other.name}`);
      }
    }
  }

  healMail(): void {
    Object.assign(this.mail, { lossRate: 0, duplicateRate: 0, reorderRate: 0, delayMsMin: 0.1, delayMsMax: 1.5 });
  }

  // Lives.

  lifeEnded(owner: Owner, told: boolean): void {
    this.onLifeEnd(owner, told);
  }

  complained(life: Life, fields: object, message: string): void {
    if (life.zombie || !life.owner.alive || (this.verifierFails && message === 'token verification failed')) return;
    const words = Object.values(fields).filter(
      (value): value is string => typeof value === 'string' && value.length < 64,
    );
    this.world.fail('crash', `${life.owner.name} ${message}: ${JSON.stringify(fields, null, 1)}`, words);
  }

  /** The process ends itself, as server.ts has it do, and is started again. */
  fatal(site: Site, life: SiteLife, reason: string): void {
    const { world } = this;
    if (!life.owner.alive || life.zombie) return;
    life.zombie = true;
    if (!life.leaving) world.fail('fatal', `${life.owner.name}: ${reason}`, [life.owner.name]);
    world.after(world.nature, this.random.between(0, 200), () => {
      site.crash(life, true);
      world.after(world.nature, RESTART_MS, () => site.start());
    });
  }

  heal(): void {
    this.isHealed = true;
    this.pressure.level = 0;
    this.verifierFails = false;
    this.presence.heal();
    this.mail.cuts.clear();
    this.mail.disconnected.clear();
    this.healMail();
    this.part(false);
    this.database.heal();
    this.limitMailboxes(null);
    for (const site of this.sites) site.heal();
  }

  forget(): void {
    for (const site of this.sites) site.forget();
  }

  // For the checker.

  /** Not all shards are open, each on one node. */
  unsettled(): Fault | null {
    const away = this.sites.find(({ node }) => node === null);
    if (away !== undefined) return { invariant: 'node', about: `${away.name} does not run`, words: [away.name] };
    const about = this.ownership.fault();
    return about === null ? null : { invariant: 'I7', about, words: [] };
  }

  /** Mails held, on links, or in shards under way. */
  left(): Fault | null {
    for (const site of this.sites) {
      const about = site.left();
      if (about !== null) return { invariant: 'I9', about, words: [site.name] };
    }
    return null;
  }
}
