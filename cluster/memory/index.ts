// The door of the cluster's drivers in memory: a whole cluster in one process, for `dev --nodes`, tests and the simulation.
export { type CarrierFaults, MemoryHub, noFaults } from './carrier.ts';
export { type CoordinationFaults, coordinationFaults, MemoryCoordination } from './coordination.ts';
export { createMemoryPresence, type MemoryPresence, type MemoryPresenceOptions } from './presence.ts';
