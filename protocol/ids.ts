// Ids: their characters, their brands, and the chat ids that are computed rather than made up. The id of a direct chat follows
// from its two users, and that of a group from its creator and the creator's own id for it, so creating twice finds the first.
import { toBase64Url } from './base64.ts';
import { LIMITS } from './limits.ts';
import { sha256 } from './sha256.ts';
import { ID_CHARS } from './text.ts';

declare const brand: unique symbol;
export type UserId = string & { readonly [brand]?: 'user' };
export type ChatId = string & { readonly [brand]?: 'chat' };
export type DeviceId = string & { readonly [brand]?: 'device' };
export type MessageId = string & { readonly [brand]?: 'message' };

function isId(value: unknown, max: number): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > max) return false;
  for (let i = 0; i < value.length; i++) if (ID_CHARS[value.charCodeAt(i)] !== 1) return false;
  return true;
}

export const isUserId = (value: unknown): value is UserId => isId(value, LIMITS.userIdCharsMax);
export const isChatId = (value: unknown): value is ChatId => isId(value, LIMITS.chatIdCharsMax);
export const isDeviceId = (value: unknown): value is DeviceId => isId(value, LIMITS.deviceIdCharsMax);
export const isMessageId = (value: unknown): value is MessageId => isId(value, LIMITS.messageIdCharsMax);

/** 144 bits of SHA-256: 24 characters, no padding; by chance no two alike below 2^72 chats. A line feed is in no id. */
function digest(...parts: readonly string[]): string {
  const text = parts.join('\n');
  const bytes = new Uint8Array(text.length); // ids are ASCII
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return toBase64Url(sha256(bytes).subarray(0, 18));
}

/** The chat of two users (or of one with itself): `d.` and 24 characters, the same in either order. */
export function directChatId(one: string, other: string): ChatId {
  if (!isUserId(one) || !isUserId(other)) throw new TypeError('directChatId: not user ids');
  return `d.${one < other ? digest('direct', one, other) : digest('direct', other, one)}`;
}

/** The group that a user made under an id of its choice: `g.` and 24 characters. */
export function groupChatId(user: string, clientId: string): ChatId {
  if (!isUserId(user) || !isMessageId(clientId)) throw new TypeError('groupChatId: not a user id and a client id');
  return `g.${digest('group', user, clientId)}`;
}
