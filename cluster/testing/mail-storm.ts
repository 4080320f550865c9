// Mail between real kernels over links that lose, delay, repeat, overtake and are cut: whatever the network does, each mail is handled once
// or comes back to its sender as refused; one whose link broke may be both. Never is there silence.
import { cluster, doing, noting } from './router-cluster.ts';
import { VirtualClock } from './virtual-clock.ts';

const NAMES = ['a', 'b', 'c'];
const ACTS = 40;
/** Whatever was lost is known to be lost by then. */
const REST_MS = 30_000;

export class MailStorm {
  /** For its dice alone: the cluster has a clock of its own. */
  private readonly dice: VirtualClock;
  private readonly world = cluster(NAMES);
  private mails = 0;

  constructor(seed: number) {
    this.dice = new VirtualClock(seed);
  }

  /** Throws when a mail is gone, or was handled twice. */
  run(): string {
    const { env, notes } = this.world;
    for (let act = 0; act < ACTS; act++) {
      if (this.dice.chance(0.4)) this.strike();
      else for (let n = this.dice.between(1, 20); n > 0; n--) this.say();
      env.advance(this.pick([0, 1, 20, 500, 4_000]));
    }
    this.heal();
    env.advance(REST_MS);
    const handled = this.numbersIn(/^\w(\d+): it from/);
    const refused = this.numbersIn(/refused by \w(\d+)/);
    for (let n = 1; n <= this.mails; n++) {
      const times = handled.filter((one) => one === n).length;
      if (times > 1) throw new Error(`mail ${n} was handled ${times} times`);
      if (times === 0 && !refused.includes(n)) throw new Error(`mail ${n} of ${this.mails} was lost in silence`);
    }
    return notes.join();
  }

  private numbersIn(pattern: RegExp): number[] {
    return this.world.notes.flatMap((note) => pattern.exec(note)?.[1] ?? []).map(Number);
  }

  /** Each mail has a sender and a receiver of its own, which tell which one it was. */
  private say(): void {
    const n = ++this.mails;
    const mail = doing({ do: 'route', key: `${this.pick(NAMES)}${n}`, mail: noting('it') });
    const from = this.pick(NAMES);
    this.world.at(from).kernel.route('doer', `${from}s${n}`, mail);
  }

  private strike(): void {
    const { faults } = this.world;
    const [a, b] = [this.pick(NAMES), this.pick(NAMES)];
    const how = this.pick(['weather', 'weather', 'cut', 'away', 'heal']);
    if (how === 'cut') faults.cuts.add(`${a}>${b}`);
    else if (how === 'away') faults.disconnected.add(a);
    else if (how === 'heal') this.heal();
    else
      Object.assign(faults, {
        lossRate: this.pick([0, 0.1, 0.5, 0.9]),
        duplicateRate: this.pick([0, 0.3]),
        reorderRate: this.pick([0, 0.3]),
        delayMsMax: this.pick([0, 20, 1_000]),
      });
  }

  private heal(): void {
    const { faults } = this.world;
    faults.cuts.clear();
    faults.disconnected.clear();
    Object.assign(faults, { lossRate: 0, duplicateRate: 0, reorderRate: 0, delayMsMax: 0 });
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.dice.random() * from.length)] as T;
  }
}
