// One seed, from its plan to its verdict: chaos, healing, a last round in a world without faults, and a look at what is left over.
import { Acts, type LastWord } from './acts.ts';
import { Audit, ReadsAudit, unseen } from './audit.ts';
import { Book } from './book.ts';
import { type Fault, finalFaults, unread, unsettled } from './checker.ts';
import type { CommonFaults } from './common-faults.ts';
import { Device } from './device.ts';
import { Faults } from './faults.ts';
import { Fleet } from './fleet.ts';
import { FleetFaults } from './fleet-faults.ts';
import { ONE_NODE, type Setting } from './fleet-plan.ts';
import type { Host } from './host.ts';
import { Network } from './network.ts';
import { drawPlan, type Plan } from './plan.ts';
import { leftOver, movedAway, silence } from './quiet.ts';
import { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { Server } from './server.ts';
import { Trace } from './trace.ts';
import { Wiretap } from './wiretap.ts';
import { type Owner, type Violation, World } from './world.ts';

const USERS = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'];
/** Everything has to settle within this time after the last fault. */
export const SETTLE_MS = 60_000;
const LAST_ROUND_MS = 45_000;
/** Chats ask members who have not settled at least this often, and unmark themselves at the next round. */
const QUIET_MS = 130_000;
const READS_MS = 2_000;
/** Twice the time after which a watch expires that nobody renews. */
const PRESENCE_MS = 150_000;
const LOOK_EVERY_MS = 500;
/** How long receipts are waited for before all connect anew. */
const HINTS_MS = 12_000;

export interface Outcome {
  readonly seed: number;
  readonly plan: Plan;
  readonly hash: number;
  readonly violations: readonly Violation[];
  readonly trace: Trace;
  readonly counts: {
    readonly events: number;
    readonly virtualMs: number;
    readonly settleMs: number;
    readonly acked: number;
    readonly pushed: number;
    readonly starts: number;
    readonly connections: number;
    readonly faults: Readonly<Record<string, number>>;
  };
}

export async function simulate(seed: number, keepsTrace: boolean, setting: Setting = ONE_NODE): Promise<Outcome> {
  const random = new Random(`seed ${seed}`);
  const plan = drawPlan(seed, random.fork('plan'), setting);
  const trace = new Trace(keepsTrace);
  const world = new World(random.fork('world'), trace);
  if (plan.fleet !== null) world.happeningsMost *= 4;
  const { scene, fleet, faultsOf } = setUp(world, plan, random);
  const { host, book } = scene;
  const acts = new Acts(scene, plan, random.fork('acts'));
  if (fleet !== null && fleet.haste.writeShare > 0) fleet.onRing(() => acts.hurry(fleet.haste.writeShare));
  const faults = faultsOf(random.fork('faults'));
  host.start();
  await world.run(plan.chaosMs);

  faults.heal();
  book.healedAt = world.now;
  const settleMs = await within(scene, SETTLE_MS, () => fleet?.unsettled() ?? unsettled(scene));
  const reads = new ReadsAudit(scene);
  await within(scene, LAST_ROUND_MS, () => reads.fault());
  const said = ok(world) ? acts.lastWords() : [];
  await within(scene, LAST_ROUND_MS, () => unsettled(scene));
  if (ok(world)) acts.readAll();
  if (fleet !== null) await hearAnew(scene, said);
  await within(scene, LAST_ROUND_MS, () => unread(scene, said));
  // Reads are said within moments.
  if (ok(world)) await world.run(world.now + READS_MS);
  if (ok(world)) await within(scene, LAST_ROUND_MS, audited(scene));
  await within(scene, PRESENCE_MS, () => unseen(scene));
  await within(scene, QUIET_MS, () => fleet?.left() ?? leftOver(scene) ?? silence(scene));
  // Not at once: a device whose token has just expired is away for a moment.
  await within(scene, LAST_ROUND_MS, () => unsettled(scene));
  if (ok(world)) for (const fault of finalFaults(scene)) blame(world, fault);
  const moved = movedAway(scene, plan.faults);
  if (ok(world) && moved !== null) blame(world, moved);
  host.forget();
  return {
    seed,
    plan,
    hash: trace.hash,
    violations: world.violations,
    trace,
    counts: {
      events: world.happened,
      virtualMs: world.now,
      settleMs,
      acked: [...book.sendings.values()].filter(({ status }) => status === 'sent').length,
      pushed: scene.tap.counts.pushed,
      starts: host.starts,
      connections: scene.network.made,
      faults: faults.counts,
    },
  };
}

const ok = (world: World): boolean => world.violations.length === 0;
const blame = (world: World, { invariant, about, words }: Fault): void => world.fail(invariant, about, words);

/** Asks all again when an answer was wrong: it may have been given a moment before the last acknowledgement came. */
function audited(scene: Scene): () => Fault | null {
  let audit = new Audit(scene);
  return () => {
    const fault = audit.fault();
    if (audit.isWrong) audit = new Audit(scene);
    return fault;
  };
}

/** Goes on until nothing is wrong, or too long: then that is a violation. Gives how long it took. */
async function within(scene: Scene, limitMs: number, wrong: () => Fault | null): Promise<number> {
  const { world } = scene;
  const begin = world.now;
  while (ok(world)) {
    const fault = wrong();
    if (fault === null) break;
    if (world.now - begin >= limitMs) {
      blame(world, { ...fault, about: `after ${(limitMs / 1_000).toFixed(0)} s without faults: ${fault.about}` });
      break;
    }
    await world.run(world.now + LOOK_EVERY_MS);
  }
  return world.now - begin;
}

/**
 * Receipts are hints: what is said of a message while its sender's session moves is lost. But whoever comes back asks.
 */
async function hearAnew(scene: Scene, said: readonly LastWord[]): Promise<void> {
  const { world, network } = scene;
  const until = world.now + HINTS_MS;
  while (ok(world) && world.now < until && unread(scene, said) !== null) await world.run(world.now + LOOK_EVERY_MS);
  if (ok(world) && unread(scene, said) !== null) for (const connection of network.open()) connection.break('reset');
}

interface SetUp {
  readonly scene: Scene;
  readonly fleet: Fleet | null;
  readonly faultsOf: (random: Random) => CommonFaults;
}

function setUp(world: World, plan: Plan, random: Random): SetUp {
  const book = new Book(world);
  const tap = new Wiretap(world, book);
  const lifeEnded = (owner: Owner, told: boolean): void => network.nodeDied(owner, told);
  const chance = random.fork('server');
  const fleet = plan.fleet === null ? null : new Fleet(world, chance, plan.server, plan.fleet, tap, lifeEnded);
  const server = fleet === null ? new Server(world, chance, plan.server, tap, lifeEnded) : null;
  const host: Host = fleet ?? (server as Server);
  const network: Network = new Network(world, random.fork('network'), plan.network, host);
  const users = USERS.slice(0, plan.people.devices.length);
  const devices = users.flatMap((user, at) =>
    Array.from({ length: plan.people.devices[at] ?? 1 }, (_, n) => {
      const id = `${user}-${n + 1}`;
      return new Device(world, book, network, random.fork(id), plan.people, user, id);
    }),
  );
  const scene = { world, book, tap, host, network, devices, users };
  const faultsOf = (dice: Random): CommonFaults =>
    fleet === null ? new Faults(scene, server as Server, plan, dice) : new FleetFaults(scene, fleet, plan, dice);
  return { scene, fleet, faultsOf };
}
