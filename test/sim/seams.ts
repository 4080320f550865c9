// A node's ends of what it shares with others, the carrier and the coordination store: nature moves the bytes, whatever the node does
// meanwhile, and what arrives waits at a frozen one's door, in order. A dead node hears nothing.
import type { Carrier, Coordination } from '../../cluster/index.ts';
import type { Owner, World } from './world.ts';

/** For drivers in memory: their time is nature's. */
export function natureEnv(world: World, random: () => number) {
  return {
    now: () => world.now,
    setTimer: (run: () => void, ms: number): unknown => world.after(world.nature, Math.max(0, ms), run),
    setImmediate: (run: () => void): void => void world.after(world.nature, 0, run),
    random,
  };
}

/** What happened out there reaches the node one by one, in the order in which it came. */
class Door {
  private readonly world: World;
  private readonly owner: Owner;
  private waiting: (() => void)[] = [];
  private planned = false;

  constructor(world: World, owner: Owner) {
    this.world = world;
    this.owner = owner;
  }

  push(run: () => void): void {
    this.waiting.push(run);
    if (this.planned) return;
    this.planned = true;
    this.world.after(this.owner, 0, () => {
      this.planned = false;
      const waiting = this.waiting;
      this.waiting = [];
      for (const one of waiting) one();
    });
  }
}

export function carrierOf(world: World, owner: Owner, inner: Carrier): Carrier {
  const door = new Door(world, owner);
  return {
    publish: (subject, bytes) => inner.publish(subject, bytes),
    subscribe: (subject, onMessage) => inner.subscribe(subject, (bytes) => door.push(() => onMessage(bytes))),
    get connected() {
      return inner.connected;
    },
    get payloadMax() {
      return inner.payloadMax;
    },
    close: () => inner.close(),
  };
}

export function coordinationOf(world: World, owner: Owner, inner: Coordination): Coordination {
  const door = new Door(world, owner);
  const call = <T>(answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      answer.then(
        (value) => door.push(() => resolve(value)),
        (error: unknown) => door.push(() => reject(error)),
      );
    });
  return {
    create: (key, bytes) => call(inner.create(key, bytes)),
    get: (key) => call(inner.get(key)),
    put: (key, bytes) => call(inner.put(key, bytes)),
    keys: (prefix) => call(inner.keys(prefix)),
    watch: (prefix, onChange) => inner.watch(prefix, (key, bytes) => door.push(() => onChange(key, bytes))),
    close: () => inner.close(),
  };
}
