// The door of the cluster's drivers in memory, for one process with several nodes, tests and the simulation.
export { type CoordinationFaults, coordinationFaults, MemoryCoordination } from './coordination.ts';
