// The bodies of the entries that the server writes itself (types 16 to 21): a MessagePack map with the keys given here. A reader
// skips keys it does not know, so that bodies may grow.

import { isUserId } from './ids.ts';
import { CHAT_KIND, ROLE, TYPE } from './kinds.ts';
import { LIMITS } from './limits.ts';
import { bad, type MsgValue, Reader, tooLarge } from './msgpack-reader.ts';
import { Writer } from './msgpack-writer.ts';

type Users = readonly string[];
export type Change =
  | {
      readonly type: typeof TYPE.created;
      readonly kind: number;
      readonly title: string;
      /** User and role; with the creator. */
      readonly members: readonly (readonly [user: string, role: number])[];
    }
  | { readonly type: typeof TYPE.added; readonly users: Users }
  | { readonly type: typeof TYPE.removed; readonly users: Users }
  | { readonly type: typeof TYPE.left }
  | { readonly type: typeof TYPE.role; readonly users: Users; readonly role: number }
  | { readonly type: typeof TYPE.renamed; readonly title: string };

const writer = new Writer();
const reader = new Reader();

/** The body of the entry. Throws `ProtocolError` for what `decodeChange` would refuse. */
export function encodeChange(change: Change): Uint8Array {
  const map = new Map<string, MsgValue>();
  if (change.type === TYPE.created) {
    map.set('kind', change.kind).set('title', change.title);
    map.set(
      'members',
      change.members.map(([user, role]) => [user, role]),
    );
  }
  if (change.type === TYPE.added || change.type === TYPE.removed || change.type === TYPE.role)
    map.set('users', [...change.users]);
  if (change.type === TYPE.role) map.set('role', change.role);
  if (change.type === TYPE.renamed) map.set('title', change.title);
  changeOf(change.type, map);
  const out = new Uint8Array(LIMITS.bodyBytesMax); // membership changes are rare; see limits.ts for why it is enough
  writer.start(out, 0);
  writer.value(map, 'body');
  return out.slice(0, writer.end());
}

/** What an entry of type 16 to 21 says. Throws `ProtocolError('bad_frame')` for other types too: skip what you do not know. */
export function decodeChange(type: number, body: Uint8Array): Change {
  reader.start(body);
  const map = reader.value(1, 'body');
  reader.finish();
  return changeOf(type, map instanceof Map ? map : bad('body', 'not a map'));
}

function changeOf(type: number, map: Map<string, MsgValue>): Change {
  switch (type) {
    case TYPE.created:
      return { type, kind: oneOf(map, 'kind', CHAT_KIND.group), title: titleOf(map), members: membersOf(map) };
    case TYPE.added:
    case TYPE.removed:
      return { type, users: usersOf(map) };
    case TYPE.left:
      return { type };
    case TYPE.role:
      return { type, users: usersOf(map), role: oneOf(map, 'role', ROLE.owner) };
    case TYPE.renamed:
      return { type, title: titleOf(map) };
    default:
      return bad('type', 'no change that is known');
  }
}

function oneOf(map: Map<string, MsgValue>, key: string, max: number): number {
  return checkUint(map.get(key), max, key);
}

function checkUint(value: MsgValue | undefined, max: number, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
    bad(what, `not from 0 to ${max}`);
  return value;
}

function titleOf(map: Map<string, MsgValue>): string {
  const title = map.get('title');
  if (typeof title !== 'string') bad('title', 'not a string');
  if (title.length > LIMITS.titleCharsMax) tooLarge('title', LIMITS.titleCharsMax);
  return title;
}

function listOf(map: Map<string, MsgValue>, key: string, max: number): MsgValue[] {
  const list = map.get(key);
  if (!Array.isArray(list)) bad(key, 'not a list');
  if (list.length > max) tooLarge(key, max);
  return list;
}

const userOf = (value: MsgValue | undefined): string => (isUserId(value) ? value : bad('user', 'not an id'));
const usersOf = (map: Map<string, MsgValue>): string[] =>
  listOf(map, 'users', LIMITS.membersPerChangeMax).map((user) => userOf(user));

function membersOf(map: Map<string, MsgValue>): (readonly [string, number])[] {
  return listOf(map, 'members', LIMITS.membersPerChangeMax + 1).map((member) => {
    if (!Array.isArray(member) || member.length !== 2) bad('members', 'not pairs of user and role');
    return [userOf(member[0]), checkUint(member[1], ROLE.owner, 'role')] as const;
  });
}
