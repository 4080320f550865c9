// Online, offline, last seen: a user's session knows, and tells the sessions that watch, as far as privacy allows.
// Watches are renewed and expire: whoever forgets one, here or there, is right again within one renewal.
import { directChatId, encodeFrame, LIMITS, OP } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import type { PresenceMail, WatchedMail, WatchMail } from './mail.ts';
import { encodeUser, type UserRow } from './rows.ts';
import { pushFrames } from './session-push.ts';
import {
  nextStamp,
  PRESENCE_MS,
  PRESSED_RENEW_MS,
  type SessionState,
  WATCH_RENEW_MS,
  WATCH_TTL_MS,
  WATCHERS_MAX,
  wait,
} from './session-state.ts';
import { TICK } from './ticks.ts';

export const PRIVACY = { everyone: 0, contacts: 1, nobody: 2 } as const;

export const isOnline = (s: SessionState): boolean => s.devices.some((d) => d.conn !== null);
export const rowOf = (s: SessionState): UserRow =>
  (s.row ??= { presence: PRIVACY.everyone, lastSeen: null, blocked: [] });

/** Coalesced: the last value counts, so that a short reconnect is not seen at all. */
export function presenceChanged(ctx: Ctx, s: SessionState): void {
  if (s.timerPresence === 0) s.timerPresence = ctx.after(PRESENCE_MS, TICK.presence);
}

export function onPresenceTick(ctx: Ctx, s: SessionState): void {
  s.timerPresence = 0;
  // Shed, not forgotten: told when there is time for it.
  if (s.deps.pressure.level > 0) return presenceChanged(ctx, s);
  const online = isOnline(s);
  if (online === s.shownOnline) return;
  // Under pressure nobody is told; the last value is, once it is over.
  if (s.deps.pressure.level >= 1 && s.watchers) return presenceChanged(ctx, s);
  s.shownOnline = online;
  if (!online) {
    rowOf(s).lastSeen = ctx.env.wallNow();
    saveUser(ctx, s, 0);
  }
  if (!s.watchers) return;
  const now = ctx.now();
  for (const [user, until] of s.watchers) {
    if (until < now) s.watchers.delete(user);
    else tellWatcher(ctx, s, user);
  }
}

/** False: the store takes nothing now. */
export function saveUser(ctx: Ctx, s: SessionState, token: number): boolean {
  const put = {
    t: 'put',
    table: 'user',
    partition: s.user,
    key: '',
    stamp: nextStamp(s),
    bytes: encodeUser(rowOf(s)),
  } as const;
  return ctx.tell(s.deps.writerFor(s.user), { t: 'write', token, partition: s.user, writes: [put] });
}

export function onWatched(ctx: Ctx, s: SessionState, mail: WatchedMail): Next {
  if (!mail.on) {
    s.watchers?.delete(mail.by);
    return CONTINUE;
  }
  const row = rowOf(s);
  if (row.blocked.includes(mail.by) || row.presence === PRIVACY.nobody) return hide(ctx, s, mail.by);
  if (row.presence === PRIVACY.contacts && mail.by !== s.user) return askContact(ctx, s, mail.by);
  admit(ctx, s, mail.by);
  return CONTINUE;
}

function hide(ctx: Ctx, s: SessionState, by: string): Next {
  ctx.hint('session', [by], { t: 'presence', user: s.user, online: false, lastSeen: null } satisfies PresenceMail);
  return CONTINUE;
}

/** A contact is who shares a direct chat. */
function askContact(ctx: Ctx, s: SessionState, by: string): Next {
  const token = wait(s, { for: 'contact', by });
  const op = { kind: 'row', table: 'userChat', partition: s.user, key: directChatId(s.user, by) } as const;
  if (!ctx.tell(s.deps.reader, { t: 'read', token, op })) s.waits?.delete(token);
  return CONTINUE;
}

export function onContact(ctx: Ctx, s: SessionState, by: string, found: boolean): void {
  if (found) admit(ctx, s, by);
  else hide(ctx, s, by);
}

function admit(ctx: Ctx, s: SessionState, by: string): void {
  s.watchers ??= new Map();
  // At the limit the newest watcher is not kept: it asks again at its next renewal.
  if (s.watchers.size < WATCHERS_MAX || s.watchers.has(by)) s.watchers.set(by, ctx.now() + WATCH_TTL_MS);
  tellWatcher(ctx, s, by);
}

function tellWatcher(ctx: Ctx, s: SessionState, by: string): void {
  // Who was told online hears of the end of it, however short it was.
  if (isOnline(s)) s.shownOnline = true;
  const online = s.shownOnline;
  const lastSeen = online ? null : (s.row?.lastSeen ?? null);
  ctx.hint('session', [by], { t: 'presence', user: s.user, online, lastSeen } satisfies PresenceMail);
}

/** Privacy or blocks became stricter: whoever may not watch any more learns nothing further. */
export function dropWatchers(ctx: Ctx, s: SessionState): void {
  if (!s.watchers) return;
  for (const by of s.watchers.keys()) hide(ctx, s, by);
  s.watchers = null;
}

export function onWatchUsers(ctx: Ctx, s: SessionState, mail: WatchMail): Next {
  s.watching ??= new Set();
  for (const user of mail.users) {
    if (!mail.on) s.watching.delete(user);
    else if (s.watching.size < LIMITS.watchedUsersMax) s.watching.add(user);
    // Under pressure nobody is asked now; the renewal does it when there is time.
    if (mail.on && s.deps.pressure.level > 0) continue;
    ctx.route('session', user, { t: 'watched', by: s.user, on: mail.on && s.watching.has(user) } satisfies WatchedMail);
  }
  armRenewal(ctx, s);
  return CONTINUE;
}

function armRenewal(ctx: Ctx, s: SessionState): void {
  if (!s.watching || s.watching.size === 0 || s.timerWatch !== 0) return;
  const delayMs = s.deps.pressure.level > 0 ? PRESSED_RENEW_MS : WATCH_RENEW_MS;
  s.timerWatch = ctx.after(delayMs, TICK.watch);
}

export function onWatchTick(ctx: Ctx, s: SessionState): void {
  s.timerWatch = 0;
  if (!s.watching) return;
  // Nobody is here to be told: the next sign-in asks anew.
  if (!isOnline(s)) {
    s.watching = null;
    return;
  }
  if (s.deps.pressure.level === 0)
    for (const user of s.watching)
      ctx.route('session', user, { t: 'watched', by: s.user, on: true } satisfies WatchedMail);
  armRenewal(ctx, s);
}

export function onPresence(ctx: Ctx, s: SessionState, mail: PresenceMail): Next {
  if (!s.watching?.has(mail.user)) return CONTINUE;
  const frame = encodeFrame({ op: OP.PRESENCE, user: mail.user, online: mail.online, lastSeen: mail.lastSeen });
  for (const d of s.devices) pushFrames(ctx, d, [frame]);
  return CONTINUE;
}
