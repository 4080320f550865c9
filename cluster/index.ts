// The door of cluster/: who is in it, who owns what, and mail between nodes. Drivers have doors of their own, for app/ and tests only.
export type { Carrier } from './carrier.ts';
export * from './coordination.ts';
export { LINK_LIMITS, type LinkLimits } from './link-limits.ts';
export { BATCH_MAILS_BOUNDS, type LinkStats, type PeerStats } from './link-stats.ts';
export { WIRE_VERSIONS } from './link-wire.ts';
export type { BrokenReason, Links, LinksOptions } from './links.ts';
export type { LiveRecord, LiveState } from './live.ts';
export { Member, type MemberOptions, startMember } from './member.ts';
export type { Membership, MembershipEvents } from './membership.ts';
export { HEARTBEAT_MS, LEASE_MS, SILENCE_MS } from './membership-limits.ts';
export * from './node-id.ts';
export { NodeLinks } from './node-links.ts';
export type { Placement } from './placement.ts';
export {
  decodeRing,
  encodeRing,
  type Move,
  memberOf,
  ownerOf,
  RING_SHARDS,
  type Ring,
  type RingMember,
  shardsOf,
} from './ring.ts';
export { type NextRingOptions, nextRing, PLANNED_MOVES_MAX } from './ring-plan.ts';
export { ClusterRouter } from './router.ts';
export { RouterCounters, type RouterStats } from './router-stats.ts';
export { type SelfTestOptions, type SelfTestResult, selfTest } from './self-test.ts';
export { Shards } from './shards.ts';
export type { FenceRow, ShardCounts, ShardsOptions } from './shards-options.ts';
