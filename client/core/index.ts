// The door of the core: the client without a platform. Runs wherever there is JavaScript, given an env, a transport and a store.
export type { ChatInfo, History, HistoryOptions, Member, RoleName } from './chat.ts';
export { Chat } from './chat.ts';
export type { ChatSummary, Device } from './client.ts';
export { createClient, ParleyClient } from './client.ts';
export type { Off } from './emitter.ts';
export type { ClientOptions, CoreOptions } from './engine.ts';
export { ChatEntry } from './entry.ts';
export type { ClientEnv, Socket, SocketEvents, Timer, Transport } from './env.ts';
export { ParleyError, type ParleyErrorCode } from './errors.ts';
export type { ClientEvents, Presence, Resumed } from './events.ts';
export type { Gap } from './lane.ts';
export type { UrlRequest } from './link.ts';
export type { ClientState } from './link-state.ts';
export { OUTBOX_LIMITS, type OutboxLimits } from './outbox-state.ts';
export type { MessageStatus, OutgoingMessage, Sent } from './outgoing.ts';
export type { TypingEvent } from './presence.ts';
export type { Counts, Receipt } from './receipts.ts';
export type { MessagesOptions } from './receiver.ts';
export type { AskOptions } from './requests.ts';
export type { Draft } from './sender.ts';
export {
  applyChange,
  changesOf,
  copyOf,
  emptyStored,
  memoryStore,
  type OutboxStore,
  type StoreChange,
  type Stored,
  type StoredMessage,
} from './store.ts';
export type { GetToken, TokenRequest } from './token.ts';
