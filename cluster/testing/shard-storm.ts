// Shards under seeded faults, on real members: the storm of storm.ts, links that lose mail, and a database that loses answers.
import type { Coordination } from '../coordination.ts';
import { Storm, type Trouble } from './storm.ts';
import { StormNode, StormWorld } from './storm-node.ts';
import type { NodeEnv } from './virtual-clock.ts';

export class ShardStorm extends Storm<StormNode> {
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
