// The presence store of a simulated world: outlives the lives of the node, and in some seeds it is not there at all. It is lost for a
// while or wiped now and then, until all heals. Draws from a stream of its own, so that seeds stay what they were.
import { createMemoryPresence, type MemoryPresence } from '../../cluster/memory/index.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export class PresenceServer {
  /** Null: this world has none, and sessions tell each other. */
  readonly store: MemoryPresence | null;
  private readonly world: World;
  private readonly random: Random;
  private healed = false;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
    this.store = random.chance(0.6) ? createMemoryPresence({ now: () => world.now }) : null;
    if (this.store !== null && random.chance(0.5)) this.trouble(this.store);
  }

  private trouble(store: MemoryPresence): void {
    const { world, random } = this;
    world.after(world.nature, random.between(3_000, 15_000), () => {
      if (this.healed) return;
      if (random.chance(0.4)) {
        world.note('presence', 'store', 'wiped');
        store.wipe();
        return this.trouble(store);
      }
      world.note('presence', 'store', 'lost');
      store.lost = true;
      world.after(world.nature, random.between(500, 12_000), () => {
        store.lost = false;
        if (!this.healed) this.trouble(store);
      });
    });
  }

  heal(): void {
    this.healed = true;
    if (this.store !== null) this.store.lost = false;
  }
}
