// Entries of chats reach a user: in order, without gaps, to every device; what not all have acked within a moment goes to the inbox.
// Then, and only then, the chat hears `settled`.
import { decodeChange, decodeServerFrame, OP, TYPE } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import type { AckMail, DeliverMail, LogEntry, NudgeMail } from './mail.ts';
import { saveDevicesSoon } from './session-cursors.ts';
import { feed } from './session-feed.ts';
import { push } from './session-push.ts';
import { progress, tellChat } from './session-settle.ts';
import {
  BYTES_HELD_MAX,
  type ChatView,
  type Device,
  deviceOf,
  HAS_MAX,
  ITEMS_HELD_MAX,
  type Item,
  makeView,
  type SessionState,
  viewOf,
} from './session-state.ts';

export const FETCH_AGAIN_MS = 1_000;

export function onDeliver(ctx: Ctx, s: SessionState, mail: DeliverMail): Next {
  const view = makeView(s, mail.chat);
  if (view.known < 0) {
    if (!mail.joined) return fetch(ctx, s, view);
    view.known = mail.base;
    view.settled = mail.base;
  }
  // Something before this is missing: ask for it, and let this come with it.
  if (mail.base > view.known) return fetch(ctx, s, view);
  view.fetchedMs = Number.NEGATIVE_INFINITY;
  for (const entry of mail.entries) {
    if (entry.n <= view.known) continue;
    // No room: the chat has it, and says so again.
    if (s.itemsHeld >= ITEMS_HELD_MAX || s.bytesHeld >= BYTES_HELD_MAX) return progress(ctx, s, view);
    take(ctx, s, view, entry);
  }
  view.known = Math.max(view.known, mail.upTo);
  return progress(ctx, s, view);
}

function take(ctx: Ctx, s: SessionState, view: ChatView, entry: LogEntry): void {
  view.known = entry.n;
  const item: Item = { entry, mine: concerns(s, entry), queued: false, done: false };
  view.items.push(item);
  s.itemsHeld++;
  s.bytesHeld += entry.frame.length;
  for (const d of s.devices) if (d.mode === 'live') push(ctx, s, d, view.chat, entry, 0);
}

/** Does this entry make the user a member, or end it? */
function concerns(s: SessionState, entry: LogEntry): boolean {
  if (entry.type < TYPE.created || entry.type > TYPE.left) return false;
  const f = decodeServerFrame(entry.frame);
  if (f.op !== OP.RECEIVE_MESSAGE) return false;
  const change = decodeChange(entry.type, f.body);
  if (change.type === TYPE.created) return change.members.some(([user]) => user === s.user);
  if (change.type === TYPE.left) return entry.sender === s.user;
  return 'users' in change && change.users.includes(s.user);
}

function fetch(ctx: Ctx, s: SessionState, view: ChatView): Next {
  if (ctx.now() - view.fetchedMs < FETCH_AGAIN_MS) return CONTINUE;
  view.fetchedMs = ctx.now();
  ctx.route('chat', view.chat, { t: 'fetch', user: s.user, after: view.known < 0 ? null : view.known });
  return CONTINUE;
}

/** The chat has not heard from us: either our word was lost, or its mail was. */
export function onNudge(ctx: Ctx, s: SessionState, mail: NudgeMail): Next {
  const view = makeView(s, mail.chat);
  if (view.known < mail.upTo) {
    view.fetchedMs = Number.NEGATIVE_INFINITY;
    return fetch(ctx, s, view);
  }
  tellChat(ctx, s, view);
  return CONTINUE;
}

/** Cumulative, per chat: the device has everything up to there. */
export function onAck(ctx: Ctx, s: SessionState, mail: AckMail): Next {
  const d = deviceOf(s, mail.device);
  if (!d || d.conn === null || ctx.sender !== d.conn) return CONTINUE;
  for (const { chat, seq } of mail.acks) ack(ctx, s, d, chat, seq);
  saveDevicesSoon(ctx, s);
  feed(ctx, s, d);
  return CONTINUE;
}

function ack(ctx: Ctx, s: SessionState, d: Device, chat: string, seq: number): void {
  let kept = 0;
  for (const f of d.flight) {
    if (f.chat === chat && f.n <= seq) {
      d.flightBytes -= f.bytes;
    } else d.flight[kept++] = f;
  }
  d.flight.length = kept;
  if (d.mode !== 'live') {
    d.has ??= new Map();
    // Bounded: a device that never catches up may ack whatever it likes meanwhile. What is forgotten is pushed again, and dropped there.
    const known = d.has.get(chat) ?? (d.has.size < HAS_MAX ? 0 : Number.POSITIVE_INFINITY);
    if (seq > known) d.has.set(chat, seq);
  }
  const view = viewOf(s, chat);
  if (view && view.known >= 0) {
    const upTo = Math.min(seq, view.known);
    if (view.items.length > 0) {
      view.acks ??= new Map();
      if (upTo > (view.acks.get(d.id) ?? 0)) view.acks.set(d.id, upTo);
    }
    const moved = upTo > view.delivered;
    if (moved) view.delivered = upTo;
    const settled = view.settled;
    progress(ctx, s, view);
    if (moved && view.settled === settled) tellChat(ctx, s, view);
  } else {
    // Fed from the inbox, read from the log, or pushed by the session's last owner: the chat is not known here, but its sender wants to hear.
    ctx.route('chat', chat, { t: 'got', user: s.user, delivered: seq, settled: 0 });
  }
}
