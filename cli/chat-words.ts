// Sentences of the terminal chat: about changes of a chat, times, the connection, errors. Pure.
import type { ClientState, Presence } from '../client/index.ts';
import { changeWords as changed } from '../client/view/index.ts';
import type { Change } from '../protocol/index.ts';

export { counted, errorWords, typingWords } from '../client/view/index.ts';

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

/** Stands in a line of its own kind, so it begins small. */
export const changeWords = (by: string, change: Change, me: string): string =>
  changed(by === me ? 'you' : by, by, change, me, (title, others) => `created “${title}” with ${others}`);

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
