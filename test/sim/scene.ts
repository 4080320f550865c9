// All that a simulated world is made of, for those who act in it or look at it.
import type { Book } from './book.ts';
import type { Device } from './device.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import type { Wiretap } from './wiretap.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly world: World;
  readonly book: Book;
  readonly tap: Wiretap;
  readonly host: Host;
  readonly network: Network;
  readonly devices: readonly Device[];
  readonly users: readonly string[];
}
