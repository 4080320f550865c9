// Online, offline, last seen: a user's session knows, and tells the sessions that watch, as far as privacy allows.
// Watches are renewed and expire: whoever forgets one, here or there, is right again within one renewal.
import { directChatId, encodeFrame, LIMITS, OP } from '../protocol/index.ts';
import { CONTINUE, type Ctx, ForeignRef, type Next, type Ref } from '../runtime/index.ts';
import type { PresenceMail, WatchedMail, WatchMail } from './mail.ts';
import type { LookMail, PresencesMail, SayMail } from './presence-service.ts';
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
  if (online === s.shownOnline) return sayPresence(ctx, s);
  // Under pressure nobody is told; the last value is, once it is over.
  if (s.deps.pressure.level >= 1 && s.watchers) return presenceChanged(ctx, s);
  s.shownOnline = online;
  if (!online) {
    rowOf(s).lastSeen = ctx.env.wallNow();
    saveUser(ctx, s, 0);
  }
  sayPresence(ctx, s);
  if (!s.watchers) return;
  const now = ctx.now();
  for (const [user, until] of s.watchers) {
    if (until < now) s.watchers.delete(user);
    else tellWatcher(ctx, s, user);
  }
}

/** To the presence service, if there is one; it knows itself whether that is news. */
export function sayPresence(ctx: Ctx, s: SessionState): void {
  if (s.deps.presence === null) return;
  const nodes = new Set<string>();
  for (const { conn } of s.devices) if (conn !== null) nodes.add(conn instanceof ForeignRef ? conn.node : '');
  const open = s.row === null || (s.row.presence === PRIVACY.everyone && s.row.blocked.length === 0);
  const lastSeen = s.row?.lastSeen ?? null;
  const say: SayMail = { t: 'say', user: s.user, online: nodes.size > 0, lastSeen, open, nodes: [...nodes] };
  if (!ctx.tell(s.deps.presence, say)) presenceChanged(ctx, s);
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
  if (isHidden(s, mail.by)) return hide(ctx, s, mail.by);
  if (mail.noted && !isOnline(s) && !s.shownOnline) {
    // They know, and need not keep this session here: the service tells them.
    s.watchers?.delete(mail.by);
    return CONTINUE;
  }
  if (rowOf(s).presence === PRIVACY.contacts && mail.by !== s.user) return askContact(ctx, s, mail.by);
  admit(ctx, s, mail.by);
  return CONTINUE;
}

function isHidden(s: SessionState, by: string): boolean {
  const { blocked, presence } = rowOf(s);
  return presence === PRIVACY.nobody || blocked.includes(by);
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
  // It may have been blocked while the store was asked.
  if (found && !isHidden(s, by)) admit(ctx, s, by);
  else hide(ctx, s, by);
}

function admit(ctx: Ctx, s: SessionState, by: string): void {
  // Woken only to say that nobody is here: the next who asks shall hear it from the service.
  if (!s.watchers?.size && !isOnline(s) && !s.shownOnline) sayPresence(ctx, s);
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
  const conn = ctx.sender;
  if (conn === null || !s.devices.some((d) => d.conn === conn)) return CONTINUE;
  const mine = watchedBy(s, conn);
  const off: string[] = [];
  const on: string[] = [];
  for (const user of mail.users) {
    if (!mail.on) mine.delete(user);
    else if (mine.size < LIMITS.watchedUsersMax) mine.add(user);
    if (mail.on && mine.has(user)) on.push(user);
    // Another device of this user may still watch.
    else if (!isWatched(s, user)) off.push(user);
  }
  if (mine.size === 0) s.watching?.delete(conn);
  if (off.length > 0) leaveUsers(ctx, s, off);
  // Under pressure nobody is asked now; the renewal does it when there is time.
  if (on.length > 0 && s.deps.pressure.level === 0) lookAt(ctx, s, on);
  armRenewal(ctx, s);
  return CONTINUE;
}

function watchedBy(s: SessionState, conn: Ref): Set<string> {
  s.watching ??= new Map();
  let mine = s.watching.get(conn);
  if (!mine) {
    forgetGone(s);
    mine = new Set();
    s.watching.set(conn, mine);
  }
  return mine;
}

function isWatched(s: SessionState, user: string): boolean {
  if (s.watching) for (const users of s.watching.values()) if (users.has(user)) return true;
  return false;
}

/** What a connection watched goes with it: so there are never more than a user may have devices. */
function forgetGone(s: SessionState): void {
  if (!s.watching) return;
  for (const conn of s.watching.keys()) if (!s.devices.some((d) => d.conn === conn)) s.watching.delete(conn);
}

/** The service answers for many at once, and for those who are away; where there is none, or it takes nothing, the sessions do. */
function lookAt(ctx: Ctx, s: SessionState, users: readonly string[]): void {
  const { presence } = s.deps;
  if (presence !== null && ctx.tell(presence, { t: 'look', by: s.user, users, on: true } satisfies LookMail)) return;
  askSessions(ctx, s, users);
}

export function askSessions(ctx: Ctx, s: SessionState, users: readonly string[]): void {
  for (const user of users)
    if (isWatched(s, user)) ctx.route('session', user, { t: 'watched', by: s.user, on: true } satisfies WatchedMail);
}

function leaveUsers(ctx: Ctx, s: SessionState, users: readonly string[]): void {
  const { presence } = s.deps;
  if (presence !== null) ctx.tell(presence, { t: 'look', by: s.user, users, on: false } satisfies LookMail);
  // Only who is awake has anything to forget.
  ctx.hint('session', users, { t: 'watched', by: s.user, on: false } satisfies WatchedMail);
}

export function onPresences(ctx: Ctx, s: SessionState, answer: PresencesMail): Next {
  const away: string[] = [];
  for (const { user, lastSeen } of answer.offline) {
    if (!isWatched(s, user)) continue;
    onPresence(ctx, s, { t: 'presence', user, online: false, lastSeen });
    away.push(user);
  }
  // What the service read may be old. A session that is awake knows better, and none is woken for it.
  if (away.length > 0)
    ctx.hint('session', away, { t: 'watched', by: s.user, on: true, noted: true } satisfies WatchedMail);
  askSessions(ctx, s, answer.ask);
  return CONTINUE;
}

function armRenewal(ctx: Ctx, s: SessionState): void {
  if (!s.watching || s.timerWatch !== 0) return;
  if (s.watching.size === 0) {
    s.watching = null;
    return;
  }
  const delayMs = s.deps.pressure.level > 0 ? PRESSED_RENEW_MS : WATCH_RENEW_MS;
  s.timerWatch = ctx.after(delayMs, TICK.watch);
}

export function onWatchTick(ctx: Ctx, s: SessionState): void {
  s.timerWatch = 0;
  if (!s.watching) return;
  forgetGone(s);
  if (s.deps.pressure.level === 0) {
    const all = new Set<string>();
    for (const users of s.watching.values()) for (const user of users) all.add(user);
    if (all.size > 0) lookAt(ctx, s, [...all]);
  }
  armRenewal(ctx, s);
}

export function onPresence(ctx: Ctx, s: SessionState, mail: PresenceMail): Next {
  if (!s.watching || !isWatched(s, mail.user)) return CONTINUE;
  const frame = encodeFrame({ op: OP.PRESENCE, user: mail.user, online: mail.online, lastSeen: mail.lastSeen });
  for (const d of s.devices) if (d.conn !== null && s.watching.get(d.conn)?.has(mail.user)) pushFrames(ctx, d, [frame]);
  return CONTINUE;
}
