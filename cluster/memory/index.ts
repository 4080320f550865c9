// The door of cluster/memory/: what a cluster needs from outside, in one process, for `dev`, tests and the simulation.
export { createMemoryPresence, type MemoryPresence, type MemoryPresenceOptions } from './presence.ts';
