// A coordination store in memory, shared by the members of one process: for `dev --nodes 3`, tests and the simulation.
// Each member has a connection of its own, with faults of its own. Time and chance come from the Env of the connection.
import type { Env } from '../../runtime/index.ts';
import {
  COORDINATION_DEADLINE_MS,
  COORDINATION_KEY,
  type Coordination,
  type CoordinationEntry,
  CoordinationError,
} from '../coordination.ts';

/** How one connection misbehaves; may be changed at any time. Chances are in [0, 1]. */
export interface CoordinationFaults {
  /** One way, each way. */
  delayMs: () => number;
  /** More delay of answers: what was asked was done long before. */
  answerDelayMs: () => number;
  /** Cut off: calls are refused at once, hints are lost. */
  unavailable: boolean;
  /** Cut off, but nobody tells: calls end at their deadline, unapplied, hints are lost. */
  silent: boolean;
  /** Chance that a call is applied, or not, as `lostAckApplies` says, and ends at its deadline. */
  lostAck: number;
  lostAckApplies: () => boolean;
  /** Chance that a hint is lost. */
  lostHint: number;
  /** More delay of hints, each drawn for itself: they overtake each other. */
  hintDelayMs: () => number;
  /** Chance that a hint brings the value before instead. */
  staleHint: number;
}

export function coordinationFaults(changes: Partial<CoordinationFaults> = {}): CoordinationFaults {
  return {
    delayMs: () => 0,
    answerDelayMs: () => 0,
    unavailable: false,
    silent: false,
    lostAck: 0,
    lostAckApplies: () => true,
    lostHint: 0,
    hintDelayMs: () => 0,
    staleHint: 0,
    ...changes,
  };
}

interface Watcher {
  readonly prefix: string;
  hint(key: string, bytes: Uint8Array | null, before: Uint8Array | null): void;
}

export class MemoryCoordination {
  /** The store is broken: a second `create` of a key may win. For the self-test to find. */
  doubleWin = false;
  private readonly entries = new Map<string, CoordinationEntry>();
  private readonly watchers = new Set<Watcher>();
  private revision = 0;

  connect(env: Pick<Env, 'setTimer' | 'random'>, faults: CoordinationFaults = coordinationFaults()): Coordination {
    return new Connection(this, env, faults);
  }

  /** Restarted empty. */
  wipe(): void {
    this.entries.clear();
    this.revision = 0;
  }

  read(key: string): CoordinationEntry | null {
    const entry = this.entries.get(key);
    return entry === undefined ? null : { bytes: entry.bytes.slice(), revision: entry.revision };
  }

  write(key: string, bytes: Uint8Array): void {
    const before = this.entries.get(key)?.bytes ?? null;
    this.entries.set(key, { bytes: bytes.slice(), revision: ++this.revision });
    for (const watcher of this.watchers) if (key.startsWith(watcher.prefix)) watcher.hint(key, bytes.slice(), before);
  }

  make(key: string, bytes: Uint8Array): 'won' | 'lost' {
    if (this.entries.has(key) && !this.doubleWin) return 'lost';
    this.write(key, bytes);
    return 'won';
  }

  list(prefix: string): string[] {
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix));
  }

  listen(watcher: Watcher): () => void {
    this.watchers.add(watcher);
    for (const key of this.list(watcher.prefix)) watcher.hint(key, this.read(key)?.bytes ?? null, null);
    return () => this.watchers.delete(watcher);
  }
}

class Connection implements Coordination {
  private readonly store: MemoryCoordination;
  private readonly env: Pick<Env, 'setTimer' | 'random'>;
  private readonly faults: CoordinationFaults;
  private readonly stops = new Set<() => void>();
  private closed = false;

  constructor(store: MemoryCoordination, env: Pick<Env, 'setTimer' | 'random'>, faults: CoordinationFaults) {
    this.store = store;
    this.env = env;
    this.faults = faults;
  }

  create(key: string, bytes: Uint8Array): Promise<'won' | 'lost'> {
    checkKey(key);
    const copy = bytes.slice();
    return this.call(() => this.store.make(key, copy));
  }

  get(key: string): Promise<CoordinationEntry | null> {
    checkKey(key);
    return this.call(() => this.store.read(key));
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    const copy = bytes.slice();
    return this.call(() => this.store.write(key, copy));
  }

  keys(prefix: string): Promise<string[]> {
    return this.call(() => this.store.list(prefix));
  }

  watch(prefix: string, onChange: (key: string, bytes: Uint8Array | null) => void): () => void {
    const { faults, env } = this;
    let on = true;
    const hint: Watcher['hint'] = (key, bytes, before) => {
      if (this.isCut() || env.random() < faults.lostHint) return;
      const shown = before !== null && env.random() < faults.staleHint ? before : bytes;
      env.setTimer(() => {
        if (on && !this.isCut()) onChange(key, shown);
      }, faults.delayMs() + faults.hintDelayMs());
    };
    const forget = this.store.listen({ prefix, hint });
    const stop = (): void => {
      on = false;
      forget();
      this.stops.delete(stop);
    };
    this.stops.add(stop);
    return stop;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const stop of [...this.stops]) stop();
  }

  private isCut(): boolean {
    return this.closed || this.faults.unavailable || this.faults.silent;
  }

  private async call<T>(apply: () => T): Promise<T> {
    const { faults } = this;
    if (this.closed) throw new CoordinationError('closed', 'the connection is closed');
    if (faults.unavailable) throw new CoordinationError('unavailable', 'a planned fault');
    const loses = this.env.random() < faults.lostAck;
    const applies = loses ? faults.lostAckApplies() : true;
    await this.wait(faults.delayMs());
    const reached = !this.isCut();
    const value = reached && applies ? { is: apply() } : null;
    await this.wait(faults.delayMs() + faults.answerDelayMs());
    if (value !== null && !loses && !this.isCut()) return value.is;
    await this.wait(COORDINATION_DEADLINE_MS);
    throw new CoordinationError('unknown', 'a planned fault: no answer');
  }

  /** By a timer for no delay at all, too: an answer never comes within the call. */
  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.env.setTimer(resolve, ms);
    });
  }
}

function checkKey(key: string): void {
  if (!COORDINATION_KEY.test(key)) throw new Error(`not a key: ${key}`);
}
