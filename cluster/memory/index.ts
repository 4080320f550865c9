// The door of the in-memory drivers: a whole cluster in one process, for tests, for the simulation and to try things out.

export { type CarrierFaults, MemoryHub, noFaults } from './carrier.ts';
