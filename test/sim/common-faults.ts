// What goes wrong, when: each kind of fault of the plan comes again and again until the end of the chaos, and then all heals. Here are the
// faults of clients, of the network before the nodes, and of what runs in any node; faults.ts and fleet-faults.ts have the others.
import type { ParleyClient } from '../../client/core/index.ts';
import { createClient, memoryStore } from '../../client/core/index.ts';
import { OP } from '../../protocol/index.ts';
import type { Kernel } from '../../runtime/index.ts';
import type { BreakKind } from './connection.ts';
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
  'cutHub',
  'cutStore',
  'drain',
]);
type Strike = (random: Random) => void;
/** A cell that is killed more often than this within its host's window would be parked, as it should be. */
const KILLS_IN_WINDOW = 2;
const WINDOW_MS = 5_000;

export abstract class CommonFaults {
  readonly counts: Partial<Record<FaultName, number>> = {};
  protected readonly scene: Scene;
  protected readonly plan: Plan;
  private readonly kills = new Map<string, number[]>();
  private readonly ghosts = new Set<Owner>();
  protected over = false;

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
    (this as unknown as Record<string, Strike>)[name]?.(random);
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
  protected during(ms: number, undo: () => void): void {
    const { world } = this.scene;
    world.after(world.nature, Math.min(ms, Math.max(0, this.plan.chaosMs - world.now)), undo);
  }

  // The nodes.

  kill(random: Random): void {
    const { host, world } = this.scene;
    const kernel = host.listening?.node?.kernel;
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

  clock(random: Random): void {
    const machines = [...this.scene.host.machines, ...this.scene.devices];
    random.pick(machines).clock.skewMs += random.pick([100, 5_000, 300_000]) * random.between(-1, 1);
  }

  fullMailboxes(random: Random): void {
    const { host } = this.scene;
    host.limitMailboxes(random.pick([1, 2, 4, 16]));
    this.during(random.between(500, 6_000), () => host.limitMailboxes(null));
  }

  pressure(random: Random): void {
    const { pressure } = this.scene.host;
    pressure.level = random.pick([1, 2, 3] as const);
    this.during(random.between(200, 5_000), () => {
      pressure.level = 0;
    });
  }

  verifier(random: Random): void {
    const { host } = this.scene;
    host.verifierFails = true;
    this.during(random.between(200, 4_000), () => {
      host.verifierFails = false;
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
    const { world, host, network, devices, tap } = this.scene;
    this.over = true;
    world.note('heal', 'plan', '');
    tap.ambush = null;
    for (const ghost of this.ghosts) this.bury(ghost);
    for (const machine of [...host.machines, ...devices]) machine.clock.skewMs = 0;
    host.heal();
    network.heal();
    for (const device of devices) device.comeBack();
  }
}
