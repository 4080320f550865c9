// The door of actors/: the kinds of cells that are the chat, what they are given, and the seams to the edge of a node.
export { chatKind } from './chat.ts';
export { sentOf } from './chat-entry.ts';
export { connectionKind } from './connection.ts';
export { type ActorDeps, type Counters, SHARDS, shardOf } from './deps.ts';
export type { LogEntry } from './mail.ts';
export { MAIL_SHAPES } from './mail-shapes.ts';
export * from './ports.ts';
export { type PresenceService, type PresenceServiceOptions, presenceService } from './presence-service.ts';
export type { PresenceCounts, PresenceLimits } from './presence-state.ts';
export { DEFAULT_RATES, type Rate, type RateConfig, RateLimiter } from './rates.ts';
export { sessionKind } from './session.ts';
export { verifierService } from './verifier.ts';
