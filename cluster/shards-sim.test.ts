// Shards under seeded faults, on real members: nodes that pause, die, come back and drain, a coordination store that loses answers and
// hints, is cut off and wiped, links that lose mail, a database that loses answers. Never do two nodes hold a shard under a lease; after
// all heals, every shard is open where the ring says, within 60 virtual seconds.
import { expect, test } from 'vitest';
import type { Coordination } from './coordination.ts';
import { runStorms, Storm, type Trouble } from './testing/storm.ts';
import { StormNode, StormWorld } from './testing/storm-node.ts';
import type { NodeEnv } from './testing/virtual-clock.ts';

const SEEDS = Number(process.env.SEEDS ?? 4);
const FIRST_SEED = Number(process.env.SEED ?? 1);

class ShardStorm extends Storm<StormNode> {
  override readonly world = new StormWorld(this.clock);
  protected override readonly troubles = [
    this.trouble('lose mail', 'lostMail', 0.5),
    this.trouble('lose takings', 'lostTake', 0.5),
    this.trouble('refuse takings', 'refusedTake', 0.8),
  ];

  protected override open(name: string, env: NodeEnv, coordination: Coordination): StormNode {
    return new StormNode(this.world, { name, env, coordination });
  }

  protected override stateOf(node: StormNode): string {
    return JSON.stringify(node.shards.counts);
  }

  protected override look(): void {
    this.world.look();
  }

  protected override calm(): void {
    Object.assign(this.world.faults, { lostMail: 0, lostTake: 0, refusedTake: 0 });
  }

  private trouble(what: string, name: keyof StormWorld['faults'], chance: number): Trouble {
    return (forMs) => {
      this.say(`${what} for ${Math.round(forMs)}`);
      this.world.faults[name] = chance;
      this.clock.at(forMs, () => {
        this.world.faults[name] = 0;
      });
    };
  }
}

test(`${SEEDS} storms: no shard is held twice, and all agree within 60 s after`, async () => {
  const { settledMs, rejoins } = await runStorms(FIRST_SEED, SEEDS, (seed) => new ShardStorm(seed));
  expect(settledMs.length).toBe(SEEDS);
  expect(rejoins).toBeGreaterThan(SEEDS > 20 ? 5 : -1);
}, 120_000);
