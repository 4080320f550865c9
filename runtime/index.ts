// The door of runtime/: the actor kernel, usable alone. docs/runtime.md teaches it.
export * from './env.ts';
export * from './kind.ts';
export * from './service-kind.ts';
