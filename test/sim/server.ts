// The node under simulation: one disk that outlives everything, and the lives of the node on it. A life may end at once (all that was
// in memory is gone, commits in flight are torn), or go on as a zombie beside its successor, who holds the fence.
import { shardOf } from '../../actors/index.ts';
import { type Node, startNode } from '../../app/node.ts';
import { abandonSystems, type Kernel } from '../../runtime/index.ts';
import { type FaultPlan, faultPlan, withFaults } from '../../storage/index.ts';
import { createMemoryDisk, type MemoryDisk, type MemoryStore, openMemoryStore } from '../../storage/memory/index.ts';
import type { Connection } from './connection.ts';
import { type Clock, nodeEnvOf } from './env.ts';
import { acceptAt, type Host, type Life as HostLife, limitMailboxesOf, pumpPeers } from './host.ts';
import type { ServerPlan } from './plan.ts';
import { PresenceServer } from './presence.ts';
import type { Random } from './random.ts';
import { tokenVerifier } from './tokens.ts';
import type { Wiretap } from './wiretap.ts';
import { Owner, type World } from './world.ts';

/** A `zombie` lives on when a successor has taken the fence. */
export interface Life extends HostLife {
  readonly number: number;
  readonly store: MemoryStore;
}

export class Server implements Host {
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly clock: Clock = { skewMs: 0 };
  readonly faults: FaultPlan = faultPlan();
  readonly pressure: { level: 0 | 1 | 2 | 3 } = { level: 0 };
  /** The verifier's key source fails. */
  verifierFails = false;
  /** User mails that a mailbox holds at the most; null: as the kinds say. */
  mailsMax: number | null = null;
  current: Life | null = null;
  starts = 0;
  readonly lives: Life[] = [];
  readonly presence: PresenceServer;
  private readonly world: World;
  private readonly random: Random;
  private readonly plan: ServerPlan;
  private readonly tap: Wiretap;
  private readonly onLifeEnd: (owner: Owner, told: boolean) => void;

  constructor(
    world: World,
    random: Random,
    plan: ServerPlan,
    tap: Wiretap,
    onLifeEnd: (owner: Owner, told: boolean) => void,
  ) {
    this.world = world;
    this.random = random;
    this.plan = plan;
    this.tap = tap;
    this.onLifeEnd = onLifeEnd;
    this.presence = new PresenceServer(world, random.fork('presence'));
  }

  /** The life that takes connections. */
  get listening(): Life | null {
    return this.current?.node ? this.current : null;
  }

  get kernels(): readonly Kernel[] {
    const kernel = this.listening?.node?.kernel;
    return kernel === undefined ? [] : [kernel];
  }

  get machines(): readonly Server[] {
    return [this];
  }

  start(): void {
    if (this.current !== null && !this.current.zombie) return;
    const { world, plan } = this;
    const number = ++this.starts;
    const owner = new Owner(`node-${number}`);
    const random = this.random.fork(owner.name);
    const env = nodeEnvOf({ world, owner, random, clock: this.clock }, (fields, message) =>
      this.complained(life, fields, message),
    );
    const delays = {
      commitDelayMs: () => plan.commitMs * random.between(0.5, 1.5),
      readDelayMs: plan.readMs === 0 ? 0 : () => plan.readMs * random.between(0.5, 1.5),
    };
    const store = openMemoryStore(this.disk, { env, ...delays });
    const life: Life = { number, owner, env, store, node: null, zombie: false, leaving: false, peers: new Set() };
    this.current = life;
    this.lives.push(life);
    world.note('start', owner.name, '');
    const verifier = tokenVerifier(env, plan.verifyMs, () => this.verifierFails);
    const { writers, rates } = plan;
    const presence = this.presence.store === null ? {} : { presence: { store: this.presence.store } };
    const common = { env, name: owner.name, store: withFaults(store, this.faults, env), verifier, writers, rates };
    const options = { ...common, ...presence };
    const onFatal = (reason: string): void => this.fatal(life, reason);
    world.after(owner, 0, () => {
      startNode({ ...options, pressure: this.pressure, onFatal }).then(
        (node) => this.started(life, node),
        (error: unknown) => world.fail('start', `${owner.name} did not start: ${String(error)}`, [owner.name]),
      );
    });
  }

  private started(life: Life, node: Node): void {
    life.node = node;
    this.world.note('listens', life.owner.name, '', node.fence);
    this.limitMailboxes(this.mailsMax);
    if (this.world.trace.notes !== null)
      node.kernel.trace = (what, to, mail, from) => {
        if (what === 'queued') return;
        this.world.note(`.${what}`, life.owner.name, `${to.kind}:${to.key}`, 0, '', () =>
          this.tap.describeMail(mail, from),
        );
      };
    pumpPeers(life);
  }

  accept(life: HostLife, connection: Connection, source: string): boolean {
    return acceptAt(this.world, this.tap, life, connection, source);
  }

  isDirty(chat: string): boolean {
    const rows = this.disk.readRows('dirty', String(shardOf('chat', chat)), '', 10);
    return rows.some(({ key }) => key === chat);
  }

  /** The process is gone. `told`: its system lives, and closes its sockets. */
  crash(life: Life, told: boolean): void {
    if (!life.owner.alive) return;
    this.world.note('crash', life.owner.name, told ? 'process' : 'machine');
    life.owner.alive = false;
    life.store.crash(this.random.next);
    if (this.current === life) this.current = null;
    for (const peer of life.peers) peer.died();
    this.onLifeEnd(life.owner, told);
  }

  /** A successor starts while this one goes on, for so long. */
  replace(life: Life, zombieMs: number): void {
    this.world.note('zombie', life.owner.name, '', Math.floor(zombieMs));
    life.zombie = true;
    this.tap.zombies.add(life.owner);
    this.world.after(this.world.nature, zombieMs, () => this.crash(life, this.random.chance(0.7)));
    this.start();
  }

  /** A stop in order. */
  leave(life: Life, then: () => void): void {
    const { node, owner } = life;
    if (node === null || life.leaving) return;
    life.leaving = true;
    this.world.note('leave', owner.name, '');
    this.world.after(owner, 0, () => {
      node
        .leave(500, 4_000)
        .then(() => node.stop())
        .then(() => life.store.close())
        .then(() => {
          this.crash(life, true);
          then();
        });
    });
  }

  /** Whatever was wrong here is mended, and a node runs. */
  heal(): void {
    Object.assign(this.faults, faultPlan());
    this.pressure.level = 0;
    this.presence.heal();
    this.verifierFails = false;
    this.limitMailboxes(null);
    for (const life of this.lives) {
      this.world.thaw(life.owner);
      if (life.zombie) this.crash(life, true);
    }
    if (this.current === null) this.start();
  }

  limitMailboxes(mailsMax: number | null): void {
    this.mailsMax = mailsMax;
    limitMailboxesOf(this.current?.node?.kernel, mailsMax);
  }

  /** The world is over: what the process would hold of it for ever is let go. */
  forget(): void {
    for (const life of this.lives) abandonSystems(life.env);
  }

  private complained(life: Life, fields: object, message: string): void {
    if (life.zombie || !life.owner.alive || (this.verifierFails && message === 'token verification failed')) return;
    const words = Object.values(fields).filter(
      (value): value is string => typeof value === 'string' && value.length < 64,
    );
    this.world.fail('crash', `${message}: ${JSON.stringify(fields, null, 1)}`, words);
  }

  private fatal(life: Life, reason: string): void {
    if (!life.zombie) this.world.fail('fatal', `${life.owner.name}: ${reason}`, [life.owner.name]);
    // The process ends itself, as server.ts has it do.
    this.world.after(this.world.nature, this.random.between(0, 200), () => this.crash(life, true));
  }
}
