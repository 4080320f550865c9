// A service: a coarse asynchronous actor on nact, with the holes of nact 7.6.2 closed here, the only file that imports it.
// - nact's stop leaves children running: a service has no nact children of its own, supervisor.ts stops leaf first.
// - nact dispatches one mail in microseconds: letters gather in an inbox of ours, one dispatch hands over a batch of them.
// - nact's default `onCrash` prints the mail, and a throwing `onCrash` or `afterStop` ends the process: ours is wrapped and prints
//   no content, `afterStop` is not used.
// - `resetAll` can run two handlers of one actor at once: never used; a crashed actor is stopped, and a new one takes the inbox over.
// - anonymous names collide: every actor is named, with a number that is never given twice.
// nact calls the global setImmediate when it dispatches, so a simulation that replaces it owns the services too.
import { type ActorSystemRef, dispatch, type Ref as NactRef, stop as nactStop, spawn, start } from 'nact';
import type { Env } from './env.ts';
import type { Kernel } from './kernel.ts';
import type { ExitReason, Ref, Refusal } from './kind.ts';
import { Outlet, type OutletInfo } from './refs.ts';
import type { Letter, ServiceCtx, ServiceKind } from './service-kind.ts';

export type AnyServiceKind = ServiceKind<unknown, object>;

const SHUTDOWN_MS_DEFAULT = 5_000;
const REASON_CHARS_MAX = 200;
const WAKE = { t: 'wake' };

/** A place in nact's tree, for services and supervisors. */
export type NactParent = NactRef<never>;

const systems = new WeakMap<Kernel, ActorSystemRef>();
const systemsByEnv = new WeakMap<Env, ActorSystemRef[]>();
let names = 0;

/** nact names are unique among siblings, and of few characters. */
const freshName = (name: string): string => `${name.replace(/[^a-z0-9_.-]/gi, '_')}.${++names}`;

/** The nact system of a kernel; ends with it. */
export const systemOf = (kernel: Kernel): NactParent => {
  let system = systems.get(kernel);
  if (system === undefined) {
    // nact takes an object with a name, contrary to its types; without one it makes a random name.
    system = start({ name: freshName(kernel.node) } as unknown as string);
    const started = system;
    systems.set(kernel, started);
    systemsByEnv.set(kernel.env, [...(systemsByEnv.get(kernel.env) ?? []), started]);
    kernel.onClose(() => nactStop(started));
  }
  return system;
};

/**
 * nact holds every system by its name until it is stopped. A process that dies needs no such care; a simulation, whose processes die
 * and leave it alive, lets go of what a dead one's kernels had started, or it would hold all of their worlds for ever.
 */
export const abandonSystems = (env: Env): void => {
  for (const system of systemsByEnv.get(env) ?? []) nactStop(system);
  systemsByEnv.delete(env);
};

/** A nact actor that only holds others: a supervisor's place in the tree. Returns how to take it out. */
export const spawnBranch = (parent: NactParent, name: string): { ref: NactParent; remove(): void } => {
  const ref = spawn(parent, (state: null) => state, freshName(name), { onCrash: (_m, _e, ctx) => ctx.stop });
  return { ref: ref as unknown as NactParent, remove: () => nactStop(ref) };
};

/** Who is told that a service crashed, after its last word, and decides. */
export type OnCrash = (service: Service, reason: ExitReason) => void;

/** One life of a service: what its context is bound to, so that code of an earlier life can do no more harm. */
class Life implements ServiceCtx {
  readonly env: Env;
  readonly self: Service;
  readonly actor: NactRef<unknown>;
  state: unknown = undefined;
  started = false;
  /** Its last word is being waited for, or it is over. */
  ending = false;
  over = false;
  wakePending = false;
  busy = false;
  /** `onStop` under way; it is called once. */
  farewell: Promise<void> | null = null;
  private readonly kernel: Kernel;
  private readonly sleepers = new Set<() => void>();

  constructor(kernel: Kernel, service: Service, parent: NactParent) {
    this.env = kernel.env;
    this.kernel = kernel;
    this.self = service;
    this.actor = spawn(parent, () => service.work(this), freshName(service.key), {
      onCrash: (_mail, error, ctx) => {
        try {
          service.crashed(this, error);
        } catch {
          // Whatever goes wrong here, nact would end the process for it.
        }
        return ctx.stop;
      },
    });
  }

  get stopping(): boolean {
    return this.ending || this.self.isStopping;
  }

  reply(to: Ref, mail: object): void {
    if (!this.over) this.kernel.reply(to, mail, this.self);
  }

  route(kind: string, key: string, mail: object): void {
    if (this.over) return;
    const refusal = this.kernel.route(kind, key, mail, this.self);
    if (refusal !== null) this.kernel.deadLetter({ kind, key }, refusal, mail, this.self);
  }

  tell(service: Ref, mail: object): boolean {
    return !this.over && service instanceof Outlet && service.take(mail, this.self) === null;
  }

  setAccepting(on: boolean): void {
    if (!this.over) this.self.accepting = on;
  }

  sleep(ms: number): Promise<void> {
    if (this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.kernel.after(ms, () => wake());
      const wake = (): void => {
        this.sleepers.delete(wake);
        cancel();
        resolve();
      };
      this.sleepers.add(wake);
    });
  }

  wakeSleepers(): void {
    for (const wake of [...this.sleepers]) wake();
  }

  end(): void {
    this.over = true;
    nactStop(this.actor);
  }
}

export class Service extends Outlet {
  readonly kind: string;
  readonly key: string;
  readonly path: string;
  accepting = true;
  isStopping = false;
  private gone = false;
  private readonly kernel: Kernel;
  private readonly does: AnyServiceKind;
  private readonly onCrash: OnCrash;
  private life: Life | null = null;
  private inbox: Letter<object>[] = [];
  private inHand: readonly Letter<object>[] = [];
  private status: OutletInfo['status'] = 'stopped';
  private mails = 0;
  private batches = 0;
  private busyMs = 0;
  private starts = 0;
  private crashes = 0;
  private lastCrash: ExitReason | null = null;
  private whenStarted: ((failed: ExitReason | null) => void) | null = null;
  private whenIdle: (() => void) | null = null;
  private stopping: Promise<void> | null = null;

  constructor(kernel: Kernel, kind: AnyServiceKind, key: string, path: string, onCrash: OnCrash) {
    super();
    this.kernel = kernel;
    this.does = kind;
    this.kind = kind.name;
    this.key = key;
    this.path = path;
    this.onCrash = onCrash;
    kernel.attach(this);
  }

  get shutdownMs(): number {
    return this.does.shutdownMs ?? SHUTDOWN_MS_DEFAULT;
  }

  /** Starts a life. Resolves when `init` is done: null, or why it failed; then `onCrash` is called too. */
  start(parent: NactParent): Promise<ExitReason | null> {
    if (this.life !== null) return Promise.resolve(null);
    this.isStopping = false;
    this.accepting = true;
    this.status = 'starting';
    this.starts++;
    this.life = new Life(this.kernel, this, parent);
    return new Promise((resolve) => {
      this.whenStarted = resolve;
      this.wake();
    });
  }

  take(mail: object, from: Ref | null): Refusal | null {
    if (this.gone) return 'noproc';
    if (this.isStopping || !this.accepting) return 'busy';
    if (this.inbox.length >= this.does.inboxMailsMax) return 'mailboxFull';
    this.inbox.push({ from, mail });
    this.wake();
    return null;
  }

  info(): OutletInfo {
    const { kind, key, status, accepting, mails, batches, busyMs, starts, crashes, lastCrash, path } = this;
    return {
      kind,
      key,
      status,
      accepting,
      inbox: this.inbox.length,
      mails,
      batches,
      busyMs,
      starts,
      crashes,
      lastCrash,
      path,
    };
  }

  /** Takes no more, finishes what it took, says its last word; what is not done within `shutdownMs` is cut off and refused. */
  async stop(reason: ExitReason): Promise<void> {
    const life = this.life;
    if (this.stopping !== null) return this.stopping;
    if (life === null) return;
    this.isStopping = true;
    this.status = 'stopping';
    this.stopping = this.stopLife(life, reason);
    await this.stopping;
    this.stopping = null;
  }

  private async stopLife(life: Life, reason: ExitReason): Promise<void> {
    life.wakeSleepers();
    await this.within(async () => {
      if (life.busy || life.wakePending) await new Promise<void>((resolve) => (this.whenIdle = resolve));
      life.farewell ??= this.lastWord(life, reason);
      await life.farewell;
    });
    this.endLife(life, reason);
    this.status = 'stopped';
    this.started('shutdown');
    this.empty();
  }

  /** It will not be started again. */
  forget(): void {
    this.gone = true;
    this.status = 'stopped';
    this.empty();
    this.kernel.outletEnded(this, 'shutdown', true);
  }

  private empty(): void {
    const left = [...this.inHand, ...this.inbox];
    this.inHand = [];
    this.inbox = [];
    this.refuseAll(left, 'noproc');
  }

  /** nact's handler: one batch. What it throws comes back as `crashed`. */
  async work(life: Life): Promise<void> {
    if (life.ending || life.over) return;
    life.wakePending = false;
    life.busy = true;
    if (!life.started) {
      life.state = await this.does.init(life);
      if (life.over) return;
      life.started = true;
      if (!this.isStopping) this.status = 'live';
      this.started(null);
    }
    if (this.inbox.length > 0) await this.batch(life);
    if (life.ending || life.over) return;
    life.busy = false;
    this.wake();
    if (!life.wakePending) this.idle();
  }

  /** From nact's `onCrash`. */
  crashed(life: Life, error: unknown): void {
    if (life.over || life.ending) return;
    const message = error instanceof Error ? error.message : String(error);
    const reason: ExitReason = `crash: ${message.slice(0, REASON_CHARS_MAX)}`;
    life.ending = true;
    life.busy = false;
    this.crashes++;
    this.lastCrash = reason;
    const inHand = this.inHand;
    this.inHand = [];
    try {
      this.kernel.env.log.error({ kind: this.kind, key: this.key, reason }, 'service crashed');
    } finally {
      this.refuseAll(inHand, 'crashed');
      if (this.isStopping) this.idle();
      else void this.mourn(life, reason);
    }
  }

  private async mourn(life: Life, reason: ExitReason): Promise<void> {
    this.status = 'crashed';
    life.wakeSleepers();
    life.farewell = this.lastWord(life, reason);
    await this.within(() => life.farewell ?? Promise.resolve());
    if (this.isStopping || life.over) return;
    this.endLife(life, reason);
    this.started(reason);
    this.onCrash(this, reason);
  }

  private async batch(life: Life): Promise<void> {
    const batch = this.inbox.slice(0, this.does.batchMailsMax);
    this.inbox = this.inbox.slice(batch.length);
    this.inHand = batch;
    const before = this.kernel.env.now();
    await this.does.receive(life, life.state, batch);
    if (life.over || life.ending) return;
    this.busyMs += this.kernel.env.now() - before;
    this.mails += batch.length;
    this.batches++;
    this.inHand = [];
  }

  private wake(): void {
    const life = this.life;
    if (life === null || life.busy || life.wakePending || life.ending) return;
    if (life.started && this.inbox.length === 0) return;
    life.wakePending = true;
    dispatch(life.actor, WAKE);
  }

  private async lastWord(life: Life, reason: ExitReason): Promise<void> {
    if (!life.started || this.does.onStop === undefined) return;
    try {
      await this.does.onStop(life, life.state, reason);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log('onStop threw', message.slice(0, REASON_CHARS_MAX));
    }
  }

  /** Runs `what`, but no longer than the shutdown limit. */
  private within(what: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.kernel.after(this.shutdownMs, () => {
        this.log('service cut off', `not done after ${this.shutdownMs} ms`);
        resolve();
      });
      void what().then(() => {
        cancel();
        resolve();
      });
    });
  }

  private endLife(life: Life, reason: ExitReason): void {
    if (life.over) return;
    life.ending = true;
    life.end();
    if (this.life === life) this.life = null;
    this.kernel.outletEnded(this, reason, false);
  }

  private started(failed: ExitReason | null): void {
    this.whenStarted?.(failed);
    this.whenStarted = null;
  }

  private idle(): void {
    this.whenIdle?.();
    this.whenIdle = null;
  }

  private refuseAll(letters: readonly Letter<object>[], reason: Refusal): void {
    for (const letter of letters) this.kernel.refuse(this, letter.mail, letter.from, reason);
  }

  private log(message: string, reason: string): void {
    try {
      this.kernel.env.log.warn({ kind: this.kind, key: this.key, reason }, message);
    } catch {
      // A broken log must not keep a service from stopping.
    }
  }
}
