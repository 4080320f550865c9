// The sentences of the page: changes of a chat, times, the connection, errors. Pure, but for the zone and language of the browser.
import { type Change, ROLE, TYPE } from '../../protocol/index.ts';
import { type ClientState, ParleyError, type Presence } from '../browser.ts';

/** alice, bob and carol */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'nobody') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

export function changeWords(by: string, change: Change, me: string): string {
  const name = (user: string): string => (user === me ? 'you' : user);
  const who = by === me ? 'You' : by;
  switch (change.type) {
    case TYPE.created: {
      const others = change.members.map(([user]) => user).filter((user) => user !== by);
      return change.kind === 0 ? `${who} began this chat` : `${who} made the group with ${listed(others.map(name))}`;
    }
    case TYPE.added:
      return `${who} added ${listed(change.users.map(name))}`;
    case TYPE.removed:
      return `${who} removed ${listed(change.users.map(name))}`;
    case TYPE.left:
      return `${who} left`;
    case TYPE.role: {
      const role = change.role === ROLE.owner ? 'owner' : change.role === ROLE.admin ? 'admin' : 'member';
      return `${who} made ${listed(change.users.map(name))} ${role}${change.users.length > 1 ? 's' : ''}`;
    }
    case TYPE.renamed:
      return `${who} renamed the group to “${change.title}”`;
  }
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayOfYear = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
});
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const DAY_MS = 86_400_000;

export const timeWords = (at: number): string => timeOfDay.format(at);

export function dayWords(at: number, now: number): string {
  const day = dayOfYear.format(at);
  if (day === dayOfYear.format(now)) return 'Today';
  return day === dayOfYear.format(now - DAY_MS) ? 'Yesterday' : day;
}

/** For the list: a time today, else a day. */
export const shortWords = (at: number, now: number): string =>
  dayWords(at, now) === 'Today' ? timeWords(at) : shortDay.format(at);

export function presenceWords(presence: Presence | undefined, now: number): string {
  if (presence === undefined) return '';
  if (presence.online) return 'online';
  const { lastSeen } = presence;
  if (lastSeen === null) return 'offline';
  const day = dayWords(lastSeen, now);
  return `last seen ${day === 'Today' ? 'today' : day === 'Yesterday' ? 'yesterday' : day} at ${timeWords(lastSeen)}`;
}

export function typingWords(users: readonly string[], isGroup: boolean): string {
  if (users.length === 0) return '';
  if (!isGroup) return 'typing…';
  if (users.length > 3) return `${users.length} people are typing…`;
  return `${listed(users)} ${users.length === 1 ? 'is' : 'are'} typing…`;
}

const STOPPED: Readonly<Record<string, string>> = {
  displaced: 'Another tab took over this device.',
  revoked: 'This device was removed.',
  unauthenticated: 'The server refused the token.',
  tooMany: 'This user has too many devices or connections.',
  too_many_devices: 'This user has as many devices as one may have.',
  unsupportedVersion: 'The server does not speak this version: reload the page.',
  wrong_store: 'What this browser kept belongs to another user or device.',
  store_failed: 'This browser does not let the page keep its outbox.',
};

const OFFLINE = 'Offline: what you write waits here until there is a network';

/** Empty when all is well. */
export function connectionWords(state: ClientState, retryAt: number, now: number, hasNetwork: boolean): string {
  switch (state.is) {
    case 'online':
      return hasNetwork ? '' : OFFLINE;
    case 'connecting':
      return 'Connecting…';
    case 'reconnecting': {
      if (!hasNetwork) return OFFLINE;
      const seconds = Math.ceil((retryAt - now) / 1_000);
      return seconds > 0 ? `Reconnecting in ${seconds} s…` : 'Reconnecting…';
    }
    case 'stopped':
      return state.reason === 'closed'
        ? 'Closed'
        : (STOPPED[state.reason] ?? `The server sent us away (${state.reason}).`);
  }
}

/** A sentence with the closed code in brackets. */
export function errorWords(error: unknown): string {
  if (!(error instanceof ParleyError)) return error instanceof Error ? error.message : String(error);
  const about = error.message.replace(`${error.code}: `, '').replace(/\.$/, '');
  return `${about} (${error.code})`;
}
