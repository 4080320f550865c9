// The session cell: one a user, wherever that user's sockets are. It brings entries of chats to all devices, and answers for the user.
// A thin shell: the work stands in session-deliver, session-inbox, session-devices, session-presence and session-asks.

import { LIMITS } from '../protocol/index.ts';
import {
  type CallResult,
  CONTINUE,
  type Ctx,
  type Down,
  HIBERNATE,
  type Kind,
  type Next,
  type Ref,
  type Refused,
  type Stop,
} from '../runtime/index.ts';
import type { Entry, LoadedMail, OpenedLog, ReadResultMail, Row, WrittenMail } from '../storage/index.ts';
import type { ActorDeps } from './deps.ts';
import type { SessionMail, SessionTick } from './mail.ts';
import type { PresenceServiceMail, PresencesMail } from './presence-service.ts';
import { decodeDevice, decodeUser } from './rows.ts';
import {
  onBlockStored,
  onCounts,
  onListChats,
  onRead,
  onReceipt,
  onSetBlock,
  onSetPrivacy,
  onTypingState,
} from './session-asks.ts';
import { onFlush } from './session-cursors.ts';
import { onAck, onDeliver, onNudge } from './session-deliver.ts';
import { gone, onAttach, onDetach, onGreetPage, onListDevices, onRemoveDevice, onRemoved } from './session-devices.ts';
import { evict, evicted, onEvict } from './session-evict.ts';
import { feed, onPage } from './session-feed.ts';
import { onAppended, onMoment } from './session-inbox.ts';
import {
  askSessions,
  isOnline,
  onContact,
  onPresence,
  onPresences,
  onPresenceTick,
  onWatched,
  onWatchTick,
  onWatchUsers,
  presenceChanged,
} from './session-presence.ts';
import {
  cursorOf,
  IDLE_MS,
  newDevice,
  newSession,
  PRESSED_IDLE_MS,
  type SessionState,
  viewOf,
  type Wait,
  withDevice,
} from './session-state.ts';
import { TICK } from './ticks.ts';

export const LOAD_RETRY_MS = 500;
export const LOAD_PATIENCE_MS = 5_000;

/** The shard is another node's now; connections find the session there. */
const LOST: Stop = { reason: 'shutdown' };

export function sessionKind(deps: ActorDeps): Kind<SessionState, SessionMail> {
  return {
    name: 'session',
    restart: 'transient',
    activate: 'mail',
    init(ctx, key) {
      const s = newSession(deps, key, ctx.now());
      ctx.hold();
      load(ctx, s);
      return s;
    },
    receive(ctx, s, mail) {
      if (mail.t === 'tick') return onTick(ctx, s, mail);
      if (s.phase !== 'open') return refuseBroken(ctx, mail);
      const next = onMail(ctx, s, mail);
      if (s.timerIdle === 0 && !isOnline(s)) s.timerIdle = ctx.after(idleMs(s), TICK.idle);
      return next;
    },
    onReply(ctx, s, reply) {
      const r = reply as WrittenMail | ReadResultMail | LoadedMail | CallResult | PresencesMail;
      // After the write, and before a chat hears `settled` or a device hears anything.
      if (!s.deps.holds(s.shard, s.fence)) return LOST;
      if (r.t === 'presences') return onPresences(ctx, s, r);
      if (r.t === 'written') onResults(ctx, s, r);
      else if (r.t === 'callResult') onWait(ctx, s, r.token, r.ok, r.value);
      else if (r.t === 'loaded' && r.token === 0) onLoaded(ctx, s, r);
      else if (r.t === 'loaded') onWait(ctx, s, r.token, r.ok, r.values[0]);
      else onWait(ctx, s, r.token, r.ok, r.value);
      return CONTINUE;
    },
    onDown,
    onRefused,
    onSeal(ctx, s) {
      if (s.phase !== 'open') return;
      // What devices have in flight is in the inbox when they come to the next owner.
      onMoment(ctx, s);
      onFlush(ctx, s);
    },
    quiet: (s) => s.phase !== 'open' || (s.appends.length === 0 && s.waits === null),
    shedClass: (mail) => {
      if (mail.t === 'typingState') return 3;
      if (mail.t === 'presence' || mail.t === 'watched') return 2;
      return mail.t === 'receipt' || mail.t === 'counts' ? 1 : 0;
    },
    redact: (s) => ({
      phase: s.phase,
      inbox: s.inboxHead,
      held: s.itemsHeld,
      appends: s.appends.length,
      chats: s.chats?.size ?? 0,
      watchers: s.watchers?.size ?? 0,
      devices: s.devices.map((d) => ({
        id: d.id,
        mode: d.mode,
        fed: d.fed,
        cursor: cursorOf(d),
        flight: d.flight.length,
      })),
    }),
  };
}

function load(ctx: Ctx, s: SessionState): void {
  const user = s.user;
  const reads = [
    { kind: 'row', table: 'user', partition: user, key: '' },
    { kind: 'rows', table: 'device', partition: user, after: '', limit: 64 },
    { kind: 'open', log: `i:${user}`, fence: s.fence },
  ] as const;
  ctx.tell(s.deps.writerFor(user), { t: 'load', token: 0, partition: user, reads });
  s.timerLoad = ctx.after(LOAD_RETRY_MS * Math.min(10, ++s.loadTries), TICK.load);
}

function onLoaded(ctx: Ctx, s: SessionState, r: LoadedMail): void {
  if (!r.ok || s.phase === 'open') return;
  const [row, devices, opened] = r.values as [Row | null, Row[], OpenedLog];
  if (row) {
    s.row = decodeUser(row.bytes);
    s.stamp = row.stamp;
  }
  const rows = devices.map((stored) => ({ stored, d: decodeDevice(stored.bytes) }));
  // Numbers are not given again when what had them has expired: a device that acked them would take the new entries for those.
  const last = Math.max(opened.end, ...rows.map(({ d }) => d.cursor));
  s.record = opened.record === null || last === opened.end ? opened.record : { ...opened.record, owed: true };
  s.inboxHead = last;
  s.inboxNext = last;
  const oldest = ctx.env.wallNow() - LIMITS.inboxRetentionMs;
  for (const { stored, d } of rows) {
    s.stamp = Math.max(s.stamp, stored.stamp);
    // Nobody has seen it for as long as the inbox keeps anything: it will be a fresh one if it ever comes back.
    if (d.seen >= oldest) s.devices = withDevice(s.devices, newDevice(stored.key, d));
  }
  ctx.cancel(s.timerLoad);
  s.timerLoad = 0;
  const waiting = s.phase === 'loading';
  s.phase = 'open';
  if (waiting) ctx.release();
  s.timerIdle = ctx.after(idleMs(s), TICK.idle);
}

function onMail(ctx: Ctx, s: SessionState, mail: Exclude<SessionMail, SessionTick>): Next {
  switch (mail.t) {
    case 'deliver':
      return onDeliver(ctx, s, mail);
    case 'ack':
      return onAck(ctx, s, mail);
    case 'receipt':
      return onReceipt(ctx, s, mail);
    case 'counts':
      return onCounts(ctx, s, mail);
    case 'typingState':
      return onTypingState(ctx, s, mail);
    case 'nudge':
      return onNudge(ctx, s, mail);
    case 'attach':
      return onAttach(ctx, s, mail);
    case 'detach':
      return onDetach(ctx, s, mail);
    case 'read':
      return onRead(ctx, s, mail);
    case 'listChats':
      return onListChats(ctx, s, mail);
    case 'watchUsers':
      return onWatchUsers(ctx, s, mail);
    case 'watched':
      return onWatched(ctx, s, mail);
    case 'presence':
      return onPresence(ctx, s, mail);
    case 'setBlock':
      return onSetBlock(ctx, s, mail);
    case 'setPrivacy':
      return onSetPrivacy(ctx, s, mail);
    case 'listDevices':
      return onListDevices(ctx, s, mail);
    case 'removeDevice':
      return onRemoveDevice(ctx, s, mail);
  }
}

function onTick(ctx: Ctx, s: SessionState, tick: SessionTick): Next {
  switch (tick.what) {
    case 'load':
      if (s.phase === 'open') return CONTINUE;
      if (s.phase === 'loading' && ctx.now() - s.loadSince >= LOAD_PATIENCE_MS) {
        s.phase = 'broken';
        ctx.release();
      }
      load(ctx, s);
      return CONTINUE;
    case 'moment':
      onMoment(ctx, s);
      for (const d of s.devices) feed(ctx, s, d);
      return CONTINUE;
    case 'evict':
      onEvict(ctx, s);
      return CONTINUE;
    case 'flush':
      onFlush(ctx, s);
      return CONTINUE;
    case 'presence':
      onPresenceTick(ctx, s);
      return CONTINUE;
    case 'watch':
      onWatchTick(ctx, s);
      return CONTINUE;
    case 'idle':
      return onIdle(ctx, s);
  }
}

/** Passivation: a user without sockets and without debts leaves, and comes back with the next mail. */
function onIdle(ctx: Ctx, s: SessionState): Next {
  s.timerIdle = 0;
  if (isOnline(s)) return CONTINUE;
  const busy =
    s.itemsHeld > 0 || s.appends.length > 0 || (s.waits?.size ?? 0) > 0 || s.timerFlush !== 0 || s.timerPresence !== 0;
  if (!busy && watchersGone(ctx, s)) return HIBERNATE;
  s.timerIdle = ctx.after(idleMs(s), TICK.idle);
  return CONTINUE;
}

const idleMs = (s: SessionState): number => (s.deps.pressure.level >= 3 ? PRESSED_IDLE_MS : IDLE_MS);

function watchersGone(ctx: Ctx, s: SessionState): boolean {
  if (s.watchers) for (const [user, until] of s.watchers) if (until < ctx.now()) s.watchers.delete(user);
  return (s.watchers?.size ?? 0) === 0;
}

function onResults(ctx: Ctx, s: SessionState, written: WrittenMail): void {
  for (const r of written.results) {
    if (!r.ok) throw new Error(`the store refused for good: ${r.fault ?? 'no reason'}`);
    const append = s.appends.find((a) => a.token === r.token);
    if (append) onAppended(ctx, s, append);
    else if (r.token > 0) onWait(ctx, s, r.token, true, null);
  }
}

function onWait(ctx: Ctx, s: SessionState, token: number, ok: boolean, value: unknown): void {
  const w: Wait | undefined = s.waits?.get(token);
  if (!w) return;
  s.waits?.delete(token);
  if (s.waits?.size === 0) s.waits = null;
  switch (w.for) {
    case 'feed':
      if (!ok) retryFeed(ctx, s, w);
      else if (w.greet) onGreetPage(ctx, s, w.device, w.conn, w.upTo, value as Entry[]);
      else onPage(ctx, s, w.device, w.conn, w.upTo, value as Entry[]);
      return;
    case 'bodies':
      if (ok) w.done((value as Entry[])[0]?.bytes ?? null);
      else retryFeed(ctx, s, w);
      return;
    case 'rows':
      w.done(ok ? (value as Row[]) : null);
      return;
    case 'summary':
      w.done(value, ok);
      return;
    case 'contact':
      if (ok) onContact(ctx, s, w.by, value !== null);
      return;
    case 'block':
      onBlockStored(ctx, s, w);
      return;
    case 'removed':
      onRemoved(ctx, s, w.device);
      ctx.send(w.to, { t: 'done', ref: w.ref, value: null });
      return;
    case 'reply':
      ctx.send(w.to, { t: 'done', ref: w.ref, value: null });
  }
}

/** The store failed a read: the moment timer feeds again. A greeting is given up, and the device reconnects. */
function retryFeed(ctx: Ctx, s: SessionState, w: Extract<Wait, { for: 'feed' | 'bodies' }>): void {
  if (w.device.conn !== w.conn) return;
  w.device.reading = false;
  if (w.for === 'feed' && w.greet) {
    evict(ctx, s, w.conn, 'unavailable');
    gone(ctx, s, w.device);
  } else if (s.timerMoment === 0) s.timerMoment = ctx.after(1_000, TICK.moment);
}

/** The store does not give this session its state: connections hear so; chats repeat by themselves. */
function refuseBroken(ctx: Ctx, mail: SessionMail): Next {
  if (!ctx.sender) return CONTINUE;
  if (mail.t === 'attach') ctx.send(ctx.sender, { t: 'dismissed', why: 'unavailable' });
  else if ('ref' in mail)
    ctx.send(ctx.sender, {
      t: 'fault',
      ref: mail.ref,
      chat: null,
      id: null,
      code: 'unavailable',
      afterMs: 1_000,
      about: 'the store does not answer',
    });
  return CONTINUE;
}

function onDown(ctx: Ctx, s: SessionState, down: Down): Next {
  const d = s.devices.find((device) => device.monitor === down.monitor);
  if (d) {
    d.monitor = 0;
    gone(ctx, s, d);
  }
  if (s.timerIdle === 0 && !isOnline(s)) s.timerIdle = ctx.after(idleMs(s), TICK.idle);
  return CONTINUE;
}

/**
 * A chat that took no `got` asks again for what is not settled, and hears the rest when it is acked again; a block that it did not take is told to the user. A connection that takes no more has missed
 * something that only a new sign-in repairs: it is sent away, as often as it takes until it hears that.
 */
function onRefused(ctx: Ctx, s: SessionState, refused: Refused): Next {
  s.deps.counters.count('shed', refused.kind);
  const mail = refused.mail as { t: string; replyTo?: Ref; ref?: number };
  if (refused.kind === 'connection' && refused.reason === 'noproc') evicted(s, refused.key);
  else if (refused.kind === 'connection') {
    const d = s.devices.find((device) => device.conn?.key === refused.key);
    if (d?.conn) {
      evict(ctx, s, d.conn, 'slow');
      gone(ctx, s, d);
    } else if (refused.reason === 'noconnection') evicted(s, refused.key);
  } else if (refused.kind === 'presence') {
    const lost = refused.mail as PresenceServiceMail;
    if (lost.t === 'say') presenceChanged(ctx, s);
    else if (lost.on) askSessions(ctx, s, lost.users);
  } else if (mail.t === 'got') {
    const view = viewOf(s, refused.key);
    if (view) view.delivered = 0;
  } else if (mail.t === 'block' && mail.replyTo)
    ctx.send(mail.replyTo, {
      t: 'fault',
      ref: mail.ref ?? null,
      chat: null,
      id: null,
      code: 'overloaded',
      afterMs: 1_000,
      about: 'the chat is busy',
    });
  return CONTINUE;
}
