// One seed, from its plan to its verdict: chaos, healing, a last round in a world without faults, and a look at what is left over.
import { Acts } from './acts.ts';
import { Audit, ReadsAudit, unseen } from './audit.ts';
import { Book } from './book.ts';
import { type Fault, finalFaults, unread, unsettled } from './checker.ts';
import { Device } from './device.ts';
import { Faults } from './faults.ts';
import { Network } from './network.ts';
import { drawPlan, type Plan } from './plan.ts';
import { leftOver, silence } from './quiet.ts';
import { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { Server } from './server.ts';
import { Trace } from './trace.ts';
import { Wiretap } from './wiretap.ts';
import { type Violation, World } from './world.ts';

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

export async function simulate(seed: number, keepsTrace: boolean): Promise<Outcome> {
  const random = new Random(`seed ${seed}`);
  const plan = drawPlan(seed, random.fork('plan'));
  const trace = new Trace(keepsTrace);
  const world = new World(random.fork('world'), trace);
  const scene = setUp(world, plan, random);
  const { server, book } = scene;
  const acts = new Acts(scene, plan, random.fork('acts'));
  const faults = new Faults(scene, plan, random.fork('faults'));
  server.start();
  await world.run(plan.chaosMs);

  faults.heal();
  book.healedAt = world.now;
  const settleMs = await within(scene, SETTLE_MS, () => unsettled(scene));
  const reads = new ReadsAudit(scene);
  await within(scene, LAST_ROUND_MS, () => reads.fault());
  const said = ok(world) ? acts.lastWords() : [];
  await within(scene, LAST_ROUND_MS, () => unsettled(scene));
  if (ok(world)) acts.readAll();
  await within(scene, LAST_ROUND_MS, () => unread(said));
  // Reads are said within moments.
  if (ok(world)) await world.run(world.now + READS_MS);
  const audit = ok(world) ? new Audit(scene) : null;
  await within(scene, LAST_ROUND_MS, () => audit?.fault() ?? null);
  await within(scene, PRESENCE_MS, () => unseen(scene));
  await within(scene, QUIET_MS, () => leftOver(scene) ?? silence(scene));
  // Not at once: a device whose token has just expired is away for a moment.
  await within(scene, LAST_ROUND_MS, () => unsettled(scene));
  if (ok(world)) for (const fault of finalFaults(scene)) blame(world, fault);
  server.forget();
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
      starts: server.starts,
      connections: scene.network.made,
      faults: faults.counts,
    },
  };
}

const ok = (world: World): boolean => world.violations.length === 0;
const blame = (world: World, { invariant, about, words }: Fault): void => world.fail(invariant, about, words);

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

function setUp(world: World, plan: Plan, random: Random): Scene {
  const book = new Book(world);
  const tap = new Wiretap(world, book);
  const server: Server = new Server(world, random.fork('server'), plan.server, tap, (owner, told) =>
    network.nodeDied(owner, told),
  );
  const network = new Network(world, random.fork('network'), plan.network, server);
  const users = USERS.slice(0, plan.people.devices.length);
  const devices = users.flatMap((user, at) =>
    Array.from({ length: plan.people.devices[at] ?? 1 }, (_, n) => {
      const id = `${user}-${n + 1}`;
      return new Device(world, book, network, random.fork(id), plan.people, user, id);
    }),
  );
  return { world, book, tap, server, network, devices, users };
}
