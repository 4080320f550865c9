// Supervision trees for services, given as data. Start order is the order of the list, each child started when the one before is;
// stop order is the reverse, leaf first, each with its limit. Too many crashes in a window escalate to the supervisor above.
import type { Kernel } from './kernel.ts';
import type { ExitReason } from './kind.ts';
import { type AnyServiceKind, type NactParent, Service, spawnBranch } from './service.ts';
import type { ServiceKind } from './service-kind.ts';

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

export interface ServiceSpec {
  readonly service: AnyServiceKind;
  /** Its key, unique in the tree; default the kind's name. */
  readonly name?: string;
  /** Services never end by themselves, so `transient` is as `permanent`; a `temporary` one is not started again. Default permanent. */
  readonly restart?: 'permanent' | 'transient' | 'temporary';
}

export interface SupervisorSpec {
  readonly name: string;
  readonly strategy: Strategy;
  /** Default 3 in 5,000 ms. */
  readonly intensity?: { readonly restartsMax: number; readonly windowMs: number };
  readonly children: readonly ChildSpec[];
}

export type ChildSpec = ServiceSpec | SupervisorSpec;

/** A service of any state and mail, as a child spec. */
export const serviceSpec = <S, M extends object>(
  kind: ServiceKind<S, M>,
  options: Omit<ServiceSpec, 'service'> = {},
): ServiceSpec => ({ service: kind as unknown as AnyServiceKind, ...options });

/** The tree as it runs, for operators. */
export interface TreeNode {
  readonly name: string;
  readonly strategy: Strategy | null;
  readonly status: string;
  readonly children: readonly TreeNode[];
}

const RESTARTS_MAX_DEFAULT = 3;
const WINDOW_MS_DEFAULT = 5_000;

interface Child {
  readonly name: string;
  readonly temporary: boolean;
  readonly node: Service | Supervisor;
}

export class Supervisor {
  readonly path: string;
  status: 'starting' | 'live' | 'stopping' | 'stopped' = 'stopped';
  private readonly kernel: Kernel;
  private readonly spec: SupervisorSpec;
  private readonly children: Child[];
  private readonly onEscalate: (supervisor: Supervisor, reason: ExitReason) => void;
  private branch: { ref: NactParent; remove(): void } | null = null;
  private crashesAt: number[] = [];
  /** One decision at a time: a crash during a restart waits for its end. */
  private decisions: Promise<void> = Promise.resolve();

  constructor(
    kernel: Kernel,
    spec: SupervisorSpec,
    path: string,
    onEscalate: (supervisor: Supervisor, reason: ExitReason) => void,
  ) {
    this.kernel = kernel;
    this.spec = spec;
    this.path = path === '' ? spec.name : `${path}/${spec.name}`;
    this.onEscalate = onEscalate;
    this.children = spec.children.map((child) => this.makeChild(child));
  }

  /** Starts the children in order. A crash on the way is handled as any other. */
  async start(parent: NactParent): Promise<void> {
    if (this.status === 'starting' || this.status === 'live') return;
    this.status = 'starting';
    this.crashesAt = [];
    this.branch = spawnBranch(parent, this.spec.name);
    for (const child of this.children) {
      if (this.isEnding()) return;
      await this.startChild(child);
      await this.untilUp(child);
    }
    if (!this.isEnding()) this.status = 'live';
  }

  /** Stops the children in reverse, leaf first. */
  async stop(reason: ExitReason): Promise<void> {
    if (this.status === 'stopped') return;
    this.status = 'stopping';
    for (const child of [...this.children].reverse()) await child.node.stop(reason);
    this.branch?.remove();
    this.branch = null;
    this.status = 'stopped';
  }

  forget(): void {
    for (const child of this.children) child.node.forget();
  }

  find(name: string): Service | null {
    for (const { node } of this.children) {
      const found = node instanceof Supervisor ? node.find(name) : node.key === name ? node : null;
      if (found !== null) return found;
    }
    return null;
  }

  tree(): TreeNode {
    return {
      name: this.spec.name,
      strategy: this.spec.strategy,
      status: this.status,
      children: this.children.map(({ name, node }) =>
        node instanceof Supervisor ? node.tree() : { name, strategy: null, status: node.info().status, children: [] },
      ),
    };
  }

  /** Adds a child to the end and starts it. */
  add(spec: ChildSpec): { node: Service | Supervisor; ready: Promise<void> } {
    const child = this.makeChild(spec);
    this.children.push(child);
    return { node: child.node, ready: this.startChild(child) };
  }

  async remove(node: Service | Supervisor, reason: ExitReason): Promise<void> {
    await node.stop(reason);
    const at = this.children.findIndex((child) => child.node === node);
    if (at >= 0) this.children.splice(at, 1);
    node.forget();
  }

  private makeChild(spec: ChildSpec): Child {
    const onCrash = (node: Service | Supervisor, reason: ExitReason): void => this.decide(node, reason);
    if ('strategy' in spec) {
      const node = new Supervisor(this.kernel, spec, this.path, onCrash);
      return { name: spec.name, temporary: false, node };
    }
    const name = spec.name ?? spec.service.name;
    const node = new Service(this.kernel, spec.service, name, `${this.path}/${name}`, onCrash);
    return { name, temporary: spec.restart === 'temporary', node };
  }

  private async startChild(child: Child): Promise<void> {
    if (this.branch === null) return;
    await child.node.start(this.branch.ref);
  }

  /** A child that crashed as it started is being restarted; the next one waits for how that ends. */
  private async untilUp(child: Child): Promise<void> {
    let seen: Promise<void> | null = null;
    while (!isUp(child.node) && !this.isEnding() && this.children.includes(child) && seen !== this.decisions) {
      seen = this.decisions;
      await seen;
    }
  }

  private isEnding(): boolean {
    return this.status === 'stopping' || this.status === 'stopped';
  }

  private decide(node: Service | Supervisor, reason: ExitReason): void {
    this.decisions = this.decisions
      .then(() => this.crashed(node, reason))
      .catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.kernel.env.log.error({ supervisor: this.path, reason: message.slice(0, 200) }, 'supervisor failed');
      });
  }

  private async crashed(node: Service | Supervisor, reason: ExitReason): Promise<void> {
    const at = this.children.findIndex((child) => child.node === node);
    const child = this.children[at];
    if (child === undefined || this.isEnding() || !isDown(node)) return;
    if (child.temporary) {
      this.children.splice(at, 1);
      node.forget();
      return;
    }
    if (this.tooMany()) {
      await this.escalate(reason);
      return;
    }
    const first = this.spec.strategy === 'one_for_all' ? 0 : at;
    const last = this.spec.strategy === 'one_for_one' ? at + 1 : this.children.length;
    const affected = this.children.slice(first, last);
    for (const other of [...affected].reverse()) if (other !== child) await other.node.stop('shutdown');
    for (const each of affected) {
      if (this.isEnding()) return;
      await this.startChild(each);
    }
  }

  private tooMany(): boolean {
    const now = this.kernel.env.now();
    const windowMs = this.spec.intensity?.windowMs ?? WINDOW_MS_DEFAULT;
    this.crashesAt = this.crashesAt.filter((at) => now - at <= windowMs);
    this.crashesAt.push(now);
    return this.crashesAt.length > (this.spec.intensity?.restartsMax ?? RESTARTS_MAX_DEFAULT);
  }

  private async escalate(reason: ExitReason): Promise<void> {
    this.kernel.env.log.error({ supervisor: this.path, reason }, 'too many restarts');
    await this.stop('shutdown');
    this.onEscalate(this, reason);
  }
}

const isDown = (node: Service | Supervisor): boolean =>
  node instanceof Supervisor ? node.status === 'stopped' : node.info().status === 'crashed';

const isUp = (node: Service | Supervisor): boolean =>
  (node instanceof Supervisor ? node.status : node.info().status) === 'live';
