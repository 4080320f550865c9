// Sentences of the terminal chat: about changes of a chat, times, the connection, errors. Pure.
import { type ClientState, ParleyError, type Presence } from '../client/index.ts';
import { type Change, ROLE, TYPE } from '../protocol/index.ts';

/** How the user's own clock says a time. Given in, so that nothing here depends on a zone. */
export interface Clock {
  now(): number;
  /** 13:02 */
  time(at: number): string;
  /** Sun 22 Nov 2026 */
  day(at: number): string;
}

export function localClock(now: () => number): Clock {
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
  return { now, time: (at) => time.format(at), day: (at) => day.format(at).replace(',', '') };
}

/** alice, bob and carol */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export function changeWords(by: string, change: Change, me: string): string {
  const name = (user: string): string => (user === me ? 'you' : user);
  const who = name(by);
  switch (change.type) {
    case TYPE.created: {
      const others = change.members.map(([user]) => user).filter((user) => user !== by);
      if (change.kind === 0) return `${who} began this chat`;
      return `${who} created “${change.title}” with ${listed(others.map(name))}`;
    }
    case TYPE.added:
      return `${who} added ${listed(change.users.map(name))}`;
    case TYPE.removed:
      return `${who} removed ${listed(change.users.map(name))}`;
    case TYPE.left:
      return `${who} left`;
    case TYPE.role: {
      const role = change.role === ROLE.owner ? 'owner' : change.role === ROLE.admin ? 'admin' : 'member';
      const many = change.users.length > 1;
      return `${who} made ${listed(change.users.map(name))} ${role === 'member' ? 'member' : role}${many ? 's' : ''}`;
    }
    case TYPE.renamed:
      return `${who} renamed the group to “${change.title}”`;
  }
}

export function presenceWords(presence: Presence | undefined, clock: Clock): string {
  if (presence === undefined) return '';
  if (presence.online) return 'online';
  const { lastSeen } = presence;
  if (lastSeen === null) return 'offline';
  const today = clock.day(lastSeen) === clock.day(clock.now());
  return `last seen ${today ? 'today' : clock.day(lastSeen)} ${clock.time(lastSeen)}`;
}

const STOPPED: Readonly<Record<string, string>> = {
  displaced: 'another terminal signed in as this device',
  revoked: 'this device was removed',
  unauthenticated: 'the token was refused',
  tooMany: 'too many devices or connections of this user; /devices in another terminal shows them',
  too_many_devices: 'this user has as many devices as it may',
  unsupportedVersion: 'the server does not speak this version',
  wrong_store: 'the data directory holds the outbox of another user or device',
  store_failed: 'the outbox cannot be written',
};

export function stoppedWords(reason: string): string {
  return `${STOPPED[reason] ?? 'the server sent us away'} (${reason})`;
}

export function connectionWords(state: ClientState, retryAt: number, now: number): string {
  switch (state.is) {
    case 'connecting':
      return 'connecting…';
    case 'online':
      return 'online';
    case 'reconnecting': {
      const seconds = Math.ceil((retryAt - now) / 1_000);
      return seconds > 0 ? `reconnecting in ${seconds} s…` : 'reconnecting…';
    }
    case 'stopped':
      return state.reason === 'closed' ? 'closed' : `stopped: ${stoppedWords(state.reason)}`;
  }
}

/** A sentence with the closed code in brackets. */
export function errorWords(error: unknown): string {
  if (error instanceof ParleyError) {
    const about = error.message.startsWith(`${error.code}: `)
      ? error.message.slice(error.code.length + 2)
      : error.message;
    return `${about.replace(/\.$/, '')} (${error.code})`;
  }
  return error instanceof Error ? error.message : String(error);
}

export function typingWords(users: readonly string[]): string {
  if (users.length === 0) return '';
  if (users.length > 3) return `${users.length} people are typing…`;
  return `${listed(users)} ${users.length === 1 ? 'is' : 'are'} typing…`;
}

export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
