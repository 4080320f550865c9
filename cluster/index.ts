// The door of cluster/: who owns what, and mail between nodes. The drivers (memory/, nats/, redis/) have doors of their own.

export type { Carrier } from './carrier.ts';
export { LINK_LIMITS, type LinkLimits } from './link-limits.ts';
export { BATCH_MAILS_BOUNDS, type LinkStats, type PeerStats } from './link-stats.ts';
export { WIRE_VERSIONS } from './link-wire.ts';
export type { BrokenReason, Links, LinksOptions } from './links.ts';
export * from './node-id.ts';
export { NodeLinks } from './node-links.ts';
export type { Placement } from './placement.ts';
export { ClusterRouter } from './router.ts';
export type { RouterStats } from './router-stats.ts';
