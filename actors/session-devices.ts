// Devices come and go: registration, resume or gap, displacement, removal, and where each stands in the inbox, stored lazily.
import { encodeFrame, LIMITS, OP } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next, type Ref } from '../runtime/index.ts';
import type { Entry, Write } from '../storage/index.ts';
import type { AttachMail, ChatSummary, DetachMail, ListDevicesMail, RemoveDeviceMail } from './mail.ts';
import { readChats } from './session-chats.ts';
import { saveDevice, saveDevicesSoon } from './session-cursors.ts';
import { evict } from './session-evict.ts';
import { feed, onPage, readPage } from './session-feed.ts';
import { presenceChanged } from './session-presence.ts';
import {
  CLOCK_SKEW_MS,
  cursorOf,
  type Device,
  deviceOf,
  NO_FLIGHT,
  newDevice,
  nextStamp,
  type SessionState,
  wait,
  withDevice,
} from './session-state.ts';
import { TICK } from './ticks.ts';

export const SUMMARIES_AT_ONCE = 50;
export const SUMMARY_DEADLINE_MS = 3_000;
export const SUMMARY_TRIES = 3;

export function onAttach(ctx: Ctx, s: SessionState, mail: AttachMail): Next {
  const conn = ctx.sender;
  if (conn === null) return CONTINUE;
  const known = deviceOf(s, mail.device);
  if (known?.mode === 'removed') {
    // Soon its row is gone, and it may begin anew.
    evict(ctx, s, conn, 'unavailable');
    return CONTINUE;
  }
  let d = known;
  if (!d && s.devices.length >= LIMITS.devicesPerUserMax) {
    evict(ctx, s, conn, 'tooMany');
    return CONTINUE;
  }
  if (d?.conn && d.conn !== conn) {
    evict(ctx, s, d.conn, 'displaced');
    s.deps.counters.count('displaced', 'device');
    drop(ctx, d);
  }
  const resumes = d !== undefined && d.sync !== '' && d.sync === mail.sync;
  if (!d) {
    d = newDevice(mail.device, { sync: '', cursor: s.inboxHead, agent: mail.agent, seen: 0, since: 0 });
    s.devices = withDevice(s.devices, d);
  }
  const livedBefore = known !== undefined || s.removed.includes(mail.device);
  if (!resumes) d.since = ctx.env.wallNow() + (livedBefore ? CLOCK_SKEW_MS : 0);
  if (mail.agent !== '') d.agent = mail.agent;
  d.seen = ctx.env.wallNow();
  d.conn = conn;
  if (d.monitor !== 0) ctx.demonitor(d.monitor);
  d.monitor = ctx.monitor(conn);
  d.mode = 'greeting';
  // The same connection may ask again with frames in flight: what it has not acked is owed to it still.
  d.fed = cursorOf(d);
  d.flight = NO_FLIGHT;
  d.flightBytes = 0;
  d.reading = false;
  d.announce = !mail.again;
  d.has = new Map(mail.known.map(({ chat, seq }) => [chat, seq]));
  d.told = null;
  if (resumes) resume(ctx, s, d, conn, mail.again);
  else startFresh(ctx, s, d, conn);
  presenceChanged(ctx, s);
  return CONTINUE;
}

/** From its cursor on, if the inbox still has all that follows. */
function resume(ctx: Ctx, s: SessionState, d: Device, conn: Ref, again: boolean): void {
  d.fed = Math.min(d.fed, s.inboxHead);
  if (again || d.fed === s.inboxHead) {
    welcome(ctx, d, conn, true);
    return feed(ctx, s, d);
  }
  if (!readPage(ctx, s, d, conn, true)) dismiss(ctx, s, d, conn);
}

export function onGreetPage(
  ctx: Ctx,
  s: SessionState,
  d: Device,
  conn: Ref,
  upTo: number,
  entries: readonly Entry[],
): void {
  d.reading = false;
  if (d.conn !== conn) return;
  if (entries[0]?.n !== d.fed + 1) {
    // Its retention ran out: the device has to read the logs.
    return startFresh(ctx, s, d, conn);
  }
  welcome(ctx, d, conn, true);
  onPage(ctx, s, d, conn, upTo, entries);
}

function welcome(ctx: Ctx, d: Device, conn: Ref, resumed: boolean): void {
  ctx.send(conn, { t: 'attached', sync: d.sync, resumed });
  if (resumed) d.mode = 'catchup';
}

function dismiss(ctx: Ctx, s: SessionState, d: Device, conn: Ref): void {
  evict(ctx, s, conn, 'unavailable');
  drop(ctx, d);
}

/** A device with nothing of ours: it hears of every chat what there is to read, then goes on with what comes from now on. */
function startFresh(ctx: Ctx, s: SessionState, d: Device, conn: Ref): void {
  // What an earlier life of this device acked, it may have forgotten.
  if (s.chats) for (const view of s.chats.values()) view.acks?.delete(d.id);
  d.fed = s.inboxHead;
  d.sync = '';
  d.announce = true;
  d.storedCursor = -1;
  saveDevice(ctx, s, d);
  welcome(ctx, d, conn, false);
  nextChats(ctx, s, d, conn, '');
}

function nextChats(ctx: Ctx, s: SessionState, d: Device, conn: Ref, after: string): void {
  const token = wait(s, {
    for: 'rows',
    done: (rows) => {
      if (d.conn !== conn) return;
      if (rows === null) dismiss(ctx, s, d, conn);
      else if (rows.length === 0) {
        d.mode = 'catchup';
        feed(ctx, s, d);
      } else
        askSummaries(
          ctx,
          s,
          d,
          conn,
          rows.map((r) => r.key),
          1,
        );
    },
  });
  if (readChats(ctx, s, token, after, SUMMARIES_AT_ONCE)) return;
  s.waits?.delete(token);
  dismiss(ctx, s, d, conn);
}

function askSummaries(
  ctx: Ctx,
  s: SessionState,
  d: Device,
  conn: Ref,
  chats: readonly string[],
  attempt: number,
): void {
  const failed: string[] = [];
  let open = chats.length;
  for (const chat of chats) {
    const token = wait(s, {
      for: 'summary',
      done: (value, ok) => {
        open--;
        if (d.conn !== conn) return;
        if (!ok) failed.push(chat);
        else if (value !== null) sayGap(ctx, s, d, value as ChatSummary);
        if (open > 0) return;
        if (failed.length === 0) nextChats(ctx, s, d, conn, chats[chats.length - 1] ?? '');
        else if (attempt < SUMMARY_TRIES) askSummaries(ctx, s, d, conn, failed, attempt + 1);
        else dismiss(ctx, s, d, conn);
      },
    });
    ctx.call('chat', chat, { t: 'summary', user: s.user }, SUMMARY_DEADLINE_MS, token);
  }
}

function sayGap(ctx: Ctx, s: SessionState, d: Device, { chat, first, head, delivered }: ChatSummary): void {
  const has = Math.min(d.has?.get(chat) ?? 0, head);
  // Its ack was lost, or it had no connection to say it on.
  if (has > delivered) ctx.route('chat', chat, { t: 'got', user: s.user, delivered: has, settled: 0 });
  const from = Math.max(first, has + 1);
  if (from > head) return;
  d.told ??= new Map();
  d.told.set(chat, head);
  if (d.conn !== null) ctx.send(d.conn, { t: 'gap', chat, from, to: head, at: d.told.size });
}

export function onDetach(ctx: Ctx, s: SessionState, mail: DetachMail): Next {
  const d = deviceOf(s, mail.device);
  if (d?.conn && d.conn === ctx.sender) gone(ctx, s, d);
  return CONTINUE;
}

/** The socket of a device is gone: what it had in flight and not acked is owed to it again. */
export function gone(ctx: Ctx, s: SessionState, d: Device): void {
  drop(ctx, d);
  d.seen = ctx.env.wallNow();
  saveDevicesSoon(ctx, s);
  // It will not ack in a moment any more.
  if (s.itemsHeld > 0 && s.timerMoment === 0) s.timerMoment = ctx.after(0, TICK.moment);
  presenceChanged(ctx, s);
}

function drop(ctx: Ctx, d: Device): void {
  if (d.monitor !== 0) ctx.demonitor(d.monitor);
  d.fed = cursorOf(d);
  d.monitor = 0;
  d.conn = null;
  d.mode = 'offline';
  d.flight = NO_FLIGHT;
  d.flightBytes = 0;
  d.reading = false;
  d.has = null;
  d.told = null;
}

export function onListDevices(ctx: Ctx, s: SessionState, mail: ListDevicesMail): Next {
  if (!ctx.sender) return CONTINUE;
  const devices = s.devices.map((d) => ({ device: d.id, agent: d.agent, seen: d.seen, online: d.conn !== null }));
  const { ref } = mail;
  ctx.send(ctx.sender, { t: 'reply', ref, frame: encodeFrame({ op: OP.DEVICES, ref, devices }) });
  return CONTINUE;
}

export function onRemoveDevice(ctx: Ctx, s: SessionState, mail: RemoveDeviceMail): Next {
  const to = ctx.sender;
  if (!to) return CONTINUE;
  const d = deviceOf(s, mail.device);
  if (!d) {
    ctx.send(to, {
      t: 'fault',
      ref: mail.ref,
      chat: null,
      id: null,
      code: 'no_such_device',
      afterMs: 0,
      about: 'no such device',
    });
    return CONTINUE;
  }
  const del: Write = { t: 'del', table: 'device', partition: s.user, key: d.id, stamp: nextStamp(s) };
  const token = wait(s, { for: 'removed', to, ref: mail.ref, device: d });
  if (!ctx.tell(s.deps.writerFor(s.user), { t: 'write', token, partition: s.user, writes: [del] })) {
    s.waits?.delete(token);
    ctx.send(to, {
      t: 'fault',
      ref: mail.ref,
      chat: null,
      id: null,
      code: 'unavailable',
      afterMs: 1_000,
      about: 'the store takes nothing now',
    });
    return CONTINUE;
  }
  if (d.conn) evict(ctx, s, d.conn, 'revoked');
  drop(ctx, d);
  d.mode = 'removed';
  if (s.itemsHeld > 0 && s.timerMoment === 0) s.timerMoment = ctx.after(0, TICK.moment);
  presenceChanged(ctx, s);
  return CONTINUE;
}

/** Its row is gone. Until then it was owed everything: should this session die before, the device goes on from what its row says. */
export function onRemoved(ctx: Ctx, s: SessionState, d: Device): void {
  s.devices = s.devices.filter((other) => other !== d);
  s.removed = [...s.removed.filter((id) => id !== d.id), d.id].slice(-LIMITS.devicesPerUserMax);
  if (s.itemsHeld > 0 && s.timerMoment === 0) s.timerMoment = ctx.after(0, TICK.moment);
}
