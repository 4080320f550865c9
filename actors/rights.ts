// The rule table: what each role may do to a chat. One place, so that a test can walk every operation × every standing.
import { CHANGE, CHAT_KIND, type ErrorCode, ROLE } from '../protocol/index.ts';
import type { Members } from './members.ts';

/** Why not, or null when it is allowed. */
export function mayPost(members: Members, blockers: ReadonlySet<string>, user: string): ErrorCode | null {
  if (!members.isPresent(user)) return 'not_member';
  if (members.kind === CHAT_KIND.direct) for (const by of blockers) if (by !== user) return 'blocked';
  return null;
}

/** Reading is for those who ever were members; what they see is a matter of their spans. */
export function mayRead(members: Members, user: string): ErrorCode | null {
  return members.all.has(user) ? null : 'not_member';
}

export function mayChange(
  members: Members,
  user: string,
  change: number,
  users: readonly string[],
  role: number,
): ErrorCode | null {
  if (!members.isPresent(user)) return 'not_member';
  if (members.kind === CHAT_KIND.direct) return 'forbidden';
  const own = members.roleOf(user);
  switch (change) {
    case CHANGE.leave:
      return null;
    case CHANGE.rename:
    case CHANGE.add:
      return own >= ROLE.admin ? null : 'forbidden';
    case CHANGE.remove:
      // An admin removes members, an owner anyone; nobody is removed by an equal but the owner's fellow owners.
      if (own < ROLE.admin) return 'forbidden';
      return users.every((u) => own === ROLE.owner || members.roleOf(u) < own) ? null : 'forbidden';
    case CHANGE.role:
      if (own < ROLE.owner || role > ROLE.owner) return 'forbidden';
      return users.every((u) => members.isPresent(u)) ? null : 'not_member';
    default:
      return 'bad_argument';
  }
}
