// How the rest of the program starts services: a whole tree from data, or one service under a supervisor of its own.
// What is started here stops with the kernel, in reverse order.
import type { Kernel } from './kernel.ts';
import type { ExitReason, Ref } from './kind.ts';
import type { OutletInfo } from './refs.ts';
import type { Service } from './service.ts';
import { systemOf } from './service.ts';
import type { ServiceKind } from './service-kind.ts';
import { Supervisor, type SupervisorSpec, serviceSpec, type TreeNode } from './supervisor.ts';

export interface SupervisorOptions {
  /** The tree crashed too often and is stopped: the program should end, or start it anew. Default: it is logged. */
  readonly onEscalate?: (reason: ExitReason) => void;
}

export interface ServiceOptions extends SupervisorOptions {
  /** Its key; default the kind's name. */
  readonly name?: string;
  readonly restart?: 'permanent' | 'transient' | 'temporary';
  /** Default 3 restarts in 5,000 ms. */
  readonly intensity?: { readonly restartsMax: number; readonly windowMs: number };
}

export interface ServiceHandle {
  /** Valid before `ready`: mail waits in the inbox. */
  readonly ref: Ref;
  /** Resolves when `init` is done; rejects when it crashed too often. */
  readonly ready: Promise<void>;
  stop(reason?: ExitReason): Promise<void>;
  info(): OutletInfo;
}

export interface SupervisorHandle {
  /** Resolves when all children are started, in order. */
  readonly ready: Promise<void>;
  /** The service of that name anywhere in the tree, before it is started too. Throws when there is none. */
  ref(name: string): Ref;
  tree(): TreeNode;
  /** Adds a service to the end of the root's children. */
  startService<S, M extends object>(
    kind: ServiceKind<S, M>,
    options?: Pick<ServiceOptions, 'name' | 'restart'>,
  ): ServiceHandle;
  stop(reason?: ExitReason): Promise<void>;
}

export const startSupervisor = (
  kernel: Kernel,
  spec: SupervisorSpec,
  options: SupervisorOptions = {},
): SupervisorHandle => {
  const onEscalate = (_: Supervisor, reason: ExitReason): void => {
    finish();
    if (options.onEscalate !== undefined) options.onEscalate(reason);
    else kernel.env.log.error({ supervisor: spec.name, reason }, 'supervision tree gave up');
  };
  const supervisor = new Supervisor(kernel, spec, '', onEscalate);
  const finish = (): void => {
    supervisor.forget();
    kernel.removeRoot(root);
  };
  const stop = async (reason: ExitReason = 'shutdown'): Promise<void> => {
    await supervisor.stop(reason);
    finish();
  };
  const root = { stop };
  kernel.addRoot(root);
  return {
    ready: quiet(supervisor.start(systemOf(kernel)).then(() => mustBeLive(supervisor.status, spec.name))),
    ref: (name) => {
      const found = supervisor.find(name);
      if (found === null) throw new Error(`no service ${name} under ${spec.name}`);
      return found;
    },
    tree: () => supervisor.tree(),
    startService: (kind, childOptions = {}) => {
      const { node, ready } = supervisor.add(serviceSpec(kind, childOptions));
      const service = node as Service;
      return {
        ref: service,
        ready: quiet(ready.then(() => mustBeLive(service.info().status, kind.name))),
        stop: (reason = 'shutdown') => supervisor.remove(service, reason),
        info: () => service.info(),
      };
    },
    stop,
  };
};

/** One service under a supervisor of its own: restarted at most `intensity` often. */
export const startService = <S, M extends object>(
  kernel: Kernel,
  kind: ServiceKind<S, M>,
  options: ServiceOptions = {},
): ServiceHandle => {
  const { intensity, onEscalate, ...childOptions } = options;
  const name = options.name ?? kind.name;
  const tree = startSupervisor(
    kernel,
    {
      name: `${name}-supervisor`,
      strategy: 'one_for_one',
      ...(intensity === undefined ? {} : { intensity }),
      children: [serviceSpec(kind, childOptions)],
    },
    onEscalate === undefined ? {} : { onEscalate },
  );
  const service = tree.ref(name) as Service;
  return { ref: service, ready: tree.ready, stop: tree.stop, info: () => service.info() };
};

const mustBeLive = (status: string, name: string): void => {
  if (status !== 'live') throw new Error(`${name} did not start: ${status}`);
};

/** A rejection that nobody waits for must not end the process; it was logged. */
const quiet = (promise: Promise<void>): Promise<void> => {
  promise.catch(() => {});
  return promise;
};
