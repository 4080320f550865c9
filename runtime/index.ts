// The door of runtime/: the actor kernel, usable alone. docs/runtime.md teaches it.

export { Address } from './address.ts';
export type { Trace, TraceWhat } from './core.ts';
export type { DeadLetterReport, DeadSample } from './dead-letters.ts';
export * from './env.ts';
export type { Foreign } from './foreign.ts';
export type { HostOptions } from './host.ts';
export type { CellInfo, CellStatus, KernelStats, KindStats, ParkedCell } from './introspection.ts';
export { createKernel, type Kernel } from './kernel.ts';
export { type KernelOptions, type Root, SpawnError, type SpawnErrorCode, type WaitingMail } from './kernel-options.ts';
export * from './kind.ts';
export { createRealEnv, silentLog } from './real-env.ts';
export { type Answer, ForeignRef, Outlet, type OutletInfo, OutsideRef, type Router } from './refs.ts';
export { RepeatedWarning } from './repeated-warning.ts';
export { abandonSystems } from './service.ts';
export * from './service-kind.ts';
export {
  type ServiceHandle,
  type ServiceOptions,
  type SupervisorHandle,
  type SupervisorOptions,
  startService,
  startSupervisor,
} from './service-tree.ts';
export {
  type ChildSpec,
  type ServiceSpec,
  type Strategy,
  type SupervisorSpec,
  serviceSpec,
  type TreeNode,
} from './supervisor.ts';
