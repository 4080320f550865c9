// One seeded story of a cluster under faults, for simulations of membership and of shards: a storm of half a minute, then all heals. What
// a node is made of, and what else can go wrong in its world, a simulation adds.
import { COORDINATION_DEADLINE_MS, type Coordination } from '../coordination.ts';
import type { Member } from '../member.ts';
import { type CoordinationFaults, coordinationFaults, MemoryCoordination } from '../memory/coordination.ts';
import { MemberRules } from './member-rules.ts';
import { type NodeEnv, VirtualClock } from './virtual-clock.ts';

const STORM_MS = 30_000;
const SETTLE_MS = 60_000;
/** Of an answer that comes before its deadline. */
const LATE_MS = COORDINATION_DEADLINE_MS - 100;

export interface NodeInStorm {
  readonly name: string;
  readonly env: NodeEnv;
  readonly member: Member;
  /** Why it refused to run. */
  readonly fatal: string | null;
  readonly rejoins: number;
  readonly isSettled: boolean;
  kill(): void;
  leave(limitMs: number): Promise<boolean>;
}

/** For `forMs`; it undoes itself. */
export type Trouble = (forMs: number) => void;

export abstract class Storm<Node extends NodeInStorm> {
  readonly clock: VirtualClock;
  readonly store = new MemoryCoordination();
  readonly trace: string[] = [];
  abstract readonly world: { readonly nodes: readonly Node[]; readonly broken: readonly string[] };
  /** Each as likely as one of the storm's own. */
  protected readonly troubles: readonly Trouble[] = [];
  private readonly rules: MemberRules;
  private readonly faults = new Map<Node, CoordinationFaults>();
  private readonly leaving = new Set<Node>();
  private isOver = false;

  constructor(seed: number) {
    this.clock = new VirtualClock(seed);
    this.rules = new MemberRules(this.clock, this.store);
    const count = 3 + Math.floor(this.clock.random() * 3);
    for (let n = 0; n < count; n++) this.clock.at(this.clock.between(0, 4_000), () => this.start(`n${n}`));
    this.clock.at(this.clock.between(3_000, 12_000), () => this.next());
  }

  protected abstract open(name: string, env: NodeEnv, coordination: Coordination): Node;
  /** What a node holds, for a story that does not end well. */
  protected abstract stateOf(node: Node): string;
  /** Looks at the whole world, a step after the other. */
  protected look(): void {}
  protected calm(): void {}

  protected say(what: string): void {
    this.trace.push(`${Math.round(this.clock.nowMs)} ${what}`);
  }

  private start(name: string): void {
    const { clock } = this;
    const env = clock.env({ pace: clock.between(0.98, 1.02) });
    const faults = this.normal();
    const node = this.open(name, env, this.rules.watched(env, this.store.connect(env, faults)));
    this.faults.set(node, faults);
    this.say(`start ${node.member.self}`);
  }

  private normal(): CoordinationFaults {
    return coordinationFaults({ delayMs: () => this.clock.between(0.2, 20) });
  }

  /** One fault after the other, some overlapping, until the storm is over. */
  private next(): void {
    if (this.isOver) return;
    const { clock, world } = this;
    const staying = world.nodes.filter((each) => !this.leaving.has(each));
    const node = staying[Math.floor(clock.random() * staying.length)];
    if (node !== undefined) this.strike(node);
    clock.at(clock.between(200, 5_000), () => this.next());
  }

  private strike(node: Node): void {
    const { clock, store } = this;
    const forMs = clock.between(500, 14_000);
    const during = (what: string, changes: Partial<CoordinationFaults>, whom = node): void => {
      this.say(`${what} ${whom.member.self} for ${Math.round(forMs)}`);
      const faults = this.faults.get(whom) as CoordinationFaults;
      Object.assign(faults, changes);
      clock.at(forMs, () => this.isOver || Object.assign(faults, this.normal()));
    };
    const dice = Math.floor(clock.random() * (13 + this.troubles.length));
    switch (dice) {
      case 0:
      case 1:
        this.say(`pause ${node.member.self} for ${Math.round(forMs)}`);
        node.env.pause(forMs);
        break;
      case 2:
      case 3:
        this.say(`kill ${node.member.self}`);
        node.kill();
        clock.at(clock.between(10, 12_000), () => this.start(node.name));
        break;
      case 4:
        this.say(`leave ${node.member.self}`);
        this.leaving.add(node);
        void node.leave(forMs).then((ok) => {
          this.say(`left ${node.member.self} ${ok}`);
          this.start(node.name);
        });
        break;
      case 5:
        during('cut', { unavailable: true });
        break;
      case 6:
        during('silence', { silent: true });
        break;
      case 7:
        during('lose answers', { lostAck: 0.3, lostAckApplies: () => clock.chance(0.5) });
        break;
      case 8:
        during('bad hints', { lostHint: 0.5, staleHint: 0.3, hintDelayMs: () => clock.between(0, 6_000) });
        break;
      case 9:
        during('no hints', { lostHint: 1 });
        break;
      case 10:
        this.say('wipe');
        store.wipe();
        this.rules.wiped();
        break;
      case 11:
        during('late answers', { answerDelayMs: () => clock.between(0, LATE_MS), lostHint: 0.5 });
        break;
      case 12:
        // What one says, another hears when it has said something else.
        for (const each of this.world.nodes)
          during('slow store', { delayMs: () => clock.between(0, LATE_MS / 2) }, each);
        break;
      default:
        this.troubles[dice - 13]?.(forMs);
    }
  }

  private heal(): void {
    this.isOver = true;
    this.calm();
    this.say('heal');
    for (const faults of this.faults.values()) Object.assign(faults, coordinationFaults({ delayMs: () => 1 }));
  }

  private get isSettled(): boolean {
    const { nodes } = this.world;
    // The second of a name has refused to run; its supervisor would start it again.
    if (nodes.some((node) => node.fatal !== null)) return false;
    const epochs = new Set(nodes.map((node) => node.member.ring?.epoch));
    return epochs.size === 1 && nodes.every((node) => node.isSettled);
  }

  private restartRefused(): void {
    for (const node of this.world.nodes.filter((each) => each.fatal !== null)) {
      this.say(`refused ${node.member.self}`);
      node.kill();
      this.clock.at(1_000, () => this.start(node.name));
    }
  }

  /** Virtual ms to agreement, counted from the healing. Throws when a rule is broken. */
  async run(): Promise<number> {
    const { clock, world } = this;
    const step = async (): Promise<void> => {
      await clock.run(200);
      this.look();
      const broken = [...world.broken, ...world.nodes.flatMap((node) => this.rules.fault(node) ?? [])];
      this.restartRefused();
      if (broken.length > 0) throw new Error(`${broken.slice(0, 3).join('\n')}\n${this.trace.join('\n')}`);
    };
    while (clock.nowMs < STORM_MS) await step();
    this.heal();
    let rested = 0;
    while (clock.nowMs < STORM_MS + SETTLE_MS + 3_000) {
      await step();
      rested = this.isSettled && world.nodes.length > 0 ? rested + 200 : 0;
      if (rested >= 3_000) return clock.nowMs - STORM_MS - rested;
    }
    const states = world.nodes.map(
      (node) => `${node.member.self} ring ${node.member.ring?.epoch} ${this.stateOf(node)} settled ${node.isSettled}`,
    );
    throw new Error(`no agreement\n${states.join('\n')}\n${this.trace.join('\n')}`);
  }
}

/** Runs `seeds` storms, the first of seed `first`. Throws at the first that breaks a rule, with its seed. */
export async function runStorms(
  first: number,
  seeds: number,
  begin: (seed: number) => Storm<NodeInStorm>,
): Promise<{ readonly settledMs: readonly number[]; readonly rejoins: number }> {
  const settledMs: number[] = [];
  let [events, rejoins] = [0, 0];
  for (let seed = first; seed < first + seeds; seed++) {
    const storm = begin(seed);
    try {
      settledMs.push(await storm.run());
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`);
    }
    events += storm.clock.events;
    rejoins += storm.world.nodes.reduce((sum, node) => sum + node.rejoins, 0);
  }
  settledMs.sort((a, b) => a - b);
  console.info({ events, rejoins, median: settledMs[Math.floor(seeds / 2)], most: settledMs.at(-1) });
  return { settledMs, rejoins };
}
