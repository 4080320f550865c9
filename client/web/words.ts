// The sentences of the page: changes of a chat, times, the connection, errors. Pure, but for the zone and language of the browser.
import type { Change } from '../../protocol/index.ts';
import type { ClientState, Presence } from '../browser.ts';
import { changeWords as changed, typingWords as severalType } from '../view/index.ts';

export { counted, errorWords, listed } from '../view/index.ts';

export const changeWords = (by: string, change: Change, me: string): string =>
  changed(by === me ? 'You' : by, by, change, me, (_title, others) => `made the group with ${others}`);

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
  return isGroup || users.length === 0 ? severalType(users) : 'typing…';
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
