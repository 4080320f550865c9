// The door of cluster/: who is in it, and who owns what. Drivers have doors of their own, for app/ and tests only.
export * from './coordination.ts';
export type { LiveRecord, LiveState } from './live.ts';
export { Member, type MemberOptions, startMember } from './member.ts';
export type { Membership, MembershipEvents } from './membership.ts';
export { HEARTBEAT_MS, LEASE_MS, SILENCE_MS } from './membership-limits.ts';
export * from './node-id.ts';
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
export { type SelfTestOptions, type SelfTestResult, selfTest } from './self-test.ts';
