// Sentences that a terminal and a page say alike. Pure.
import { type Change, ROLE, TYPE } from '../../protocol/index.ts';
import { ParleyError } from '../core/index.ts';

/** alice, bob and carol */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'nobody') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** `who` begins the sentence. `group`: how a new group is told of, with these members. */
export function changeWords(
  who: string,
  by: string,
  change: Change,
  me: string,
  group: (title: string, others: string) => string,
): string {
  const names = (users: readonly string[]): string => listed(users.map((user) => (user === me ? 'you' : user)));
  switch (change.type) {
    case TYPE.created: {
      const others = change.members.map(([user]) => user).filter((user) => user !== by);
      return `${who} ${change.kind === 0 ? 'began this chat' : group(change.title, names(others))}`;
    }
    case TYPE.added:
      return `${who} added ${names(change.users)}`;
    case TYPE.removed:
      return `${who} removed ${names(change.users)}`;
    case TYPE.left:
      return `${who} left`;
    case TYPE.role: {
      const role = change.role === ROLE.owner ? 'owner' : change.role === ROLE.admin ? 'admin' : 'member';
      return `${who} made ${names(change.users)} ${role}${change.users.length > 1 ? 's' : ''}`;
    }
    case TYPE.renamed:
      return `${who} renamed the group to “${change.title}”`;
  }
}

/** Of several who may type at once. */
export function typingWords(users: readonly string[]): string {
  if (users.length === 0) return '';
  if (users.length > 3) return `${users.length} people are typing…`;
  return `${listed(users)} ${users.length === 1 ? 'is' : 'are'} typing…`;
}

/** A sentence with the closed code in brackets. */
export function errorWords(error: unknown): string {
  if (!(error instanceof ParleyError)) return error instanceof Error ? error.message : String(error);
  const about = error.message.replace(`${error.code}: `, '').replace(/\.$/, '');
  return `${about} (${error.code})`;
}
